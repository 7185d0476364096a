"""What the gateway itself costs: a synchronous trigger behind a dispatcher that answers at once, loaded by wrk.

    .venv/bin/python tools/bench_gateway.py [--seconds 5] [--connections 64] [--bare] [--profile FILE]

Prints requests a second and CPU microseconds a request of the gateway's process. `--bare` serves a constant with uvicorn alone, for
comparison. wrk comes from Debian (apt-get install wrk).
"""

import argparse
import asyncio
import cProfile
import math
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from sluice.binding import Binding, Mode
from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.dispatch import Session
from sluice.event import Event
from sluice.function import Function
from sluice.outcome import Outcome, Reply, Verdict
from sluice_gateway.app import Gateway
from sluice_gateway.service import GatewayService

URN = "urn:fss:local-1:p1:function:default:hello:latest"
ENVELOPE = b'{"statusCode":200,"headers":{"Content-Type":"application/json"},"isBase64Encoded":false,"body":"{\\"ok\\":true}"}'
SCRIPT = 'wrk.method = "POST"\nwrk.body = string.rep("x", 1024)\nwrk.headers["Content-Type"] = "application/octet-stream"\n'


class AnswersAtOnce:
    """A dispatcher whose function needs no time."""

    def __init__(self) -> None:
        self.outcome = Outcome(Verdict.DONE, reply=Reply(200, ENVELOPE))

    def session(self, service: str) -> Session:
        raise NotImplementedError

    def filtered(self, trigger: str, records: int) -> None:
        raise NotImplementedError

    async def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Outcome:
        return self.outcome

    async def call(self, trigger: str, event: Event, timeout_s: float) -> Outcome:
        return self.outcome

    async def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Outcome:
        return self.outcome

    async def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Outcome:
        return self.outcome


class Bare(Gateway):
    """Reads the body, answers a constant."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"11")]})
        await send({"type": "http.response.body", "body": b'{"ok":true}'})


async def no_metrics() -> str:
    return ""


async def no_api(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError


def gateway(bare: bool) -> Gateway:
    snapshot = Snapshot()
    settings = b'{"path":"/orders","auth":"NONE","req_method":"POST"}'
    snapshot.apply(Change(1, function=Function(URN)))
    snapshot.apply(Change(2, binding=Binding("t1", "p1", "APIG", "gateway", URN, settings, mode=Mode.SYNC)))
    kind = Bare if bare else Gateway
    return kind(AnswersAtOnce(), snapshot, api=no_api, exposition=no_metrics, may_read=bool, clock=SystemClock())


def serve(pipe: Connection, bare: bool, profile: str) -> None:
    service = GatewayService(gateway(bare), "127.0.0.1:0")

    async def until_told() -> None:
        running = asyncio.create_task(service.run(lambda: pipe.send(service.url)))
        await asyncio.to_thread(pipe.recv)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    profiler = cProfile.Profile() if profile else None
    if profiler:
        profiler.enable()
    uvloop.run(until_told())
    if profiler:
        profiler.disable()
        profiler.dump_stats(profile)


def cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(url: str, seconds: int, connections: int) -> int:
    """Requests answered."""
    wrk = shutil.which("wrk") or sys.exit("wrk is missing: apt-get install wrk")
    script = f"/tmp/bench_gateway_{os.getpid()}.lua"
    with open(script, "w") as file:
        file.write(SCRIPT)
    try:
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}", "-s", script, f"{url}/orders"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    finally:
        os.unlink(script)
    if "Non-2xx" in text or "Socket errors" in text:
        print(text)
    return int(re.search(r"(\d+) requests in", text)[1])  # type: ignore[index]  # wrk always prints it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--profile", default="")
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, arguments.bare, arguments.profile))
    process.start()
    url = ours.recv()
    load(url, 1, arguments.connections)
    assert process.pid is not None
    cpu, began = cpu_s(process.pid), time.monotonic()
    requests = load(url, arguments.seconds, arguments.connections)
    cpu, took = cpu_s(process.pid) - cpu, time.monotonic() - began
    ours.send(None)
    process.join(15)
    print(f"{requests / took:,.0f} requests/s, {cpu / requests * 1e6:.1f} CPU µs a request ({cpu / took:.0%} of a core)")


if __name__ == "__main__":
    main()
