"""What every kind of trigger gets for free: the behaviours that the mesh relies on, one suite for all kinds.

To put a kind through it, write `tests/conformance/test_<kind>.py`:

    class Bench<Kind>(Bench):      # bench.py says what to supply
        ...

    class TestFake(TriggerConformance):
        @pytest.fixture
        async def bench(self) -> AsyncIterator[Bench]:
            yield ...              # a fresh source each time, set up and torn down here

    class TestReal(TriggerConformance):
        @pytest.fixture
        async def bench(self, kafka: Kafka) -> AsyncIterator[Bench]:
            yield ...              # asking for the server's fixture marks the tests as needing it

A behaviour that the kind cannot have by its nature goes into `bench.cannot` with the reason; only those in BY_NATURE may. A kind whose
source hands over to us (`pushed`) cannot redeliver: behaviours 5 and 7 then ask that the caller is told. `intake.py` is the mesh's side,
`host.py` starts a trigger again the way the host does, `canned.py` has kinds in memory, `wrong.py` the triggers that prove the suite.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import pytest

from sluice.errors import Invalid, SourceLost, SourceRefused, Unavailable
from sluice.event import Record
from tests.conformance.bench import Bench
from tests.conformance.host import STOP_S, running
from tests.conformance.intake import FakeIntake

DAY_MS = 24 * 3600 * 1000
RETRY_S = 0.3

Behaviour = Callable[[Bench], Awaitable[None]]


def values(records: list[Record]) -> list[bytes | None]:
    return [record.value for record in records]


def numbered(count: int, size: int = 0) -> list[bytes]:
    return [b"%06d" % number + b"." * size for number in range(count)]


async def until_confirmed(bench: Bench, count: int) -> None:
    async def confirmed() -> bool:
        return await bench.confirmed() == count

    await _until(bench, confirmed)


async def _until(bench: Bench, condition: Callable[[], Awaitable[bool]]) -> None:
    """A source cannot say when it changes: it is asked again and again, until the deadline."""
    async with asyncio.timeout(bench.deadline_s):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


async def stays_unconfirmed(bench: Bench) -> None:
    """Nothing is confirmed for as long as it would take to do so."""
    deadline = asyncio.get_running_loop().time() + bench.patience_s
    while asyncio.get_running_loop().time() < deadline:
        assert await bench.confirmed() == 0
        await asyncio.sleep(bench.patience_s / 5)


async def ready_comes_once_and_then_records_arrive(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        assert run.ready == 1, "run never said that it is ready"
        await bench.produce(b"1")
        await run.until_accepted(1)
        assert run.ready == 1
        assert run.records_before_ready == 0


async def a_record_has_its_time_its_kind_and_its_place(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        await bench.produce(b"1", b"2")
        await run.until_accepted(2)
    for record in intake.accepted:
        assert abs(record.time_ms - await bench.now_ms()) < DAY_MS
        assert isinstance(json.loads(bench.event([record])), dict)
        assert record.source
    places = {(record.source, record.position, record.id) for record in intake.accepted}
    assert len(places) == 2, "nothing tells the records apart"


async def what_is_accepted_is_confirmed(bench: Bench) -> None:
    async with running(bench, FakeIntake()) as run:
        await bench.produce(b"1", b"2", b"3")
        await run.until_accepted(3)
        await until_confirmed(bench, 3)


async def nothing_is_confirmed_before_it_is_accepted(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        intake.hold()
        await bench.produce(b"1")
        await intake.until(lambda: intake.waiting_records > 0, bench.deadline_s)
        await stays_unconfirmed(bench)
        intake.let_flow()
        await run.until_accepted(1)


async def retry_offers_the_same_again_and_not_too_soon(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        intake.fail_next(Unavailable("full", RETRY_S))
        await bench.produce(b"1")
        if bench.pushed:
            await _the_caller_is_told(bench, "retry")
            return
        await run.until_accepted(1)
        (first, one), (second, other) = intake.hand_overs[:2]
        assert (one.source, one.position, one.id, one.value) == (other.source, other.position, other.id, other.value)
        assert second - first >= RETRY_S * 0.99
        assert values(intake.accepted) == [b"1"]


async def _the_caller_is_told(bench: Bench, answer: str) -> None:
    async def told() -> bool:
        return any(told.startswith(answer) for told in await bench.told())

    await _until(bench, told)
    assert await bench.confirmed() == 0


async def what_is_refused_is_recorded_and_the_next_flows(bench: Bench) -> None:
    intake = FakeIntake()
    intake.refuses = lambda record: record.value == b"2"
    async with running(bench, intake) as run:
        await bench.produce(b"1", b"2", b"3")
        await run.until_accepted(2)
        await run.until_refused(1)
        assert values(intake.accepted) == [b"1", b"3"]
        await until_confirmed(bench, 3)


async def cancel_ends_run_and_leaves_the_rest_unconfirmed(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        intake.hold()
        await bench.produce(b"1", b"2")
        await intake.until(lambda: intake.waiting_records > 0, bench.deadline_s)
        assert await run.stop() < STOP_S
        assert not intake.accepted
        if bench.pushed:
            await _the_caller_is_told(bench, "retry")
            return
        await stays_unconfirmed(bench)
    intake.let_flow()
    async with running(bench, intake) as run:
        await run.until_accepted(2)
        again = values(intake.accepted)
        assert (sorted(again, key=str) if "order_is_kept" in bench.cannot else again) == [b"1", b"2"]


async def a_hand_over_that_raises_loses_nothing(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        intake.fail_next(RuntimeError("a bug in the mesh"))
        await bench.produce(b"1", b"2", b"3")
        if bench.pushed:
            await run.until_accepted(2)
            assert await bench.confirmed() <= 2
            return
        await run.until_accepted(3)
        # Without positions, what was handed over beside it is not handed over again to come behind it.
        has_positions = "it_goes_on_from_the_claimed_position" not in bench.cannot
        assert (values(intake.accepted) if has_positions else sorted(value or b"" for value in values(intake.accepted))) == [
            b"1",
            b"2",
            b"3",
        ]
        assert None not in run.ends, "run ended as if nothing had happened"


async def no_more_than_the_window_is_in_flight(bench: Bench) -> None:
    await _stays_in_window(bench, numbered(bench.window.records * 2))
    largest = min(100_000, bench.window.size // 4)
    await _stays_in_window(bench, numbered(2 * bench.window.size // max(largest, 1), largest))


async def _stays_in_window(bench: Bench, produced: list[bytes]) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        intake.hold()
        await bench.produce(*produced)
        await intake.until(lambda: intake.waiting_records > 0, bench.deadline_s)
        await asyncio.sleep(bench.patience_s)
        intake.let_flow()
        await run.until_accepted(len(produced))
        assert intake.most_records <= bench.window.records
        assert intake.most_bytes <= bench.window.size


async def order_is_kept(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        await bench.produce(*numbered(20))
        intake.hold()
        await bench.produce(*numbered(40)[20:])
        await asyncio.sleep(bench.patience_s / 4)
        intake.let_flow()
        await run.until_accepted(40)
        assert values(intake.accepted) == numbered(40)


async def a_lost_connection_is_named(bench: Bench) -> None:
    async with running(bench, FakeIntake()) as run:
        await bench.produce(b"1")
        await run.until_accepted(1)
        await bench.lose_connection()
        assert isinstance(await run.until_ended(), SourceLost)


async def arbitrary_bytes_pass_unharmed(bench: Bench) -> None:
    produced = [bytes(range(256)), b"\xff\xfe\x00", '"\\\u2028 ☃'.encode(), b"\x00", b"x" * 100_000]
    intake = FakeIntake()
    async with running(bench, intake) as run:
        await bench.produce(*produced)
        await run.until_accepted(len(produced))
    assert values(intake.accepted) == produced
    for record in intake.accepted:
        json.loads(bench.event([record]))
    json.loads(bench.event(intake.accepted))


async def the_example_parses_and_faults_are_named(bench: Bench) -> None:
    example: dict[str, Any] = json.loads(bench.example)
    bench.settings()
    assert "no_such_key" in _fault(bench, example | {"no_such_key": 1})
    for key in example:
        assert key in _fault(bench, example | {key: {"wrong": [None]}})


def _fault(bench: Bench, settings: Mapping[str, object]) -> str:
    with pytest.raises((msgspec.ValidationError, Invalid)) as caught:
        msgspec.json.decode(json.dumps(settings), type=bench.kind.settings)
    return str(caught.value)


async def it_goes_on_from_the_claimed_position(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        await bench.produce(b"1", b"2")
        await run.until_accepted(2)
    between = {source: position for source, position in intake.positions.items() if position is not None}
    intake = FakeIntake()
    async with running(bench, intake) as run:
        await bench.produce(b"3")
        await intake.until(lambda: b"3" in values(intake.accepted), bench.deadline_s)
    intake = FakeIntake(between)
    async with running(bench, intake) as run:
        await run.until_accepted(1)
        await bench.produce(b"4")
        await run.until_accepted(2)
        assert values(intake.accepted) == [b"3", b"4"]


async def a_claim_taken_over_ends_reading(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        await bench.produce(b"1")
        await run.until_accepted(1)
        source = intake.accepted[0].source
        intake.take_over(source)
        await bench.produce(b"2")
        await intake.until(lambda: intake.lost_told > 0, bench.deadline_s)
        await bench.produce(b"3")
        await asyncio.sleep(bench.patience_s)
        assert intake.stale == 0, "it went on offering on a claim that it was told is lost"
        assert values(intake.accepted) == [b"1"]
        intake.let_go(source)
        await run.until_accepted(3)
        assert values(intake.accepted) == [b"1", b"2", b"3"]


async def gaps_and_empty_records_move_the_position(bench: Bench) -> None:
    intake = FakeIntake()
    async with running(bench, intake) as run:
        await bench.produce(*bench.empty, b"1")
        await run.until_accepted(len(bench.empty) + 1)
        assert values(intake.accepted) == [*bench.empty, b"1"]
        source = intake.accepted[-1].source
        await bench.leave_gap()
        await _until_at(bench, intake, source)
        await bench.produce(b"2")
        await run.until_accepted(len(bench.empty) + 2)
        await _until_at(bench, intake, source)


async def _until_at(bench: Bench, intake: FakeIntake, source: str) -> None:
    async def at_end() -> bool:
        return intake.positions.get(source) == await bench.end()

    await _until(bench, at_end)


async def a_position_outside_the_log_obeys_its_policy(bench: Bench) -> None:
    source, position = await bench.lose_position()
    intake = FakeIntake({source: position})
    async with running(bench, intake, position_lost="stop") as run:
        assert isinstance(await run.until_ended(), SourceRefused)
        assert not intake.accepted
    intake = FakeIntake({source: position})
    async with running(bench, intake, position_lost="earliest") as run:
        await run.until_accepted(2)
        _is_gap_event(bench, intake.accepted[0])
    intake = FakeIntake({source: position})
    async with running(bench, intake, position_lost="latest") as run:
        await run.until_accepted(1)
        _is_gap_event(bench, intake.accepted[0])
        await bench.produce(b"new")
        await run.until_accepted(2)
        assert values(intake.accepted) == [None, b"new"]


def _is_gap_event(bench: Bench, record: Record) -> None:
    """What is gone is told to the function: the event has a `gap` somewhere."""
    assert record.value is None
    assert b'"gap' in bench.event([record])


BEHAVIOURS: dict[str, Behaviour] = {
    behaviour.__name__: behaviour
    for behaviour in (
        ready_comes_once_and_then_records_arrive,
        a_record_has_its_time_its_kind_and_its_place,
        what_is_accepted_is_confirmed,
        nothing_is_confirmed_before_it_is_accepted,
        retry_offers_the_same_again_and_not_too_soon,
        what_is_refused_is_recorded_and_the_next_flows,
        cancel_ends_run_and_leaves_the_rest_unconfirmed,
        a_hand_over_that_raises_loses_nothing,
        no_more_than_the_window_is_in_flight,
        order_is_kept,
        a_lost_connection_is_named,
        arbitrary_bytes_pass_unharmed,
        the_example_parses_and_faults_are_named,
        it_goes_on_from_the_claimed_position,
        a_claim_taken_over_ends_reading,
        gaps_and_empty_records_move_the_position,
        a_position_outside_the_log_obeys_its_policy,
    )
}

BY_NATURE = frozenset(
    {
        "order_is_kept",
        "a_lost_connection_is_named",
        "arbitrary_bytes_pass_unharmed",
        "it_goes_on_from_the_claimed_position",
        "a_claim_taken_over_ends_reading",
        "gaps_and_empty_records_move_the_position",
        "a_position_outside_the_log_obeys_its_policy",
    }
)
"""Behaviours that some sources cannot have: no order, nothing to connect to, no bytes from outside, no positions."""


class TriggerConformance:
    """Subclass it with a `bench` fixture."""

    @pytest.mark.parametrize("behaviour", BEHAVIOURS)
    async def test_behaviour(self, bench: Bench, behaviour: str) -> None:
        if behaviour in bench.cannot:
            assert behaviour in BY_NATURE, f"no kind may leave out {behaviour}"
            assert bench.cannot[behaviour], "say why"
            return
        await BEHAVIOURS[behaviour](bench)
