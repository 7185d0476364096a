"""The timer kind, with a clock that is stepped: a produced value is one instant of an `@every 1s`."""

import json
from collections.abc import Callable, Mapping, Sequence

import msgspec
import pytest

from sluice.clock import SteppedClock
from sluice.event import Record
from sluice.ledger import Claim
from sluice.outcome import Outcome
from sluice.push import Serve
from sluice.trigger import Intake, Trigger
from sluice_timer import timer_kind
from sluice_timer.clockwork import Clockwork
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.suite import TriggerConformance

EXAMPLE = {"name": "tick", "schedule_type": "Cron", "schedule": "@every 1s", "user_event": "{}", "misfire_grace": 3600}


class TimerBench(Bench):
    example = json.dumps(EXAMPLE).encode()
    window = Window(1, 100_000)
    deadline_s = 5.0
    patience_s = 0.05
    cannot: Mapping[str, str] = {
        "a_lost_connection_is_named": "a clock needs no connection",
        "arbitrary_bytes_pass_unharmed": "an instant has no bytes from outside",
        "gaps_and_empty_records_move_the_position": "every instant of a schedule is a record",
        "a_position_outside_the_log_obeys_its_policy": "a schedule knows what follows any instant",
    }

    def __init__(self) -> None:
        self.clock = SteppedClock(1_772_409_600.0)
        self.clockwork = Clockwork(self.clock)
        self.kind = timer_kind(self.clock, self.clockwork)
        self.values: dict[str, bytes | None] = {}
        self.accepted = 0

    def trigger(self, **settings: object) -> Trigger:
        chosen = msgspec.convert(EXAMPLE | settings, self.kind.settings)
        return Labelling(self.kind.build(BINDING, chosen), self)

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.clock.advance(1)
            self.values[str(int(self.clock.time()))] = value
        self.clockwork.turn()

    async def confirmed(self) -> int:
        return self.accepted

    async def now_ms(self) -> int:
        return int(self.clock.time() * 1000)


class Labelling:
    """The timer, and what was produced written onto its records, so that the suite can tell them apart."""

    def __init__(self, trigger: Trigger, bench: TimerBench) -> None:
        self.trigger = trigger
        self.bench = bench

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await self.trigger.run(LabellingIntake(intake, self.bench), ready)


class LabellingIntake:
    def __init__(self, intake: Intake, bench: TimerBench) -> None:
        self.intake = intake
        self.bench = bench

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        return await self.intake.claim(source, assigned=assigned)

    def release(self, claim: Claim) -> None:
        self.intake.release(claim)

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        labelled = [msgspec.structs.replace(record, value=self.bench.values[record.position]) for record in records]
        await self.intake.offer(claim, labelled, to)
        self.bench.accepted += len(records)

    async def deliver(self, record: Record) -> Outcome:
        raise AssertionError("a timer has positions")

    def rest(self, until: float) -> None:
        self.intake.rest(until)

    def serve(self, answer: Serve, *topics: str) -> None:
        raise AssertionError("nobody pushes to a timer")

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        """Offered by itself, so that what is offered can be labelled."""

    def lag(self, source: str, records: int) -> None:
        self.intake.lag(source, records)


class TestTimer(TriggerConformance):
    @pytest.fixture
    def bench(self) -> Bench:
        return TimerBench()
