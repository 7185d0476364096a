"""What functions did, as the API shows it: by minute, by month, ranked, and in the list of functions."""

from typing import Any

import pytest

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice.usage import DAY_S, Usage, UsageFilter
from tests.unit.sluice_control.client import Client, function_body
from tests.unit.sluice_control.fakes import FakeRecords

FUNCTIONS = "/v2/{p}/fgs/functions"
HELLO = f"{FUNCTIONS}/hello"
NAMES = {
    "count", "duration", "fail_count", "max_duration", "min_duration", "reject_count", "function_error_count", "system_error_count",
    "reserved_instance_num", "concurrency_num",
}  # fmt: skip


@pytest.fixture(autouse=True)
async def functions(api: Client) -> None:
    for name in ("hello", "second"):
        await api("POST", FUNCTIONS, function_body(name))


@pytest.fixture
def minute(clock: SteppedClock) -> int:
    """Where the minute at hand begins."""
    return int(clock.time()) // 60 * 60


def urn(api: Client, name: str = "hello", version: str = "latest") -> str:
    return f"urn:fss:local-1:{api.project}:function:default:{name}:{version}"


def values(answer: dict[str, Any]) -> dict[str, list[float]]:
    return {name: [point["value"] for point in points] for name, points in answer.items()}


async def test_each_minute_of_the_period_has_a_point_and_an_empty_one_has_minus_one(api: Client, records: FakeRecords, minute: int) -> None:
    records.used = [
        Usage(urn(api), minute - 60, 5, 4, 100.0, 10.0, 40.0, 1, 1, 1, 3, 2, 1),
        Usage(urn(api), minute, instances=1),
        Usage(urn(api, version="v1"), minute, 9, 9, 9.0, 1.0, 1.0),
    ]
    answer = (await api("GET", f"{HELLO}/statistics/3")).json
    assert set(answer) == NAMES
    assert [point["timestamp"] for point in answer["count"]] == [(minute - 120) * 1000, (minute - 60) * 1000, minute * 1000]
    assert values(answer) == {
        "count": [-1, 5, -1],
        "duration": [-1, 25, -1],
        "fail_count": [-1, 2, -1],
        "max_duration": [-1, 40, -1],
        "min_duration": [-1, 10, -1],
        "reject_count": [-1, 1, -1],
        "function_error_count": [-1, 1, -1],
        "system_error_count": [-1, 1, -1],
        "reserved_instance_num": [-1, 1, 0],
        "concurrency_num": [-1, 3, 0],
    }
    metrics = (await api("GET", f"{HELLO}/slareports/2")).json
    assert set(metrics) == NAMES | {"instance_num"}
    assert values(metrics)["instance_num"] == [2, 1]
    assert records.asked[-1] == UsageFilter(api.project, urn(api), minute - 60, minute + 60, by_function=False)


async def test_figures_are_those_of_the_version_that_an_alias_names(api: Client, records: FakeRecords, minute: int) -> None:
    await api("POST", f"{HELLO}/versions", {"version": "v1"})
    await api("POST", f"{HELLO}/aliases", {"name": "live", "version": "v1"})
    records.used = [Usage(urn(api), minute, 1), Usage(urn(api, version="v1"), minute, 7)]
    answer = (await api("GET", f"{FUNCTIONS}/{api.project}:default:hello:!live/statistics/1")).json
    assert values(answer)["count"] == [7]


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (f"{HELLO}/statistics/0", (400, "FSS.1001")),
        (f"{HELLO}/statistics/soon", (400, "FSS.1001")),
        (f"{HELLO}/slareports/-5", (400, "FSS.1001")),
        (f"{FUNCTIONS}/none/statistics/5", (404, "FSS.1051")),
        (f"{FUNCTIONS}/none/slareports/5", (404, "FSS.1051")),
        (f"{FUNCTIONS}/none/instancereports", (404, "FSS.1051")),
        (f"{FUNCTIONS}/statistics?filter=other", (400, "FSS.1001")),
        (f"{FUNCTIONS}/statistics", (400, "FSS.1001")),
        (f"{FUNCTIONS}/statistics?filter=monitor_data&period=x", (400, "FSS.1001")),
        ("/v2/{p}/fgs/function/report?type=beauty", (400, "FSS.1001")),
        ("/v2/{p}/fgs/function/report?start_time=never", (400, "FSS.1001")),
        ("/v2/{p}/fgs/function/report?start_time=inf", (400, "FSS.1001")),
        ("/v2/{p}/fgs/function/report?end_time=nan", (400, "FSS.1001")),
        (f"{HELLO}/async-invocations?query_begin_time=1e999", (400, "FSS.1001")),
    ],
)
async def test_what_cannot_be_shown_is_refused(api: Client, place: str, error: tuple[int, str]) -> None:
    assert (await api("GET", place)).error == error


