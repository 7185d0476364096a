"""When a message can be forgotten."""

from sluice_obs.held import Held


def test_a_message_is_done_with_when_all_its_records_are() -> None:
    held = Held()
    first, second = held.take("a", 2)
    (third,) = held.take("b", 1)
    assert [held.answered(tag) for tag in (second, third, first)] == [False, True, True]
    assert held.due() == [["b", "a"]]


def test_a_message_without_records_is_done_with_at_once() -> None:
    held = Held()
    assert list(held.take("a", 0)) == []
    assert held.due() == [["a"]]
    assert held.still_open() == []


def test_what_is_done_with_counts_until_the_queue_was_told() -> None:
    held = Held()
    (tag,) = held.take("a", 1)
    held.take("b", 1)
    held.answered(tag)
    assert held.records == 2
    (receipts,) = held.due()
    held.forgotten(receipts)
    assert held.records == 1
    assert held.due() == []
    assert held.still_open() == [["b"]]


def test_it_is_records_that_count() -> None:
    held = Held()
    first, *_ = held.take("a", 20)
    held.answered(first)
    assert held.records == 19


def test_the_queue_is_told_of_ten_at_a_time() -> None:
    held = Held()
    for number in range(25):
        held.take(str(number), 0)
    assert [len(batch) for batch in held.due()] == [10, 10, 5]
