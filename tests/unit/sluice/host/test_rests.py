"""Who rests is woken once, a little before its time."""

import pytest

from sluice.host.rests import LEAD_S, LONGEST_S, PAUSE_S, SPREAD_S, Rests

NOW = 1_772_409_600.0
A_SLOT_S = 0.1


def woken(rests: Rests[str], begin: float, end: float) -> dict[str, float]:
    """When each one was given back, looking ten times a second."""
    found: dict[str, float] = {}
    for step in range(int((end - begin) * 10) + 1):
        now = begin + step / 10
        for one in rests.due(now):
            assert one not in found
            found[one] = now
    return found


def test_all_of_one_instant_wake_before_it_and_not_at_the_same_moment() -> None:
    rests: Rests[str] = Rests(NOW)
    for number in range(200):
        rests.add(str(number), NOW + 60, NOW)
    found = woken(rests, NOW, NOW + 60)
    assert len(found) == 200
    assert not len(rests)
    assert min(found.values()) >= NOW + 60 - LEAD_S - SPREAD_S - A_SLOT_S
    assert max(found.values()) <= NOW + 60 - LEAD_S + A_SLOT_S
    assert len(set(found.values())) > 5


def test_who_is_let_go_is_not_woken() -> None:
    rests: Rests[str] = Rests(NOW)
    rests.add("a", NOW + 60, NOW)
    rests.discard("a")
    rests.discard("b")
    assert not len(rests)
    assert woken(rests, NOW, NOW + 61) == {}


def test_a_time_that_has_passed_is_due_at_once() -> None:
    rests: Rests[str] = Rests(NOW)
    rests.due(NOW)
    rests.add("a", NOW - 5, NOW)
    assert rests.due(NOW + A_SLOT_S) == ["a"]


@pytest.mark.parametrize("until", [float("inf"), NOW + 10 * LONGEST_S])
def test_nobody_rests_for_more_than_a_day(until: float) -> None:
    rests: Rests[str] = Rests(NOW)
    rests.add("a", until, NOW)
    assert rests.due(NOW + LONGEST_S - 10) == []
    assert rests.due(NOW + LONGEST_S) == ["a"]


def test_a_clock_that_is_set_forward_wakes_and_one_that_is_set_back_does_not_forget() -> None:
    rests: Rests[str] = Rests(NOW)
    rests.add("near", NOW + 60, NOW)
    rests.add("far", NOW + 7200, NOW)
    assert rests.due(NOW + 3600) == ["near"]
    assert rests.due(NOW) == []
    rests.add("again", NOW + 60, NOW)
    assert list(woken(rests, NOW, NOW + 61)) == ["again"]
    assert rests.due(NOW + 7200) == ["far"]


def test_who_goes_on_soon_comes_within_the_pause() -> None:
    rests: Rests[str] = Rests(100.0)
    names = {str(number) for number in range(200)}
    for name in names:
        rests.soon(name, 100.0)
    assert not rests.due(99.9)
    assert len(rests.due(100.1)) < 200
    rests.due(100.0 + PAUSE_S + 0.1)
    assert not len(rests)
