"""Times as SMN and SNS write them."""

import pytest

from sluice_smn.times import iso, read, spoken

AT_MS = 1_772_435_500_655


def test_times_are_told_to_the_second_in_utc() -> None:
    assert (iso(AT_MS), spoken(AT_MS)) == ("2026-03-02T07:11:40Z", "Mon Mar 02 2026 07:11:40 GMT+0000 (UTC)")


@pytest.mark.parametrize("text", ["2026-03-02T07:11:40.655Z", "2026-03-02T15:11:40.655+08:00"])
def test_times_are_read_whatever_their_zone(text: str) -> None:
    assert read(text) == AT_MS


@pytest.mark.parametrize("text", ["", "now", "2026-03-02T07:11:40", "1772435500"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever the standard library says
        read(text)
