"""Checklist 13.18, and each operation on figures through the unmodified SDK: series of counts, failures, rejections and durations, with -1
for an empty minute."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.functiongraph.client import Sdk

NAMES = (
    "count", "duration", "fail_count", "max_duration", "min_duration", "reject_count", "function_error_count", "system_error_count",
    "reserved_instance_num", "concurrency_num",
)  # fmt: skip


def invoke(sdk: Sdk, urn: str, event: dict[str, Any]) -> Any:
    return sdk("invoke_function", function_urn=urn, body=event)


def known(points: list[Any]) -> list[float]:
    """The values of the minutes of which anything is known."""
    return [point.value for point in points if point.value != -1]


def test_13_18_series_count_failures_and_durations_with_minus_one_for_an_empty_minute(sdk: Sdk, function: str) -> None:
    for _ in range(3):
        invoke(sdk, function, {"do": "sleep", "seconds": 0.05})
    invoke(sdk, function, {"do": "status", "status": 500})
    answer = sdk("list_function_statistics", func_urn=function, period="10")
    for name in NAMES:
        points = getattr(answer, name)
        assert len(points) == 10, name
        assert {point.timestamp % 60_000 for point in points} == {0}, name
        assert points[0].value == -1, name
    assert abs(answer.count[-1].timestamp / 1000 - time.time()) < 120
    assert (sum(known(answer.count)), sum(known(answer.fail_count)), sum(known(answer.function_error_count))) == (4, 1, 1)
    assert (sum(known(answer.reject_count)), sum(known(answer.system_error_count))) == (0, 0)
    assert max(known(answer.max_duration)) >= 50
    assert 0 < min(known(answer.min_duration)) < 50
    assert min(known(answer.min_duration)) < known(answer.duration)[-1] < max(known(answer.max_duration)) + 1


def test_13_18_asynchronous_executions_are_counted_each(sdk: Sdk, function: str) -> None:
    sdk("update_function_async_invoke_config", function_urn=function, body={"max_async_retry_attempts": 1})
    request = sdk("async_invoke_function", function_urn=function, body={"do": "status", "status": 500}).request_id
    deadline = time.monotonic() + 20
    while sdk("list_async_invocations", function_urn=function, request_id=request).invocations[0].status != "FAIL":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    answer = sdk("list_function_statistics", func_urn=function, period="5")
    assert (sum(known(answer.count)), sum(known(answer.fail_count))) == (2, 2)


def test_show_function_metrics_tells_versions_apart(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    sdk("create_version_alias", function_urn=function, body={"name": "live", "version": "v1"})
    for qualifier, times in (("latest", 1), ("v1", 2), ("!live", 3)):
        for _ in range(times):
            invoke(sdk, f"{function}:{qualifier}", {"do": "tell"})
    for qualifier, count in (("latest", 1), ("v1", 5), ("!live", 5)):
        answer = sdk("show_function_metrics", func_urn=f"{function}:{qualifier}", period="5")
        assert sum(known(answer.count)) == count, qualifier
        assert len(answer.instance_num) == 5
    sdk.refused("show_function_metrics", "FSS.1001", 400, func_urn=function, period="none")
    sdk.refused("show_function_metrics", "FSS.1051", 404, func_urn=f"{function}x", period="5")


def test_list_function_statistics_tells_the_calls_at_once(sdk: Sdk, function: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: invoke(sdk, function, {"do": "sleep", "seconds": 2.5}), range(3)))
    assert max(known(sdk("list_function_statistics", func_urn=function, period="5").concurrency_num)) == 3


def test_show_func_reserved_instance_metrics(sdk: Sdk, function: str) -> None:
    invoke(sdk, function, {"do": "tell"})
    deadline = time.monotonic() + 30
    while max(known(sdk("show_func_reserved_instance_metrics", func_urn=function, limit="5").instance_num), default=0) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    reserved = sdk("show_func_reserved_instance_metrics", func_urn=function).reserved_instance_num
    assert (len(reserved), set(known(reserved))) == (100, {0})


def test_list_statistics_of_the_project(sdk: Sdk, function: str) -> None:
    def calls() -> float:
        return sum(known(sdk("list_statistics", filter="monitor_data", period="60").statistics.count))

    before, months = calls(), sdk("list_statistics", filter="monthly_report", option="0")
    assert months.statistics is None
    invoke(sdk, function, {"do": "sleep", "seconds": 0.3})
    assert calls() == before + 1
    after = sdk("list_statistics", filter="monthly_report", option="0")
    assert [month.date for month in after.count] == [time.strftime("%Y-%m", time.gmtime())]
    assert after.count[0].value == months.count[0].value + 1
    assert after.gbs[0].value > months.gbs[0].value
    assert after.gpu_gbs[0].value == 0
    assert [len(sdk("list_statistics", filter="monthly_report", option=option).gbs) for option in "123"] == [1, 3, 6]
    sdk.refused("list_statistics", "FSS.1001", 400, filter="weekly_report")


def test_list_function_as_metric_ranks_functions(sdk: Sdk, function: str) -> None:
    for _ in range(2):
        invoke(sdk, function, {"do": "status", "status": 500})
    worst = sdk("list_function_as_metric", limit="500")
    assert {figure.key: figure.value for figure in worst.values}[f"{function}:latest"] == 2
    assert [figure.value for figure in worst.values] == sorted((figure.value for figure in worst.values), reverse=True)
    busiest = sdk("list_function_as_metric", type="count", limit="1")
    assert (len(busiest.values), busiest.count >= 1) == (1, True)
    sdk.refused("list_function_as_metric", "FSS.1001", 400, type="beauty")


def test_list_functions_tells_the_failures_of_a_day(sdk: Sdk, function: str) -> None:
    invoke(sdk, function, {"do": "status", "status": 500})
    name = function.rpartition(":")[2]
    (shown,) = sdk("list_functions", func_name=name).functions
    assert shown.fail_count == 1
