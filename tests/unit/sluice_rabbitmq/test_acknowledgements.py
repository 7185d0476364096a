"""Which deliveries the queue may forget."""

from hypothesis import given
from hypothesis import strategies as st

from sluice_rabbitmq.acknowledgements import Acknowledgements


def test_one_answer_stands_for_all_before_it() -> None:
    acknowledgements = Acknowledgements()
    for tag in (2, 3, 1):
        acknowledgements.done(tag)
    assert (acknowledgements.due(), acknowledgements.due()) == (3, 0)


def test_nothing_behind_an_open_one_is_answered_before_the_end() -> None:
    acknowledgements = Acknowledgements()
    for tag in (1, 3, 4):
        acknowledgements.done(tag)
    assert acknowledgements.due() == 1
    assert acknowledgements.scattered() == [3, 4]


@given(st.permutations(range(1, 20)), st.integers(0, 18))
def test_no_message_is_answered_that_is_not_done(order: list[int], until: int) -> None:
    acknowledgements = Acknowledgements()
    for tag in order[:until]:
        acknowledgements.done(tag)
    answered = set(range(1, acknowledgements.due() + 1)) | set(acknowledgements.scattered())
    assert answered == set(order[:until])
