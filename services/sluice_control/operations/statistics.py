"""The operations on figures: what functions did, by minute, by month and in all."""

from collections.abc import Mapping

from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice.ledger import Records
from sluice.usage import DAY_S, Usage, UsageFilter
from sluice_control.answers.statistics import AllSeries, InstanceSeries, Report, Series, Statistics
from sluice_control.asgi import Call, Operation, json
from sluice_control.keeper import Keeper
from sluice_control.resources.targets import target
from sluice_control.series import begin, by_month, minutes, months, ranked, series
from sluice_control.times import read

MOST_MINUTES = 3 * 24 * 60
"""Minutes are kept for so long."""
_MILLISECONDS_DIGITS = 12
"""In seconds such a number is beyond the year 5138."""
_PAGE, _MOST = 100, 500
_DEFAULT_MINUTES = 60
_RANKINGS: Mapping[str, str] = {
    "failcount": "fail_count",
    "rejectcount": "reject_count",
    "duration": "duration",
    "maxDuration": "max_duration",
    "minDuration": "min_duration",
    "concurrency": "concurrency_num",
    "reservedinstancenum": "reserved_instance_num",
} | {name: name for name in ("count", "fail_count", "reject_count", "function_error_count", "system_error_count")}
"""Metrics by which functions are ranked, in FunctionGraph's words for them."""


class StatisticsApi:
    def __init__(self, control: Keeper, records: Records) -> None:
        self._control = control
        self._records = records

    def operations(self) -> list[Operation]:
        functions = "/v2/{project_id}/fgs/functions"
        one = functions + "/{func_urn}"
        report = ("type", "start_time", "end_time", "limit")
        listed = ("filter", "period", "option", "limit", "marker")
        return [
            Operation("list_function_as_metric", "GET", "/v2/{project_id}/fgs/function/report", "read", self.report, query=report),
            Operation("list_statistics", "GET", functions + "/statistics", "read", self.tenant, query=listed),
            Operation("list_function_statistics", "GET", one + "/statistics/{period}", "read", self.function),
            Operation("show_function_metrics", "GET", one + "/slareports/{period}", "read", self.metrics),
            Operation(
                "show_func_reserved_instance_metrics",
                "GET",
                one + "/instancereports",
                "read",
                self.instances,
                query=("marker", "limit"),
            ),
        ]

    async def function(self, call: Call) -> Response:
        return await self._of_version(call, Series)

    async def metrics(self, call: Call) -> Response:
        return await self._of_version(call, AllSeries)

    async def instances(self, call: Call) -> Response:
        """The newest `limit` minutes, `marker` of them passed over; in order."""
        marker, limit = call.number("marker", 0, MOST_MINUTES), call.number("limit", _PAGE, _MOST)
        times = minutes(self._control.clock.time(), marker + limit)[:limit]
        rows = await self._rows(call, self._version(call), times)
        return json(InstanceSeries(**series(rows, times, InstanceSeries.__struct_fields__)))

    async def tenant(self, call: Call) -> Response:
        match call.query("filter"):
            case "monitor_data":
                times = minutes(self._control.clock.time(), _period(call.query("period") or str(_DEFAULT_MINUTES)))
                rows = await self._rows(call, "", times)
                shown = Series(**series(rows, times, Series.__struct_fields__))
                return json(Statistics(count=[], gbs=[], gpu_gbs=[], statistics=shown))
            case "monthly_report":
                return json(await self._monthly(call))
            case other:
                raise Invalid([Fault("filter", f"is {other[:40]!r}, and is monitor_data or monthly_report")], "FSS.1001")

    async def report(self, call: Call) -> Response:
        metric = call.query("type", "failcount")
        if metric not in _RANKINGS:
            raise Invalid([Fault("type", f"is {metric[:40]!r}, and is one of {', '.join(_RANKINGS)}")], "FSS.1001")
        now = self._control.clock.time()
        since, until = _instant(call, "start_time", now - DAY_S), _instant(call, "end_time", 0.0)
        rows = await self._records.usage(UsageFilter(call.project, since=since, until=until, by_time=False))
        figures = ranked(rows, _RANKINGS[metric])
        page = figures[: call.number("limit", _PAGE, _MOST)]
        return json(Report(values=page, next_marker=len(page), count=len(figures)))

    async def _of_version(self, call: Call, kind: type[Series]) -> Response:
        times = minutes(self._control.clock.time(), _period(call.path("period")))
        rows = await self._rows(call, self._version(call), times)
        return json(kind(**series(rows, times, kind.__struct_fields__)))

    async def _rows(self, call: Call, function: str, times: range) -> list[Usage]:
        """One row a minute."""
        return await self._records.usage(UsageFilter(call.project, function, times[0], times[-1] + times.step, by_function=False))

    async def _monthly(self, call: Call) -> Statistics:
        wanted = months(self._control.clock.time(), call.query("option"))
        which = UsageFilter(call.project, since=begin(wanted[0]), bucket_s=DAY_S, by_function=False)
        days = await self._records.usage(which)
        return Statistics(
            count=by_month(days, wanted, lambda day: day.calls),
            gbs=by_month(days, wanted, lambda day: day.gb_s),
            gpu_gbs=by_month(days, wanted, lambda _: 0.0),
            statistics=None,
        )

    def _version(self, call: Call) -> str:
        """The full URN of the version that is meant, also if it is meant by an alias."""
        row = target(call.path("func_urn"), self._control.region, call.project).version(self._control.view)
        return str(row.function.urn(self._control.region, row.name))


def _period(text: str) -> int:
    """Minutes; more than are kept mean all that are kept. Raises Invalid."""
    if not (text.isascii() and text.isdigit()) or int(text[:9]) < 1:
        raise Invalid([Fault("period", f"is {text[:20]!r}, and is a number of minutes from 1")], "FSS.1001")
    return min(int(text[:9]), MOST_MINUTES)


def _instant(call: Call, name: str, default: float) -> float:
    """Seconds since the epoch; numbers that large are milliseconds."""
    text = call.query(name)
    if text.isascii() and text.isdigit() and len(text) >= _MILLISECONDS_DIGITS:
        text = str(int(text[:15]) / 1000)
    return max(0.0, read(name, text)) if text else default