async def test_more_minutes_than_are_kept_mean_all_that_are(api: Client) -> None:
    assert len((await api("GET", f"{HELLO}/statistics/99999999999999999999")).json["count"]) == 3 * 24 * 60


async def test_a_project_is_summed_over_its_functions(api: Client, records: FakeRecords, minute: int) -> None:
    records.used = [Usage(urn(api, name), minute, 2, 2, 10.0, 4.0, 6.0) for name in ("hello", "second")]
    answer = (await api("GET", f"{FUNCTIONS}/statistics?filter=monitor_data&period=1")).json
    assert (answer["count"], answer["gbs"], answer["gpu_gbs"]) == ([], [], [])
    assert set(answer["statistics"]) == NAMES
    assert (values(answer["statistics"])["count"], values(answer["statistics"])["duration"]) == ([4], [5])


@pytest.mark.parametrize(
    ("option", "count"),
    [
        ("0", [("2023-11", 4)]),
        ("1", [("2023-10", 2)]),
        ("2", [("2023-09", 0), ("2023-10", 2), ("2023-11", 4)]),
        ("3", [("2023-06", 1), ("2023-07", 0), ("2023-08", 0), ("2023-09", 0), ("2023-10", 2), ("2023-11", 4)]),
        ("9", [("2023-11", 4)]),
    ],
)
async def test_months_are_summed_from_days(api: Client, records: FakeRecords, option: str, count: list[tuple[str, float]]) -> None:
    days = {"2023-06-30": 1, "2023-10-01": 2, "2023-11-01": 3, "2023-11-14": 1}
    records.used = [Usage(urn(api), day_of(text), calls, gb_s=0.5) for text, calls in days.items()]
    answer = (await api("GET", f"{FUNCTIONS}/statistics?filter=monthly_report&option={option}")).json
    assert [(month["date"], month["value"]) for month in answer["count"]] == count
    assert answer["gbs"][-1]["value"] == {"1": 0.5}.get(option, 1.0)
    assert {month["value"] for month in answer["gpu_gbs"]} == {0}
    assert answer["statistics"] is None
    assert records.asked[-1].bucket_s == DAY_S


def day_of(text: str) -> int:
    from datetime import UTC, datetime

    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


async def test_functions_are_ranked_by_a_metric(api: Client, records: FakeRecords, minute: int) -> None:
    records.used = [
        Usage(urn(api), minute, 5, function_errors=1),
        Usage(urn(api), minute - 60, 5, system_errors=1),
        Usage(urn(api, "second"), minute, 90, function_errors=5),
        Usage(urn(api, "second", "v1"), minute - 2 * DAY_S, 90, function_errors=50),
    ]
    report = "/v2/{p}/fgs/function/report"
    worst = (await api("GET", report)).json
    assert worst == {"values": [{"key": urn(api, "second"), "value": 5}, {"key": urn(api), "value": 2}], "next_marker": 2, "count": 2}
    busiest = (await api("GET", f"{report}?type=count&limit=1&start_time={(minute - 30) * 1000}&end_time={minute + 60}")).json
    assert busiest == {"values": [{"key": urn(api, "second"), "value": 90}], "next_marker": 1, "count": 2}


async def test_instances_are_reported_by_page(api: Client, records: FakeRecords, minute: int) -> None:
    records.used = [Usage(urn(api), minute - 60 * back, instances=back + 1, reserved=1) for back in range(5)]
    assert values((await api("GET", f"{HELLO}/instancereports?limit=2&marker=1")).json) == {
        "instanceNum": [3, 2],
        "reservedInstanceNum": [1, 1],
    }
    assert len((await api("GET", f"{HELLO}/instancereports")).json["instanceNum"]) == 100


async def test_the_list_of_functions_tells_the_failures_of_a_day(
    api: Client, records: FakeRecords, minute: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.used = [
        Usage(urn(api), minute, 5, function_errors=1),
        Usage(urn(api, version="v1"), minute, 5, system_errors=2),
        Usage(urn(api), minute - 2 * DAY_S, 5, function_errors=9),
    ]
    listed = (await api("GET", FUNCTIONS)).json["functions"]
    assert {function["func_name"]: function["fail_count"] for function in listed} == {"hello": 3, "second": 0}

    async def away(which: UsageFilter) -> list[Usage]:
        raise Unavailable("the dispatcher cannot be reached")

    monkeypatch.setattr(records, "usage", away)
    listed = (await api("GET", FUNCTIONS)).json["functions"]
    assert {function["fail_count"] for function in listed} == {None}
