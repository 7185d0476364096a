"""A hundred thousand timers in one process: the host's supervisor, the timer kind, the dispatcher and a ledger on disk.

    python -m tools.benches.timer_load DIRECTORY ROUNDS SECONDS

The bindings are put straight into the catalog's snapshot, because creating so many triggers by requests takes long and is over a
project's limit. The function answers at once. Prints JSON.

A thousand timers are due at each second. After each SECONDS of that, others are changed so that ten thousand are due at one second.
"""

import asyncio
import gc
import json
import math
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvloop

from sluice.binding import Binding, Mode
from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.dispatch import Session, Told
from sluice.event import Event
from sluice.function import Function
from sluice.host.process import COLLECT_AFTER, SWITCH_INTERVAL_S
from sluice.host.supervisor import Supervisor
from sluice.ledger import Claim, Slice, SourceKey
from sluice.metrics import Exposition
from sluice.outcome import Outcome, Reply
from sluice.runner import Call, Done
from sluice_dispatcher.dispatcher import Dispatcher
from sluice_dispatcher.ledger_sqlite.ledger import open_ledger
from sluice_timer.kind import timer_kind
from tools.benches.figure import percentile
from tools.benches.processes import resident_mib

FUNCTION = "urn:fss:local-1:bench:function:default:timers:latest"
SLOTS = 60
A_SECOND = 1_000
BURST = 10_000
TIMERS = 100_000
LEAD_S = 8
"""Between the change of so many triggers and their instant."""
SETTLE_S = 2.0
LOOKS = 30
LOOK_S = 0.5


