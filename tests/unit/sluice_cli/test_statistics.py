"""Series of the API as rows of a table."""

from typing import Any

from sluice_cli.statistics import by_minute

NAMES = ("count", "fail_count", "reject_count", "duration", "min_duration", "max_duration", "concurrency_num", "instance_num")
MINUTE_MS = 60_000


def series(*minutes: dict[str, float]) -> dict[str, list[dict[str, float]]]:
    return {
        name: [{"timestamp": number * MINUTE_MS, "value": minute.get(name, -1)} for number, minute in enumerate(minutes)] for name in NAMES
    }


def row(minute: str, **values: str) -> dict[str, Any]:
    return {"minute": minute, **dict.fromkeys(NAMES, ""), **values}


def test_a_minute_is_a_row_and_one_without_anything_is_left_out() -> None:
    shown = by_minute(
        series({"count": 3, "fail_count": 0, "duration": 12.345}, {}, {"count": -1, "concurrency_num": 0}, {"instance_num": 2})
    )
    assert shown == [
        row("1970-01-01 00:00", count="3", fail_count="0", duration="12.345"),
        row("1970-01-01 00:03", instance_num="2"),
    ]
