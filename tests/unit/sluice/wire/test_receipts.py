"""Which replies a dispatcher acknowledges: none before it and all before it are settled."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sluice.wire.held import Key
from sluice.wire.receipts import Receipts


def keys(*numbers: int) -> list[Key]:
    return [(b"%d" % number, 1) for number in numbers]


def test_a_response_is_acknowledged_when_its_last_reply_is_settled() -> None:
    receipts, told = Receipts(), []
    receipts.arrived(1, keys(1, 2))
    for key in keys(2, 1):
        told.append(receipts.acknowledged)
        receipts.settle(key)
    assert [*told, receipts.acknowledged] == [0, 0, 1]


def test_a_response_is_not_acknowledged_before_those_before_it() -> None:
    receipts = Receipts()
    for number in (1, 2, 3):
        receipts.arrived(number, keys(number))
    receipts.settle(keys(3)[0])
    receipts.settle(keys(2)[0])
    assert receipts.acknowledged == 0
    receipts.settle(keys(1)[0])
    assert (receipts.acknowledged, len(receipts)) == (3, 0)


def test_after_a_reconnect_what_is_not_settled_is_asked_for_and_counted_anew() -> None:
    receipts = Receipts()
    receipts.arrived(7, keys(1, 2, 3))
    receipts.settle(keys(1)[0])
    assert receipts.reconnected() == keys(2, 3)
    receipts.settle(keys(2)[0])
    assert receipts.acknowledged == 0
    receipts.arrived(1, keys(3))
    receipts.settle(keys(3)[0])
    assert receipts.acknowledged == 1


def test_what_another_process_of_the_runner_gave_is_forgotten() -> None:
    receipts = Receipts()
    receipts.arrived(1, keys(1))
    receipts.forget()
    receipts.settle(keys(1)[0])
    assert (receipts.reconnected(), receipts.acknowledged) == ([], 0)


@given(st.lists(st.integers(1, 5), max_size=8), st.randoms(use_true_random=False))
def test_nothing_is_acknowledged_that_is_not_settled_and_in_the_end_all_is(sizes: list[int], chance: Random) -> None:
    receipts, responses, number = Receipts(), list[list[Key]](), 0
    for size in sizes:
        responses.append(keys(*range(number, number + size)))
        number += size
        receipts.arrived(len(responses), responses[-1])
    left = [key for response in responses for key in response]
    chance.shuffle(left)
    while left:
        receipts.settle(left.pop())
        assert not [key for response in responses[: receipts.acknowledged] for key in response if key in left]
    assert receipts.acknowledged == len(responses)
