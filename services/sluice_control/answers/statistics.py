"""Figures as FunctionGraph answers them: series of points, -1 where nothing is known of a time."""

import msgspec


class Point(msgspec.Struct, frozen=True):
    """`timestamp` is where the minute begins, in milliseconds since the epoch."""

    timestamp: int
    value: float


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Of list_function_statistics, and `statistics` of list_statistics. Durations are in milliseconds."""

    count: list[Point]
    duration: list[Point]
    fail_count: list[Point]
    max_duration: list[Point]
    min_duration: list[Point]
    reject_count: list[Point]
    function_error_count: list[Point]
    system_error_count: list[Point]
    reserved_instance_num: list[Point]
    concurrency_num: list[Point]


class AllSeries(Series, frozen=True, kw_only=True):
    """Of show_function_metrics."""

    instance_num: list[Point]


class InstanceSeries(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of show_func_reserved_instance_metrics."""

    instance_num: list[Point]
    reserved_instance_num: list[Point]


class MonthUsed(msgspec.Struct, frozen=True):
    """`date` is a month, like 2026-03 (UTC)."""

    date: str
    value: float


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Of list_statistics: months for `monthly_report` (calls, and gigabyte-seconds), `statistics` for `monitor_data`."""

    count: list[MonthUsed]
    gbs: list[MonthUsed]
    gpu_gbs: list[MonthUsed]
    statistics: Series | None


class FunctionFigure(msgspec.Struct, frozen=True):
    """`key` is the URN of a function version."""

    key: str
    value: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Of list_function_as_metric, the largest first."""

    values: list[FunctionFigure]
    next_marker: int
    count: int
