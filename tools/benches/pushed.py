"""Requests of senders that push, on their way to a function that does nothing, beside what a hand-written receiver does with them."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from tests.e2e.driver import Sluice
from tests.e2e.pushing import Pusher
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import FIRST, LAST, LOOK_S, WITHIN_S, Speed
from tools.benches.processes import used_s
from tools.benches.pushed_loop import SAMPLES, Sample
from tools.benches.setting import RESP, ROOT, Setting, make_function, tree

MORE_US = 8.0
"""What a kind may cost beside what is read by hand, or as much again, whichever is more."""


def read_by(name: str, what: str, records: int) -> Speed:
    """In a process of its own."""
    command = [sys.executable, "-m", "tools.benches.pushed_loop", what, name, str(records)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=WITHIN_S)
    return Speed(**json.loads(done.stdout))


def read_by_sluice(sluice: Sluice, urn: str, name: str, sample: Sample, records: int) -> Speed:
    """Between a twentieth and the last twentieth of the events. A record that was lost, or failed, is an AssertionError."""
    trigger = sluice.trigger(urn, sample.type, sample.settings)
    sluice.until_state(trigger, "running")
    pusher = Pusher(
        sluice, f"/sluice/v1/push/{name}/{trigger}{sample.path}", sample.body, batch=sample.batch, threads=8, headers=sample.headers
    )
    events = records // sample.records_an_event
    sending = threading.Thread(target=_send, args=(pusher, records))
    sending.start()
    processes = tree(sluice)
    before = until(sluice, trigger, lambda counts: counts["success"] >= FIRST * events)
    cpu, wall = processes.cpu(), time.monotonic()
    after = until(sluice, trigger, lambda counts: counts["success"] >= LAST * events)
    seconds, wall = used_s(cpu, processes.cpu()), time.monotonic() - wall
    sending.join(WITHIN_S)
    ended = until(sluice, trigger, lambda counts: counts["open"] == 0 and counts["success"] >= events)
    assert ended["failed"] == ended["discarded"] == 0, ended
    seen = (after["success"] - before["success"]) * records / ended["success"]
    sluice.api("DELETE", f"/fgs/triggers/{urn}:latest/{sample.type}/{trigger}")
    if not seen:  # all came between two looks: enough to warm up, too few to time
        return Speed(0.0, 0.0)
    return Speed(seen / wall, seconds / seen * 1e6)


def _send(pusher: Pusher, records: int) -> None:
    with pusher.sending(records):
        pass


def until(sluice: Sluice, trigger: str, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    deadline = time.monotonic() + WITHIN_S
    while not condition(counts := sluice.counts(trigger)):
        assert time.monotonic() < deadline, counts
        time.sleep(LOOK_S)
    return counts


def row_of(name: str) -> Callable[[Setting], Row]:
    return lambda setting: _row(setting, name, SAMPLES[name])


def _row(setting: Setting, name: str, sample: Sample) -> Row:
    records = setting.scaled(60_000, 10_000)
    ours, bare, kind = [], [], []
    with setting.sluice() as sluice:
        urn = make_function(sluice, "bench", setting.compiled(RESP))
        read_by_sluice(sluice, urn, name, sample, 10 * sample.batch)
        for _ in range(setting.runs):
            ours.append(read_by_sluice(sluice, urn, name, sample, records))
            bare.append(read_by(name, "bare", records))
            kind.append(read_by(name, "kind", records))
    shares = [one.cpu_us / max(2 * each.cpu_us, each.cpu_us + MORE_US) for one, each in zip(kind, bare, strict=True)]
    figures = (
        figure("throughput", "records/s", [each.rate for each in ours]),
        figure("CPU", "µs a record", [each.cpu_us for each in ours]),
        figure("read by hand: CPU", "µs a record", [each.cpu_us for each in bare]),
        figure("the kind alone: CPU", "µs a record", [each.cpu_us for each in kind]),
        figure("the kind alone, of what it may cost", "x", shares, at_most(1)),
    )
    return Row(name, f"{sample.title} → function, async, durable, one process", figures, sample.note)
