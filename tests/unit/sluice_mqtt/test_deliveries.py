"""What is open, and what may be answered."""

from hypothesis import given
from hypothesis import strategies as st

from sluice_mqtt.deliveries import Deliveries, Delivery


def test_answers_keep_the_order_in_which_the_messages_came() -> None:
    deliveries = Deliveries()
    one, two = Delivery(1, 1, 10), Delivery(2, 1, 20)
    first, second = deliveries.begin(one), deliveries.begin(two)
    assert (deliveries.unanswered, deliveries.size) == (2, 30)
    assert deliveries.done(second) == []
    assert (deliveries.unanswered, deliveries.size, deliveries.scattered()) == (2, 10, [two])
    assert deliveries.done(first) == [one, two]
    assert deliveries.unanswered == 0
    assert deliveries.scattered() == []


def test_a_number_counts_once_while_its_message_is_open() -> None:
    deliveries = Deliveries()
    tag = deliveries.begin(Delivery(1, 1, 0))
    assert deliveries.begin(Delivery(1, 1, 0)) == 0
    deliveries.done(tag)
    assert deliveries.begin(Delivery(1, 1, 0)) == tag + 1


def test_a_number_of_quality_two_counts_until_the_server_releases_it() -> None:
    deliveries = Deliveries()
    tag = deliveries.begin(Delivery(1, 2, 0))
    assert not deliveries.is_received(1)
    deliveries.done(tag)
    assert deliveries.is_received(1)
    assert deliveries.begin(Delivery(1, 2, 0)) == 0
    deliveries.release(1)
    assert deliveries.begin(Delivery(1, 2, 0)) == tag + 1


def test_messages_of_quality_zero_have_no_number_and_only_take_room() -> None:
    deliveries = Deliveries()
    assert deliveries.begin(Delivery(0, 0, 5)) == 1
    assert deliveries.begin(Delivery(0, 0, 5)) == 2
    assert deliveries.size == 10


@given(st.permutations(range(1, 12)))
def test_whatever_the_order_of_the_outcomes_each_is_answered_once_and_in_order(outcomes: list[int]) -> None:
    deliveries = Deliveries()
    for packet in range(1, 12):
        deliveries.begin(Delivery(packet, 1, 1))
    told = [answer.packet for tag in outcomes for answer in deliveries.done(tag)]
    assert told == list(range(1, 12))
    assert (deliveries.unanswered, deliveries.size) == (0, 0)
    assert deliveries.done(3) == []
