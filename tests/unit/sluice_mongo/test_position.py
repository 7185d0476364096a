"""Where reading goes on."""

from typing import Any

import pytest

from sluice_mongo.continuity import headroom_s, next_best
from sluice_mongo.position import Position, Snapshot, Time, position, time_of

TOKEN = {"_data": "826B0E491A000000052B0229296E04"}
AT = Time(0x6B0E491A, 5)


@pytest.mark.parametrize(
    "kept",
    [
        Position(AT, TOKEN),
        Position(AT),
        Position(AT, passed="82"),
        Position(AT, snapshot=Snapshot()),
        Position(AT, snapshot=Snapshot("orders", {"_id": {"$numberInt": "7"}})),
    ],
)
def test_what_is_kept_comes_back(kept: Position) -> None:
    assert position(kept.text()) == kept


def test_a_position_can_be_read_by_people() -> None:
    assert Position(AT, TOKEN).text() == '{"time":[1796098330,5],"token":{"_data":"826B0E491A000000052B0229296E04"}}'


def test_a_token_of_mongodb_tells_its_time_and_another_does_not() -> None:
    assert time_of(TOKEN, Time(1, 1)) == AT
    others: list[dict[str, Any]] = [{"_data": "6b0e491a00000001"}, {"_data": {"$binary": {}}}, {}]
    for other in others:
        assert time_of(other, Time(1, 1)) == Time(1, 1)


def test_without_its_token_a_position_remembers_what_of_its_time_was_handed_over() -> None:
    assert Position(AT, TOKEN).at_its_time == Position(AT, passed=TOKEN["_data"])


@pytest.mark.parametrize("policy", ["start_after", "snapshot"])
def test_those_who_want_no_past_go_on_now(policy: str) -> None:
    assert list(next_best(policy, Position(AT, TOKEN), AT)) == [None]


def test_as_much_of_the_log_is_read_as_there_is() -> None:
    lost = Position(AT, TOKEN)
    later = Time(AT.seconds + 60, 1)
    assert list(next_best("start_at_time", lost, Time(1, 1))) == [lost.at_its_time, None]
    assert list(next_best("start_at_time", lost, later)) == [lost.at_its_time, Position(later), None]
    assert list(next_best("start_at_time", lost.at_its_time, later)) == [Position(later), None]
    assert list(next_best("start_at_time", lost, None)) == [lost.at_its_time, None]


def test_the_headroom_is_what_the_log_holds_behind_the_position() -> None:
    assert headroom_s(Position(AT), Time(AT.seconds - 90, 1)) == 90
    assert headroom_s(Position(AT), Time(AT.seconds + 90, 1)) == 0
