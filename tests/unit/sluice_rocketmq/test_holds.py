"""Which messages are ours, and which of them the server may forget."""

import math

from sluice_rocketmq.broker import Receipt
from sluice_rocketmq.holds import MOST_ANSWERS, Hold, Holds


def holds(*tags: int, now: float = 0.0) -> Holds:
    made = Holds(15.0)
    for tag in tags:
        made.add(Hold(tag, Receipt(f"m-{tag}", f"h-{tag}"), 1), now)
    return made


def test_what_is_done_is_answered_once() -> None:
    held = holds(1, 2, 3)
    held.done(2)
    assert held.answers() == [Receipt("m-2", "h-2")]
    assert held.answers() == []


def test_what_is_not_done_is_prolonged_again_and_again() -> None:
    held = holds(1, 2)
    assert (held.next_due(), held.due(14.0)) == (15.0, [])
    assert [hold.tag for hold in held.due(15.0)] == [1, 2]
    assert (held.next_due(), held.due(15.0)) == (30.0, [])
    held.done(1)
    assert [hold.tag for hold in held.due(31.0)] == [2]


def test_nothing_is_due_when_nothing_is_here() -> None:
    held = holds(1)
    held.done(1)
    assert (held.next_due(), held.all()) == (math.inf, [])


def test_it_is_answered_by_the_name_that_it_has_now() -> None:
    held = holds(1)
    (hold,) = held.due(15.0)
    held.done(1)
    hold.receipt = Receipt("m-1", "another")
    assert held.answers() == [Receipt("m-1", "another")]


def test_what_is_no_longer_ours_is_not_answered() -> None:
    held = holds(1, 2)
    for hold in held.due(15.0)[:1]:
        hold.receipt = None
    held.done(1)
    assert held.answers() == []


def test_many_are_answered_in_several_lots() -> None:
    held = holds(*range(MOST_ANSWERS + 1))
    for tag in range(MOST_ANSWERS + 1):
        held.done(tag)
    assert [len(held.answers()) for _ in range(3)] == [MOST_ANSWERS, 1, 0]
