"""The timer against an intake of ten honest lines, with a clock that is stepped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sluice.binding import Binding, Mode
from sluice.clock import SteppedClock
from sluice.errors import ClaimLost
from sluice.event import Record
from sluice.ledger import Claim, SourceKey
from sluice.outcome import Outcome
from sluice.push import Serve
from sluice_timer.clockwork import Clockwork
from sluice_timer.kind import timer_kind
from sluice_timer.settings import TimerSettings
from sluice_timer.trigger import SOURCE

START = 1_772_409_600.0
BINDING = Binding("t", "p", "TIMER", "timer", "urn:fss:local-1:p:function:default:f:latest", b"{}", mode=Mode.RECORDED)


class FakeIntake:
    """Keeps one position; `taken_over` makes the next offer lose its claim."""

    def __init__(self, position: str | None = None) -> None:
        self.position = position
        self.epoch = 0
        self.offers: asyncio.Queue[tuple[list[str], str]] = asyncio.Queue()
        self.fired: list[int] = []
        self.taken_over = ""

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        assert (source, assigned) == (SOURCE, False)
        self.epoch += 1
        return Claim(SourceKey("t", "1", source), self.epoch, self.position)

    def release(self, claim: Claim) -> None: ...

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        if self.taken_over:
            self.position, self.taken_over = self.taken_over, ""
            raise ClaimLost("somebody else fired")
        self.position = to
        self.fired += [int(record.position) for record in records]
        self.offers.put_nowait(([record.position for record in records], to))

    async def deliver(self, record: Record) -> Outcome:
        raise AssertionError("a timer has positions")

    def rest(self, until: float) -> None:
        """A host that lets nobody rest."""

    def serve(self, answer: Serve, *topics: str) -> None:
        raise AssertionError("nobody pushes to a timer")

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        """A run that is watched is not ended by its host."""

    def lag(self, source: str, records: int) -> None: ...


class Bench:
    def __init__(self, intake: FakeIntake, clock: SteppedClock, clockwork: Clockwork) -> None:
        self.intake = intake
        self.clock = clock
        self.clockwork = clockwork
        self.ready = asyncio.Event()

    async def step(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.clockwork.turn()

    async def offered(self) -> tuple[list[str], str]:
        async with asyncio.timeout(5):
            return await self.intake.offers.get()

    async def fires(self) -> float:
        records, to = await self.offered()
        assert records == [to]
        return int(to) - START


@asynccontextmanager
async def running(intake: FakeIntake, now: float = 0.0, **changes: Any) -> AsyncIterator[Bench]:
    clock = SteppedClock(START + now)
    clockwork = Clockwork(clock)
    bench = Bench(intake, clock, clockwork)
    settings = TimerSettings(**{"name": "n", "schedule_type": "Rate", "schedule": "1m", **changes})
    trigger = timer_kind(clock, clockwork).build(BINDING, settings)
    task = asyncio.create_task(trigger.run(intake, bench.ready.set))
    try:
        async with asyncio.timeout(5):
            await bench.ready.wait()
        yield bench
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_first_start_writes_down_when_it_began_and_fires_one_period_later() -> None:
    async with running(FakeIntake(), 0.7) as bench:
        assert await bench.offered() == ([], str(int(START)))
        await bench.step(59.3)
        assert await bench.fires() == 60
        await bench.step(60)
        assert await bench.fires() == 120


async def test_a_restart_keeps_the_period() -> None:
    async with running(FakeIntake(str(int(START))), 45) as bench:
        await bench.step(15)
        assert await bench.fires() == 60


async def test_missed_instants_are_left_out_and_the_grid_is_kept() -> None:
    async with running(FakeIntake(str(int(START))), 330) as bench:
        await bench.step(30)
        assert await bench.fires() == 360


async def test_missed_instants_are_fired_where_asked() -> None:
    async with running(FakeIntake(str(int(START))), 330, misfire="all", misfire_max=2) as bench:
        assert [await bench.fires(), await bench.fires()] == [240, 300]
        await bench.step(30)
        assert await bench.fires() == 360


async def test_an_instant_that_somebody_else_fired_is_not_fired_again() -> None:
    intake = FakeIntake(str(int(START)))
    async with running(intake) as bench:
        intake.taken_over = str(int(START) + 60)
        await bench.step(60)
        await asyncio.sleep(0)
        await bench.step(60)
        assert await bench.fires() == 120
        assert intake.epoch == 2


async def test_records_name_their_instant() -> None:
    async with running(FakeIntake(str(int(START)))) as bench:
        await bench.step(60)
        await bench.offered()
        assert bench.intake.position == str(int(START) + 60)
        assert bench.intake.fired == [int(START) + 60]


async def test_a_cancelled_trigger_leaves_nothing_waiting() -> None:
    async with running(FakeIntake(str(int(START)))) as bench:
        clockwork = bench.clockwork
    bench.clock.advance(3600)
    clockwork.turn()
    assert len(clockwork) == 0


async def test_ten_thousand_due_at_once_are_offered_in_order() -> None:
    clock = SteppedClock(START)
    clockwork = Clockwork(clock)
    kind = timer_kind(clock, clockwork)
    order: list[int] = []
    settings = TimerSettings(name="n", schedule_type="Rate", schedule="1m")

    class Numbered(FakeIntake):
        def __init__(self, number: int) -> None:
            super().__init__(str(int(START)))
            self.number = number

        async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
            order.append(self.number)
            if len(order) == 10_000:
                done.set()

    done = asyncio.Event()
    ready = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(kind.build(BINDING, settings).run(Numbered(number), ready.release)) for number in range(10_000)]
    for _ in tasks:
        await ready.acquire()
    clock.advance(60)
    clockwork.turn()
    async with asyncio.timeout(10):
        await done.wait()
    assert order == list(range(10_000))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
