"""What functions did is counted once, by version and minute, and outlives a restart."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest

from sluice.catalog import Change, Snapshot
from sluice.clock import SteppedClock
from sluice.errors import LedgerFull, Unavailable
from sluice.function import Alias, Function
from sluice.outcome import Failure, FailureKind, Reply
from sluice.reservation import Reservation
from sluice.runner import InstanceState
from sluice.usage import DAY_S, Usage, UsageFilter
from sluice_dispatcher.statistics import Statistics, reserved_by_version
from tests.contracts.fake_ledger import FakeLedger

F = "urn:fss:r:p:function:default:f"
ONE, TWO = Function(f"{F}:latest", memory_mb=512), Function(f"{F}:v1")
ALL = UsageFilter("p")


def a_failure(kind: FailureKind, duration_ms: float = 0.0, instance: str = "i-1") -> Reply:
    return Reply(0, failure=Failure(kind), duration_ms=duration_ms, instance=instance)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(600.0)


@pytest.fixture
def ledger(clock: SteppedClock) -> FakeLedger:
    return FakeLedger(clock)


@pytest.fixture
def statistics(ledger: FakeLedger, clock: SteppedClock) -> Statistics:
    return Statistics(ledger, Snapshot(), clock)


async def test_calls_are_counted_by_version_and_minute(statistics: Statistics, clock: SteppedClock) -> None:
    for duration_ms in (30.0, 10.0, 20.0):
        statistics.ended(ONE, Reply(200, duration_ms=duration_ms))
    statistics.ended(TWO, Reply(200, duration_ms=5.0))
    statistics.fold()
    clock.advance(60)
    statistics.ended(ONE, Reply(200, duration_ms=7.0))
    first = Usage(ONE.urn, 600, 3, 3, 60.0, 10.0, 30.0, gb_s=0.03)
    assert await statistics.usage(UsageFilter("p", ONE.urn)) == [first, Usage(ONE.urn, 660, 1, 1, 7.0, 7.0, 7.0, gb_s=0.0035)]
    assert [(row.function, row.calls) for row in await statistics.usage(UsageFilter("p", by_time=False))] == [(ONE.urn, 4), (TWO.urn, 1)]
    assert await statistics.usage(UsageFilter("q")) == []


async def test_failures_are_the_functions_or_the_systems_and_waiting_is_neither(statistics: Statistics) -> None:
    statistics.ended(ONE, a_failure(FailureKind.FUNCTION_ERROR, 4.0))
    statistics.ended(ONE, a_failure(FailureKind.TIMEOUT, 8.0))
    statistics.ended(ONE, a_failure(FailureKind.LOST, 2.0))
    statistics.ended(ONE, a_failure(FailureKind.INIT_FAILED, instance=""))
    for kind in (FailureKind.NO_CAPACITY, FailureKind.CONNECTION_RESET, FailureKind.DISABLED, FailureKind.CANCELLED):
        statistics.ended(ONE, a_failure(kind, instance=""))
    statistics.rejected(ONE)
    (row,) = await statistics.usage(ALL)
    assert (row.calls, row.executed, row.function_errors, row.system_errors, row.rejected) == (5, 3, 2, 2, 1)
    assert (row.duration_ms, row.least_ms, row.most_ms) == (14.0, 2.0, 8.0)


async def test_one_version_at_two_memory_sizes_is_one_row(statistics: Statistics) -> None:
    for function in (ONE, ONE.sized(1024), ONE):
        statistics.ended(function, Reply(200, duration_ms=1000.0))
    (row,) = await statistics.usage(ALL)
    assert (row.calls, row.gb_s) == (3, 2.0)


async def test_what_was_written_and_what_was_not_are_told_as_one(statistics: Statistics, ledger: FakeLedger, clock: SteppedClock) -> None:
    statistics.ended(ONE, Reply(200, duration_ms=4.0))
    await statistics.write()
    assert [row.calls for row in await ledger.used(ALL)] == [1]
    statistics.ended(ONE, Reply(200, duration_ms=2.0))
    assert await statistics.usage(ALL) == [Usage(ONE.urn, 600, 2, 2, 6.0, 2.0, 4.0, gb_s=0.003)]
    await statistics.write()
    again = Statistics(ledger.reopened(), Snapshot(), clock)
    assert [row.calls for row in await again.usage(UsageFilter("p", bucket_s=DAY_S, by_function=False))] == [2]


async def test_what_the_ledger_cannot_take_is_written_later(
    statistics: Statistics, ledger: FakeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(more: Sequence[Usage]) -> None:
        raise Unavailable("the disk is full")

    statistics.ended(ONE, Reply(200))
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "add_usage", refuse)
        await statistics.write()
    statistics.ended(ONE, Reply(200))
    await statistics.write()
    assert [row.calls for row in await ledger.used(ALL)] == [2]


async def test_of_more_than_there_is_room_for_the_oldest_are_dropped(
    ledger: FakeLedger, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(more: Sequence[Usage]) -> None:
        raise LedgerFull("the disk is full")

    monkeypatch.setattr("sluice_dispatcher.statistics.MOST_UNWRITTEN", 3)
    statistics = Statistics(ledger, Snapshot(), clock)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "add_usage", refuse)
        for _ in range(5):
            statistics.ended(ONE, Reply(200))
            await statistics.write()
            clock.advance(60)
    assert [row.at for row in await statistics.usage(ALL)] == [720, 780, 840]


async def test_concurrency_and_instances_are_the_highest_seen(ledger: FakeLedger, clock: SteppedClock) -> None:
    states = [InstanceState(f"i-{number}", ONE.urn, state, 0.0, 0, 0.0) for number, state in enumerate(("ready", "ready", "starting"))]

    async def instances() -> Iterable[InstanceState]:
        return states

    snapshot = Snapshot()
    snapshot.apply(Change(1, reservation=Reservation(ONE.urn, 1)))
    statistics = Statistics(ledger, snapshot, clock, instances)
    accepted, waiting = {ONE.urn: 3}, {ONE.urn: 2, TWO.urn: 0}
    statistics.look_at(lambda: accepted, lambda: waiting)
    await statistics.look_at_instances()
    statistics.fold()
    accepted[ONE.urn], waiting[ONE.urn], states = 0, 1, states[:1]
    await statistics.look_at_instances()
    (row,) = await statistics.usage(ALL)
    assert (row.concurrency, row.instances, row.reserved, row.calls) == (5, 2, 1, 0)


def test_what_an_alias_reserves_is_its_versions() -> None:
    snapshot = Snapshot()
    snapshot.apply(Change(1, alias=Alias(f"{F}:!live", "v1")))
    snapshot.apply(Change(1, reservation=Reservation(f"{F}:!live", 2)))
    snapshot.apply(Change(1, reservation=Reservation(f"{F}:v1", 3)))
    assert reserved_by_version(snapshot, 0.0) == {f"{F}:v1": 5}


async def test_it_writes_by_itself(ledger: FakeLedger, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    written: asyncio.Future[Sequence[Usage]] = asyncio.get_running_loop().create_future()

    async def take(more: Sequence[Usage]) -> None:
        written.set_result(more)

    monkeypatch.setattr("sluice_dispatcher.statistics.FOLD_S", 0.001)
    monkeypatch.setattr(ledger, "add_usage", take)
    statistics = Statistics(ledger, Snapshot(), clock)
    statistics.ended(ONE, Reply(200))
    running = asyncio.ensure_future(statistics.run())
    assert [row.calls for row in await asyncio.wait_for(written, 5)] == [1]
    running.cancel()
    await asyncio.wait({running})
