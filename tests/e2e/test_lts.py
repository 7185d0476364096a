"""Logs sent and followed to a real function, with what takes them killed on the way, and the sums."""

import base64
import json
import re
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.event import MAX_EVENT_BYTES
from sluice.text import BINARY
from tests.e2e.bursts import assert_small, begin_small
from tests.e2e.driver import FUNCTIONS, PICKED_UP_S, Sluice, Witness
from tests.e2e.pushing import Pusher
from tests.e2e.shell import commands, shell
from tests.servers import free_port_run
from tests.unit.sluice_lts.samples import loki_protobuf, otlp_json, otlp_protobuf

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "lines"
LOGS = 100_000
TOGETHER = 500
"""Logs of one request."""
WITHIN_S = 90.0
OWN = {"log_group_id": "g", "log_topic_id": "t"}
PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}

MakeFunction = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def readable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The one folder whose files may be followed; known before anything starts."""
    folder = tmp_path_factory.mktemp("readable")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SLUICE_READABLE_LOGS", str(folder))
        yield folder


def logs_of(body: str) -> list[dict[str, Any]]:
    content = json.loads(base64.b64decode(json.loads(body)["lts"]["data"]))
    logs: list[dict[str, Any]] = json.loads(content["logs"])
    return logs


def messages(witness: Witness) -> Counter[str]:
    """How many events told of each."""
    bodies = {event: body for event, _, body in witness.calls()}
    return Counter(log["message"] for body in bodies.values() for log in logs_of(body))


def until(sluice: Sluice, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, sluice.log.read_text()[-3000:]
        time.sleep(0.1)


def killed(sluice: Sluice) -> list[Callable[[], None]]:
    """What is done to it on the way, one after the other."""
    if sluice.mesh:
        return [lambda name=name: sluice.kill_service(name) for name in ("lts", "dispatcher", "gateway")]  # type: ignore[misc]

    def everything() -> None:
        sluice.kill()
        sluice.start()

    return [everything, everything]


def test_what_is_sent_is_accepted_once_while_everything_is_killed(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(), "LTS", OWN)
    sluice.until_state(trigger, "running")

    def request(numbers: range) -> bytes:
        return otlp_protobuf(*(f"n{number}" for number in numbers))

    pusher = Pusher(sluice, f"/sluice/v1/push/lts/{trigger}/v1/logs", request, batch=TOGETHER, headers=PROTOBUF)
    steps = killed(sluice)
    part = LOGS // (len(steps) + 1)
    with pusher.sending(LOGS):
        for step, kill in enumerate(steps, 1):
            until(sluice, lambda goal=step * part: pusher.taken >= goal)  # type: ignore[misc]
            kill()
    until(sluice, lambda: sluice.counts(trigger)["open"] == 0)
    row, seen = sluice.counts(trigger), messages(witness)
    assert row["received"] == row["success"], row
    assert len(seen) == LOGS, "lost"
    assert not [message for message, events in seen.items() if events > 1], "accepted twice"
    assert sum(answer // 100 != 2 for answer in pusher.answers.elements()), "nothing was killed under a request"


def test_lines_are_accepted_once_while_their_file_is_rotated_and_everything_is_killed(
    sluice: Sluice, witness: Witness, make_function: MakeFunction, readable: Path
) -> None:
    path = readable / f"app-{time.time_ns()}.log"
    settings = {**OWN, "files": [str(path)], "start_position": "earliest"}
    trigger = sluice.trigger(make_function(), "LTS", settings)
    sluice.until_state(trigger, "running")
    steps = killed(sluice)
    parts = len(steps) + 1
    for step in range(parts):
        written = threading.Thread(target=write, args=(path, range(step * LOGS // parts, (step + 1) * LOGS // parts)))
        written.start()
        if step < len(steps):
            until(sluice, lambda goal=step * LOGS // parts: len(messages(witness)) > goal)  # type: ignore[misc]
            steps[step]()
        written.join(WITHIN_S)
        path.rename(f"{path}.{parts - step}")
    path.write_text("last\n")
    until(sluice, lambda: messages(witness)["last"])
    until(sluice, lambda: sluice.counts(trigger)["open"] == 0)
    row, seen = sluice.counts(trigger), messages(witness)
    assert row["received"] == row["success"], row
    assert len(seen) == LOGS + 1, "lost"
    assert not [message for message, events in seen.items() if events > 1], "accepted twice"


def write(path: Path, numbers: range) -> None:
    with path.open("a") as file:
        for start in range(numbers.start, numbers.stop, 1000):
            file.writelines(f"n{number}\n" for number in range(start, min(start + 1000, numbers.stop)))
            file.flush()


def test_syslog_over_tcp_is_taken_while_the_dispatcher_is_killed(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    """What dies with the trigger's own process is lost, as syslog is; nothing else is. A message that was accepted when its dispatcher died
    may come twice, for it has no id."""
    port, count = free_port_run(1), 20_000
    trigger = sluice.trigger(make_function(), "LTS", {**OWN, "syslog_tcp": f"127.0.0.1:{port}"})
    sluice.until_state(trigger, "running")
    with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as sending:
        for start in range(0, count, 1000):
            if start == count // 2 and sluice.mesh:
                sluice.kill_service("dispatcher")
            sending.sendall(b"".join(b"<13>Mar  2 10:00:00 vm1 shop: n%d\n" % number for number in range(start, start + 1000)))
    until(sluice, lambda: len(messages(witness)) == count)
    until(sluice, lambda: sluice.counts(trigger)["open"] == 0)
    assert sluice.counts(trigger)["failed"] == 0
    if not sluice.mesh:
        assert set(messages(witness).values()) == {1}


def test_a_file_that_the_operator_does_not_name_is_not_read(sluice: Sluice, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(), "LTS", {**OWN, "files": ["/etc/passwd"]})
    assert "readable_logs" in sluice.until_state(trigger, "error")["reason"]


def test_a_poison_log_blocks_nothing_and_odd_ones_pass(sluice: Sluice, witness: Witness) -> None:
    poison = base64.b64encode(b'{"logs":"[{\\"message\\":\\"poison log')[:-4].decode()
    environment = {**witness.environment, "FAIL": poison}
    urn = sluice.function(f"odd-{time.time_ns()}", FUNCTIONS / "witness", environment=environment)
    trigger = sluice.trigger(urn, "LTS", {**OWN, "batch_size": 1})
    sluice.until_state(trigger, "running")

    def send(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        return sluice.send("POST", f"/sluice/v1/push/lts/{trigger}{path}", body, signed=False, headers=headers)

    assert send("/v1/logs", otlp_json("poison log", "after it", ""), JSON)[0] == 200
    assert send("/loki/api/v1/push", loki_protobuf(b"\xff\x00", '"\\\u2028 ☃'.encode()), PROTOBUF)[0] == 204
    status, answer = send("/v1/logs", otlp_json("x" * MAX_EVENT_BYTES, "beside it"), JSON)
    assert (status, json.loads(answer)["partialSuccess"]["rejectedLogRecords"]) == (200, "1")
    until(sluice, lambda: sluice.counts(trigger)["success"] == 5)
    row = sluice.until_ended(trigger, 7)
    assert (row["failed"], row["discarded"]) == (1, 1), row
    assert set(messages(witness)) == {"poison log", "after it", "", f"{BINARY}/wA=", '"\\\u2028 ☃', "beside it"}
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/{urn}")


def test_a_stream_gives_all_its_triggers_what_each_of_them_chooses(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    own = {"log_group_id": "g", "log_topic_id": f"t{time.time_ns()}"}
    bad = sluice.trigger(make_function(), "LTS", {**own, "filter": {"severity": "ERROR"}})
    slow = sluice.trigger(make_function(), "LTS", {**own, "filter": {"attributes.http.method": "GET"}})
    for trigger in (bad, slow):
        sluice.until_state(trigger, "running")
    path = f"/sluice/v1/{sluice.project}/publish/lts/{own['log_group_id']}%2F{own['log_topic_id']}/v1/logs"
    method = [{"key": "http.method", "value": {"stringValue": "GET"}}]
    assert sluice.send("POST", path, otlp_json("x"), signed=False)[0] == 401
    assert sluice.send("POST", path, otlp_json("bad", severityText="ERROR"))[0] == 200
    assert sluice.send("POST", path, otlp_json("slow", attributes=method))[0] == 200
    assert (sluice.until_ended(bad, 1)["success"], sluice.until_ended(slow, 1)["success"]) == (1, 1)
    until(sluice, lambda: sluice.counts(bad)["filtered"] == sluice.counts(slow)["filtered"] == 1)
    assert messages(witness) == {"bad": 1, "slow": 1}


def test_a_changed_token_counts_at_once_and_for_this_trigger_alone(sluice: Sluice, make_function: MakeFunction) -> None:
    urn, own = make_function(), {**OWN, "push_token": "the first"}
    trigger, other = (sluice.trigger(urn, "LTS", {**own, "log_topic_id": topic}) for topic in "ab")
    for one in (trigger, other):
        sluice.until_state(one, "running")

    def status(to: str, token: str) -> int:
        headers = {**JSON, "Authorization": f"Bearer {token}"}
        return sluice.send("POST", f"/sluice/v1/push/lts/{to}/v1/logs", otlp_json("x"), signed=False, headers=headers)[0]

    assert (status(trigger, "the first"), status(other, "the first")) == (200, 200)
    changed = {**own, "log_topic_id": "a", "push_token": "the second"}
    sluice.api("PUT", f"/fgs/triggers/{urn}/LTS/{trigger}", {"event_data": changed})
    deadline = time.monotonic() + PICKED_UP_S
    while (answer := status(trigger, "the second")) != 200:
        assert answer in (401, 503), answer
        assert time.monotonic() < deadline, "the new token does not count"
    assert (status(trigger, "the first"), status(other, "the first")) == (401, 200)


def test_of_a_burst_that_no_function_takes_the_sender_keeps_what_is_too_much(sluice: Sluice, make_function: MakeFunction) -> None:
    begin_small(sluice)
    trigger = sluice.trigger(make_function(instances=1, each=1, delay_ms=20_000), "LTS", {**OWN, "max_pending": 10})
    sluice.until_state(trigger, "running")
    told: Counter[int] = Counter()

    def send(numbers: range) -> None:
        for start in numbers:
            body = otlp_protobuf(*(f"n{number}{'.' * 100}" for number in range(start, start + TOGETHER)))
            told[sluice.send("POST", f"/sluice/v1/push/lts/{trigger}/v1/logs", body, signed=False, headers=PROTOBUF)[0]] += 1

    threads = [threading.Thread(target=send, args=(range(first * TOGETHER, 50_000, 10 * TOGETHER),)) for first in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN_S)
    assert_small(sluice)
    assert set(told) <= {200, 429, 503}, told
    assert told[429] + told[503] > told[200], told
    row = sluice.counts(trigger)
    sluice.api("DELETE", f"/fgs/triggers/{row['function_urn']}/LTS/{trigger}")


def test_a_burst_of_lines_stays_in_its_file(sluice: Sluice, make_function: MakeFunction, readable: Path) -> None:
    begin_small(sluice)
    path = readable / f"burst-{time.time_ns()}.log"
    write(path, range(50_000))
    settings = {**OWN, "files": [str(path)], "start_position": "earliest", "max_pending": 10}
    trigger = sluice.trigger(make_function(instances=1, each=1, delay_ms=20_000), "LTS", settings)
    until(sluice, lambda: sluice.counts(trigger)["received"] >= 10)
    assert_small(sluice)
    row = sluice.counts(trigger)
    assert row["received"] < 50, row
    sluice.api("DELETE", f"/fgs/triggers/{row['function_urn']}/LTS/{trigger}")


def test_the_example_does_what_its_page_says(sluice: Sluice, tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "lines")
    typed = shell(sluice, folder)

    apply, send, logs = commands((folder / "README.md").read_text())
    typed(apply)
    (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":lines:" in row["function_urn"]]
    sluice.until_state(trigger, "running")
    for _ in range(2):
        typed(send)
    until(sluice, lambda: sluice.counts(trigger)["success"] == 1 and sluice.counts(trigger)["filtered"] == 30)
    assert re.findall(r"web vm1 request (\d+) was slow", typed(logs)) == [str(number) for number in range(1, 31, 2)]
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:lines")
