"""Whoever guesses is slowed down."""

from sluice_gateway.throttle import LONGEST_NAME, MOST_NAMES, Throttle


def test_so_many_failures_at_once_and_then_one_after_the_other() -> None:
    throttle = Throttle(burst=3, every_s=10)
    for _ in range(3):
        assert throttle.wait_s("a", 100) == 0
        throttle.failed("a", 100)
    assert throttle.wait_s("a", 100) == 10
    assert throttle.wait_s("b", 100) == 0
    assert throttle.wait_s("a", 110) == 0
    throttle.failed("a", 110)
    assert throttle.wait_s("a", 110) == 10
    assert throttle.wait_s("a", 1000) == 0


def test_names_are_bounded_and_the_oldest_is_forgotten() -> None:
    throttle = Throttle(burst=1, every_s=10)
    for number in range(MOST_NAMES + 1):
        throttle.failed(str(number), 0)
    assert throttle.wait_s("0", 0) == 0
    assert throttle.wait_s("1", 0) == 10


def test_a_long_name_costs_no_more_than_its_beginning() -> None:
    throttle = Throttle(burst=1, every_s=10)
    throttle.failed("a" * 10_000, 0)
    assert throttle.wait_s("a" * 9_000, 0) == 10
    assert throttle.wait_s("a" * (LONGEST_NAME - 1), 0) == 0
