"""Spans of constant offset agree with the time zone database, second by second around each change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.offsets import offsets

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu"]


@given(st.sampled_from(ZONES), st.integers(0, 4_000_000_000))
def test_the_offset_holds_from_the_instant_until_the_span_ends(zone: str, instant: int) -> None:
    offset, until = offsets(zone).at(instant)
    assert until > instant
    assert offset == _offset(zone, instant) == _offset(zone, until - 1)


@pytest.mark.parametrize("change", ["2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"])
def test_a_span_ends_where_the_clocks_change(change: str) -> None:
    at = int(datetime.fromisoformat(change).timestamp())
    assert offsets("Europe/Berlin").at(at - 1)[1] == at
    assert offsets("Europe/Berlin").at(at)[0] != offsets("Europe/Berlin").at(at - 1)[0]


def test_a_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="'Nowhere' is not a time zone"):
        offsets("Nowhere")


def _offset(zone: str, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())
