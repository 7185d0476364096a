"""What becomes of instants that passed while nobody could fire."""

from typing import Any

import pytest

from sluice_timer.misfire import due
from sluice_timer.settings import TimerSettings

START = 1_772_409_600.0
"""A whole minute."""


def timer(**changes: Any) -> TimerSettings:
    return TimerSettings(**{"name": "n", "schedule_type": "Rate", "schedule": "1m", **changes})


CRON = {"schedule_type": "Cron", "schedule": "0 * * * * *"}


def instants(settings: TimerSettings, since: float, now: float) -> list[float]:
    """As seconds after START."""
    return [instant - START for instant in due(settings.parsed, settings, START + since, START + now).instants]


@pytest.mark.parametrize("kind", [{}, CRON])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"misfire": "skip"}, [660]),
        ({"misfire": "once"}, [600, 660]),
        ({"misfire": "all"}, [60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 660]),
        ({"misfire": "all", "misfire_max": 3}, [480, 540, 600, 660]),
        ({"misfire": "all", "misfire_max_age": 100}, [540, 600, 660]),
        ({"misfire": "once", "misfire_max_age": 10}, [660]),
    ],
)
def test_ten_minutes_down(kind: dict[str, str], policy: dict[str, Any], expected: list[float]) -> None:
    assert instants(timer(**kind, **policy), 0, 630) == expected


@pytest.mark.parametrize("kind", [{}, CRON])
@pytest.mark.parametrize("policy", ["skip", "once", "all"])
def test_a_late_instant_is_not_a_missed_one(kind: dict[str, str], policy: str) -> None:
    found = due(timer(**kind).parsed, timer(**kind, misfire=policy), START, START + 69)
    assert found.instants == [START + 60]
    assert not found.missed


def test_skip_still_fires_what_is_merely_late() -> None:
    assert instants(timer(misfire="skip"), 0, 605) == [600]


def test_no_grace_means_nothing_is_late() -> None:
    assert instants(timer(misfire="skip", misfire_grace=0), 0, 600.5) == [660]
    assert instants(timer(misfire="skip", misfire_grace=0), 0, 59) == [60]


def test_a_long_silence_of_a_busy_timer_is_judged_without_walking_through_it() -> None:
    settings = timer(schedule_type="Cron", schedule="* * * * * *", misfire="all", misfire_max=5)
    year = 365 * 86_400
    assert instants(settings, 0, year) == [year - 4, year - 3, year - 2, year - 1, year, year + 1]


def test_a_clock_that_was_set_back_fires_nothing_twice() -> None:
    assert instants(timer(**CRON), 600, 30) == [660]