class AnswersAtOnce:
    """A runner whose function takes no time; it keeps when each call came."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, bytes]] = []

    def submit(self, call: Call, done: Done) -> None:
        self.calls.append((time.time(), call.body))
        asyncio.get_running_loop().call_soon(done, call, Reply(200, b"{}"))

    def settled(self, calls: Iterable[Call]) -> None:
        pass

    def credit(self, function: Function) -> int:
        return 64

    def on_credit(self, listener: Callable[[str], None]) -> None:
        pass

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        return False

    async def unstarted(self) -> frozenset[bytes]:
        return frozenset()


class WatchedSession:
    """Keeps when each fire was on disk."""

    def __init__(self, inner: Session, fires: list[tuple[int, float]]) -> None:
        self._inner = inner
        self._fires = fires

    async def claim(self, key: SourceKey, *, assigned: bool = False) -> Claim:
        return await self._inner.claim(key, assigned=assigned)

    def release(self, claim: Claim) -> None:
        self._inner.release(claim)

    async def accept(self, piece: Slice) -> None:
        await self._inner.accept(piece)
        if piece.events:
            self._fires.append((int(piece.to), time.time()))

    def accept_all(self, pieces: Sequence[Slice], told: Told) -> None:
        def seen(index: int, error: Exception | None) -> None:
            if error is None:
                self._fires.append((int(pieces[index].to), time.time()))
            told(index, error)

        self._inner.accept_all(pieces, seen)

    async def close(self) -> None:
        await self._inner.close()


class Watched:
    """The dispatcher, with sessions that are watched."""

    def __init__(self, inner: Dispatcher) -> None:
        self._inner = inner
        self.fires: list[tuple[int, float]] = []
        """(instant, when it was on disk), in that order."""

    def session(self, service: str) -> Session:
        return WatchedSession(self._inner.session(service), self.fires)

    def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Awaitable[Outcome]:
        return self._inner.push(trigger, event, dedupe, wait_s)

    def filtered(self, trigger: str, records: int) -> None:
        self._inner.filtered(trigger, records)

    def call(self, trigger: str, event: Event, timeout_s: float) -> Awaitable[Outcome]:
        return self._inner.call(trigger, event, timeout_s)

    def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Awaitable[Outcome]:
        return self._inner.invoke(project, function, event, log=log)

    def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Awaitable[Outcome]:
        return self._inner.invoke_async(project, function, event, dedupe)


def idle_schedule(number: int) -> str:
    """The first 60,000 fire once a minute, a thousand at each second; the rest would once in 30 days."""
    return f"{number % SLOTS} * * * * *" if number < SLOTS * A_SECOND else "@every 720h"


def once(instant: int) -> str:
    """The schedule of that second, and of the same one next year."""
    at = datetime.fromtimestamp(instant, UTC)
    return f"{at.second} {at.minute} {at.hour} {at.day} {at.month} *"


def change(number: int, schedule: str, incarnation: str = "1") -> Change:
    settings = msgspec.json.encode({"name": f"t{number}", "schedule_type": "Cron", "schedule": schedule, "misfire_grace": 3600})
    binding = Binding(f"timer-{number}", "bench", "TIMER", "timer", FUNCTION, settings, mode=Mode.RECORDED, incarnation=incarnation)
    return Change(2, binding=binding)


class Measurement:
    """Fires against their instants, from what the watched dispatcher and the runner have kept."""

    def __init__(self, watched: Watched, runner: AnswersAtOnce) -> None:
        self._watched = watched
        self._runner = runner

    async def steady(self, seconds: int) -> dict[str, float]:
        """Errors (ms) of all fires of whole seconds from now on."""
        self._watched.fires.clear()
        self._runner.calls.clear()
        first, used = math.ceil(time.time()), time.process_time()
        instants, wanted = range(first, first + seconds), seconds * A_SECOND
        await _until(lambda: sum(instant in instants for instant, _ in self._watched.fires) >= wanted, first + seconds)
        await _until(lambda: sum(instant in instants for instant, _ in self._calls()) >= wanted, first + seconds)
        used, elapsed = time.process_time() - used, time.time() - first
        fires = [(instant, at) for instant, at in self._watched.fires if instant in instants]
        calls = [(instant, at) for instant, at in self._calls() if instant in instants]
        assert len(calls) == len(fires) == wanted, f"{len(fires)} fires and {len(calls)} calls instead of {wanted}"
        a_fire_us = used / (elapsed * A_SECOND) * 1e6
        return {"accepted_p99_ms": _p99_ms(fires), "called_p99_ms": _p99_ms(calls), "a_fire_us": a_fire_us}

    async def burst(self, instant: int) -> dict[str, float]:
        """How long after its beginning everything due in that second was on disk (s)."""
        await _until(lambda: sum(fired == instant for fired, _ in self._watched.fires) >= BURST, instant + 1)
        due = [at - instant for fired, at in self._watched.fires if fired == instant]
        assert len(due) == BURST, f"{len(due)} fires of {BURST}"
        instants = [fired for fired, _ in self._watched.fires if abs(fired - instant) <= 1]
        return {"accepted_s": max(due), "in_order": float(instants == sorted(instants))}

    def _calls(self) -> list[tuple[int, float]]:
        return [(_instant(body), at) for at, body in self._runner.calls]


async def _until(condition: Callable[[], bool], earliest: float) -> None:
    """Until the condition holds, not before `earliest`; looked at seldom, because looking takes time from what is measured."""
    await asyncio.sleep(earliest + SETTLE_S - time.time())
    for _ in range(LOOKS):
        if condition():
            return
        await asyncio.sleep(SETTLE_S)


def _instant(body: bytes) -> int:
    text: str = msgspec.json.decode(body)["time"]
    return int(datetime.fromisoformat(text).timestamp())


def _p99_ms(times: list[tuple[int, float]]) -> float:
    return percentile([at - instant for instant, at in times], 0.99) * 1000


async def main(directory: Path, rounds: int, seconds: int) -> dict[str, object]:
    clock, runner, exposition, snapshot = SystemClock(), AnswersAtOnce(), Exposition(), Snapshot()
    snapshot.apply(Change(1, function=Function(FUNCTION, instance_concurrency=64)))
    for number in range(TIMERS):
        snapshot.apply(change(number, idle_schedule(number)))
    ledger = await open_ledger(directory, clock=clock)
    dispatcher = Dispatcher(ledger, runner, snapshot, clock, exposition)
    watched = Watched(dispatcher)
    supervisor = Supervisor("timer", {"TIMER": timer_kind(clock)}, watched, snapshot, clock, exposition)
    began = time.monotonic()
    tasks = [asyncio.create_task(dispatcher.run()), asyncio.create_task(supervisor.run())]
    await _ready(supervisor)
    figures: dict[str, object] = {"ready_s": time.monotonic() - began}
    figures["rounds"] = [await _round(Measurement(watched, runner), snapshot, number, seconds) for number in range(rounds)]
    figures["resident_mib"] = resident_mib(os.getpid())
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await ledger.close()
    return figures


async def _ready(supervisor: Supervisor) -> None:
    """The supervisor says how its triggers are, but calls nobody when that changes: ask it now and then."""
    while True:
        states = {health.state for health in supervisor.health()}
        if states == {"running"}:
            return
        await asyncio.sleep(LOOK_S)


async def _round(measurement: Measurement, snapshot: Snapshot, number: int, seconds: int) -> dict[str, float]:
    steady = await measurement.steady(seconds)
    instant = math.ceil(time.time()) + LEAD_S
    first = SLOTS * A_SECOND + number * (BURST - A_SECOND)
    for timer in range(first, first + BURST - A_SECOND):
        snapshot.apply(change(timer, once(instant), f"burst {number}"))
    return steady | await measurement.burst(instant)


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_AFTER)
    print(json.dumps(uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))
