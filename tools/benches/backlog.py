"""A million pushed events that wait: how soon they are delivered after a start, and whether others pay for them."""

import time
from pathlib import Path

import uvloop

from sluice.binding import Mode
from sluice.clock import SystemClock
from sluice.event import Event, random_id
from sluice.ledger import Push, Route
from sluice_dispatcher.ledger_sqlite.ledger import open_ledger
from tests.e2e.driver import Sluice
from tools.benches.figure import Row, at_most, figure
from tools.benches.kafka import Speed, Stream, warmed
from tools.benches.processes import resident_mib, used_s
from tools.benches.setting import BODY_BYTES, RESP, Setting, make_function, tree

FEW = 1_000
TOGETHER = 64
WITHIN_S = 60.0
NOTE = (
    "The events are put into the ledger by its own port while Sluice is down, because a million requests would take minutes. "
    "They belong to an HTTP trigger whose function is disabled while others are measured; the others are the load of the first row. "
    "Then the function is enabled, Sluice is killed with -9, and the clock runs from the start of the process until the first of "
    "them has ended."
)


def row(setting: Setting) -> Row:
    records, many = setting.scaled(40_000, 15_000), setting.scaled(1_000_000, 1_000_000)
    topic = setting.topic(records)
    data = setting.scratch / "backlog" / "data"
    data.parent.mkdir()
    with setting.sluice(data=data) as sluice:
        waiting = make_function(sluice, "waiting", setting.compiled(RESP), instances=0)
        trigger = sluice.trigger(waiting, "APIG", {"path": "/later", "auth": "NONE", "func_info": {"invocation_type": "async"}})
        urn = warmed(setting, sluice)
        route = Route(sluice.project, trigger, f"{waiting}:latest", Mode.ASYNC, "gateway")
    few, _ = _others(setting, data, route, FEW, urn, topic, records)
    lots, resident = _others(setting, data, route, many - FEW, urn, topic, records)
    delivering, drain_us, later = _restarts(setting, data, waiting, trigger)
    figures = (
        figure("delivering again after", "s", delivering, at_most(5)),
        figure(
            "CPU an event, 1,000,000 pending / 1,000 pending",
            "x",
            [one.cpu_us / other.cpu_us for one, other in zip(lots, few, strict=True)],
            at_most(1.3),
        ),
        figure("CPU, 1,000 pending", "µs an event", [each.cpu_us for each in few]),
        figure("CPU, 1,000,000 pending", "µs an event", [each.cpu_us for each in lots]),
        figure("CPU of delivering what waited", "µs an event", drain_us),
        figure("resident", "MiB", [*resident, *later], at_most(300)),
    )
    return Row("backlog", "restart with 1,000,000 pending pushed events", figures, NOTE)


def fill(data: Path, route: Route, count: int) -> None:
    """Pushed events of the route, accepted while nobody runs them."""
    uvloop.run(_fill(data, route, count))


async def _fill(data: Path, route: Route, count: int) -> None:
    ledger = await open_ledger(data / "ledger", clock=SystemClock())
    body = b"x" * BODY_BYTES
    try:
        for start in range(0, count, TOGETHER):
            await ledger.accept(route, Push([Event(random_id(), body) for _ in range(min(TOGETHER, count - start))]))
    finally:
        await ledger.close()


def _others(setting: Setting, data: Path, route: Route, more: int, urn: str, topic: str, records: int) -> tuple[list[Speed], list[float]]:
    """With so many more pending: the speed of another function's events, and the memory after each run."""
    fill(data, route, more)
    speeds, resident = [], []
    with setting.sluice(data=data) as sluice:
        Stream(sluice, urn, setting.kafka.bootstrap, topic, records).run()
        for _ in range(setting.runs):
            speeds.append(Stream(sluice, urn, setting.kafka.bootstrap, topic, records).run())
            assert sluice.process is not None
            resident.append(resident_mib(sluice.process.pid))
    return speeds, resident


def _restarts(setting: Setting, data: Path, waiting: str, trigger: str) -> tuple[list[float], list[float], list[float]]:
    """Seconds until delivering, CPU of delivering, and memory meanwhile, of each start after a kill."""
    sluice = Sluice(data)
    sluice.start()
    delivering, drain_us, resident = [], [], []
    try:
        sluice.api("PUT", f"/fgs/functions/{waiting}/config-max-instance", {"max_instance_num": 1})
        for _ in range(setting.runs):
            done = sluice.counts(trigger)["success"]
            sluice.kill()
            began = time.monotonic()
            sluice.start()
            before = _until(sluice, trigger, done + 1)
            delivering.append(time.monotonic() - began)
            cpu = tree(sluice).cpu()
            after = _until(sluice, trigger, before + 30_000)
            drain_us.append(used_s(cpu, tree(sluice).cpu()) / (after - before) * 1e6)
            assert sluice.process is not None
            resident.append(resident_mib(sluice.process.pid))
    finally:
        sluice.close()
    return delivering, drain_us, resident


def _until(sluice: Sluice, trigger: str, successes: int) -> int:
    deadline = time.monotonic() + WITHIN_S
    while (counts := sluice.counts(trigger))["success"] < successes:
        assert time.monotonic() < deadline, counts
        time.sleep(0.02)
    return counts["success"]
