"""How many instances a reservation keeps, by the clock and by their use."""

import math
from datetime import UTC, datetime

import pytest

from sluice.reservation import MOST_INSTANCES, Reservation, ReservedSchedule, ReservedUse

URN = "urn:fss:r:p:function:default:one:latest"


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> float:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC).timestamp()


def kept(*schedules: ReservedSchedule, count: int = 1, uses: tuple[ReservedUse, ...] = ()) -> Reservation:
    return Reservation(URN, count, schedules, uses)


NOON = ReservedSchedule("0 0 12 * * *", 5, at(2, 0), at(5, 0))
EVENING = ReservedSchedule("0 0 18 * * *", 2, at(1, 0), at(4, 20))


def test_without_a_schedule_the_count_holds() -> None:
    assert kept(count=3).scheduled(at(2, 12)) == 3
    assert kept(count=3).changes(at(2, 12)) == math.inf


@pytest.mark.parametrize(
    ("now", "count"),
    [
        (at(1, 17, 59, 59), 1),
        (at(1, 18), 2),
        (at(2, 11, 59, 59), 2),
        (at(2, 12), 5),
        (at(2, 18), 2),
        (at(3, 12, 0, 1), 5),
        (at(4, 19, 59, 59), 2),
        (at(4, 20), 5),
        (at(4, 23, 59, 59), 5),
        (at(5, 0), 1),
        (at(5, 12), 1),
    ],
)
def test_the_schedule_that_fired_last_and_has_not_ended_decides(now: float, count: int) -> None:
    assert kept(NOON, EVENING).scheduled(now) == count


def test_an_instant_before_the_beginning_does_not_count_and_the_beginning_itself_does() -> None:
    late = ReservedSchedule("0 0 12 * * *", 5, at(2, 12, 0, 1), at(5, 0))
    assert kept(late).scheduled(at(2, 13)) == 1
    on_time = ReservedSchedule("0 0 12 * * *", 5, at(2, 12), at(5, 0))
    assert kept(on_time).scheduled(at(2, 12)) == 5


def test_of_two_that_fire_together_the_larger_one_decides() -> None:
    other = ReservedSchedule("0 0 12 * * *", 9, at(1, 0), at(5, 0))
    assert kept(NOON, other).scheduled(at(3, 12)) == 9


def test_nothing_changes_before_the_instant_that_is_named() -> None:
    reservation = kept(NOON, EVENING)
    now = at(1, 0)
    while (following := reservation.changes(now)) != math.inf:
        assert reservation.scheduled(following - 0.5) == reservation.scheduled(now)
        now = following
    assert now == at(5, 0)


@pytest.mark.parametrize(
    ("busy", "places", "wanted"), [(0, 1, 2), (1, 1, 2), (2, 1, 4), (5, 1, 10), (5, 10, 2), (100, 10, 20), (9999, 1, MOST_INSTANCES)]
)
def test_so_many_that_no_more_than_the_threshold_is_taken(busy: int, places: int, wanted: int) -> None:
    assert kept(uses=(ReservedUse(50, 2),)).wanted(0.0, busy, places) == wanted


def test_the_count_is_kept_however_little_is_used() -> None:
    assert kept(count=7, uses=(ReservedUse(50, 2),)).wanted(0.0, 0, 1) == 7
