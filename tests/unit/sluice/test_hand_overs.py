"""Records on their way through an intake."""

import asyncio
import contextlib
import functools

import pytest

from sluice.errors import Unavailable
from sluice.event import Record
from sluice.hand_overs import HandOvers
from tests.conformance.intake import FakeIntake
from tests.waiting import until


def record(value: bytes) -> Record:
    return Record(value, "source", value.decode(), 0)


def make(value: bytes) -> "functools.partial[Record]":
    return functools.partial(record, value)


async def test_what_is_accepted_or_refused_is_answered_once() -> None:
    intake, answered = FakeIntake(), list[int]()
    intake.refuses = lambda one: one.value == b"2"
    hand_overs = HandOvers(intake, answered.append)
    for tag in (1, 2, 3):
        hand_overs.hand_over(tag, make(b"%d" % tag))
    await until(lambda: len(answered) == 3)
    assert answered == [1, 2, 3]
    assert [one.value for one in intake.accepted] == [b"1", b"3"]
    await hand_overs.end()


async def test_what_is_to_be_retried_stays_ours_and_is_handed_over_again_not_too_soon() -> None:
    intake, answered = FakeIntake(), list[int]()
    intake.fail_next(Unavailable("full", 0.05))
    hand_overs = HandOvers(intake, answered.append)
    hand_overs.hand_over(1, make(b"1"))
    await until(lambda: answered == [1])
    (first, one), (second, other) = intake.hand_overs
    assert one is other
    assert second - first >= 0.049
    await hand_overs.end()


async def test_a_bug_of_the_intake_or_of_the_record_ends_the_watch() -> None:
    intake, answered = FakeIntake(), list[int]()
    intake.fail_next(RuntimeError("a bug in the mesh"))
    hand_overs = HandOvers(intake, answered.append)
    hand_overs.hand_over(1, make(b"1"))
    with pytest.raises(RuntimeError, match="a bug in the mesh"):
        await asyncio.wait_for(hand_overs.watch(), 5)
    await hand_overs.end()
    other = HandOvers(intake, answered.append)
    other.hand_over(2, functools.partial(int, "not a record"))  # type: ignore[arg-type]  # whatever it raises
    with pytest.raises(ValueError, match="not a record"):
        await asyncio.wait_for(other.watch(), 5)
    await other.end()
    assert answered == []


async def test_after_the_end_nothing_is_handed_over_and_nothing_is_answered() -> None:
    intake, answered = FakeIntake(), list[int]()
    intake.hold()
    hand_overs = HandOvers(intake, answered.append)
    watching = asyncio.create_task(hand_overs.watch())
    hand_overs.hand_over(1, make(b"1"))
    await until(lambda: intake.waiting_records == 1)
    await hand_overs.end()
    hand_overs.hand_over(2, make(b"2"))
    intake.let_flow()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert (intake.accepted, answered, intake.waiting_records) == ([], [], 0)
