"""`make run`: Sluice on this machine, with a function, and a line for each event delivered to it, until Ctrl-C.

KAFKA=host:port TOPIC=name in the environment add the records of that topic. Data stays in .sluice/run from one run to the next.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sluice.errors import SluiceError
from sluice_cli.apply import apply
from sluice_cli.check import checked
from sluice_cli.client import Client
from sluice_cli.credentials import find
from sluice_cli.listing import trigger_place, triggers

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(".sluice/run")
FUNCTION = "hello"
PORT = 8090
START_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
LOOK_EVERY_S = 1.0
PR_SET_PDEATHSIG = 1


class Stopped(Exception):
    """Sluice cannot run, or ended by itself; the message says why."""


def main() -> int:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    try:
        show(topic(os.environ))
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 0
    except (Stopped, SluiceError) as reason:
        print(f"make run: {reason}", file=sys.stderr)
        return 1
    return 1


def topic(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The broker and the topic to read, if both are named. Raises Stopped if only one is."""
    kafka, name = environment.get("KAFKA", ""), environment.get("TOPIC", "")
    if bool(kafka) != bool(name):
        raise Stopped("KAFKA=host:port and TOPIC=name go together: name both or none")
    return (kafka, name) if kafka else None


def show(records: tuple[str, str] | None) -> None:
    """Everything, until interrupted."""
    with sluice(listen_address()) as url:
        client = Client(find(DATA, {}))
        following = Client(find(DATA, {}))
        put(client, records)
        print(introduction(url, records), flush=True)
        names = {trigger["trigger_id"]: label(trigger, records) for trigger in triggers(client, FUNCTION)}
        threading.Thread(target=tell_trouble, args=(client, names), daemon=True).start()
        for story in following.lines(f"/sluice/v1/{following.project}/tail"):
            print(delivered(story, names), flush=True)
    raise Stopped(f"Sluice ended; {DATA}.log says why")


def listen_address() -> str:
    """The usual port, or a free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            print(f"port {PORT} is taken, so a free one is used", flush=True)
            return "127.0.0.1:0"
    return f"127.0.0.1:{PORT}"


@contextmanager
def sluice(listen: str) -> Iterator[str]:
    """`sluice up`, stopped at the end. Its URL."""
    DATA.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).with_name("sluice")), "up", "--data", str(DATA), "--listen", listen]
    with DATA.with_suffix(".log").open("wb") as log:
        # In a session of its own, or Ctrl-C would reach it twice: from the terminal and from here.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True, preexec_fn=end_with_parent)
    try:
        yield started(process)
    finally:
        stop(process)


def end_with_parent() -> None:
    """Even when we are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def started(process: "subprocess.Popen[bytes]") -> str:
    """Returns when it is up. Raises Stopped with its last words if it is not."""
    alarm = threading.Timer(START_WITHIN_S, process.kill)
    alarm.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(b"Sluice is up at "):
                return line.split()[-1].decode()
    finally:
        alarm.cancel()
    log = DATA.with_suffix(".log").read_text().splitlines()
    raise Stopped("\n".join(["Sluice did not start:", *log[-5:]]))


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def put(client: Client, records: tuple[str, str] | None) -> None:
    """Make Sluice have the function and these triggers, and no other."""
    file = DATA / "sluice.yaml"
    file.write_text(json.dumps(manifest(records), indent=2) + "\n")  # JSON is YAML
    apply(client, checked(file), lambda done: None)
    if records is None:
        for trigger in triggers(client, FUNCTION):
            if trigger["type"] == "OPENSOURCEKAFKA":
                client.delete(trigger_place(client, trigger))


def manifest(records: tuple[str, str] | None) -> dict[str, Any]:
    wanted: list[dict[str, Any]] = [
        {"type": "TIMER", "name": "tick", "schedule_type": "Cron", "schedule": "@every 2s", "user_event": '{"from": "the timer"}'},
        {"type": "APIG", "name": "hello", "path": "/hello", "auth": "NONE", "func_info": {"timeout": 10000, "invocation_type": "async"}},
    ]
    if records:
        kafka, name = records
        wanted.append({"type": "OPENSOURCEKAFKA", "kafka_connect_address": kafka, "topic_ids": [name], "start_position": "earliest"})
    code = str(ROOT / "examples/hello/hello")
    return {"functions": {FUNCTION: {"code": code, "timeout": 10, "concurrency": 10, "triggers": wanted}}}


def label(trigger: Mapping[str, Any], records: tuple[str, str] | None) -> str:
    match trigger["type"]:
        case "TIMER":
            return f"timer {trigger['name']}"
        case "APIG":
            return "http /hello"
        case _:
            return f"kafka {records[1] if records else ''}"


def introduction(url: str, records: tuple[str, str] | None) -> str:
    command = Path(sys.executable).with_name("sluice")
    shown = command.relative_to(Path.cwd()) if command.is_relative_to(Path.cwd()) else command
    sources = "a timer, every two seconds, and of requests"
    if records:
        sources += f", and the records of {records[1]} at {records[0]}"
    more = "" if records else "\n  make run KAFKA=host:port TOPIC=name        the records of a topic too"
    return f"""
Sluice is up at {url}. The function `{FUNCTION}` gets the events of {sources}.
Each line below is an event that was delivered and has ended. Try, in another terminal:

  curl -d '{{"name": "you"}}' {url}/hello
  curl {url}/metrics
  {shown} invoke {FUNCTION} -d '{{"name": "you"}}' --data {DATA}
  {shown} logs {FUNCTION} -f --data {DATA}
  {shown} get triggers --data {DATA}{more}

Ctrl-C ends it.
"""


def delivered(story: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """One line: when, how it ended, where it came from, its id and what happened last."""
    last: Mapping[str, Any] = story["steps"][-1] if story["steps"] else {"at": time.time(), "detail": ""}
    at = time.strftime("%H:%M:%S", time.localtime(last["at"]))
    whence = names.get(story["trigger_id"], "invoke")
    return f"{at}  {story['state']:<8} {whence:<16} -> {FUNCTION}  {story['id']}  {last['detail']}".rstrip()


def tell_trouble(client: Client, names: Mapping[str, str]) -> None:
    """A line when a trigger cannot read, and when it reads again."""
    said = dict.fromkeys(names, "")
    while True:
        try:
            found = list(triggers(client, FUNCTION))
        except SluiceError:
            return  # Sluice is stopping: whoever follows the events says so
        for trigger in found:
            identity, trouble = trigger["trigger_id"], trigger["reason"] if trigger["state"] in ("waiting", "error") else ""
            if trouble != said.get(identity):
                print(f"          {names.get(identity, identity)}: {trouble or 'reads again'}", flush=True)
                said[identity] = trouble
        time.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    raise SystemExit(main())
