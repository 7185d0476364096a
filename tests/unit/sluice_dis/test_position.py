"""Positions of shards, as the ledger keeps them."""

import pytest

from sluice_dis.position import BEGINNING, Position, parse

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize("position", [BEGINNING, Position("4959", 1_772_432_000_123), Position("", 1_772_432_000_123)])
def test_a_position_is_read_as_it_was_written(position: Position) -> None:
    assert parse(str(position)) == position


def test_positions_can_be_read_by_people() -> None:
    assert [str(position) for position in (BEGINNING, Position("4959", 17), Position("", 17))] == ["TRIM_HORIZON", "4959@17", "@17"]


@pytest.mark.parametrize("text", ["", "4959", "x@1", "4959@", "4959@x"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@pytest.mark.parametrize(
    ("position", "lost"),
    [(BEGINNING, False), (Position("1", 0), True), (Position("", HOUR_MS), False), (Position("9", 2 * HOUR_MS), False)],
)
def test_a_position_is_lost_when_records_behind_it_may_be_forgotten(position: Position, lost: bool) -> None:
    assert position.is_lost(DAY_MS + HOUR_MS, DAY_MS) is lost
