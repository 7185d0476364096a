"""`sluice stats`: figures of a function, and of the project."""

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from sluice_cli import completion, show
from sluice_cli.client import Client, path
from sluice_cli.options import DATA, Data, Format, Output, connected

PAGE = 500
_OF_ALL = ("count", "fail_count", "reject_count", "duration", "min_duration", "max_duration", "concurrency_num")
_OF_ONE = (*_OF_ALL, "instance_num")
_INSTANCES = ("instanceNum", "reservedInstanceNum")
_NO_DATA = -1


class Ranking(StrEnum):
    COUNT = "count"
    FAILURES = "fail_count"
    REJECTED = "reject_count"
    DURATION = "duration"


class Of(StrEnum):
    """What is told of."""

    FUNCTIONS = "functions"
    PROJECT = "project"
    MONTHS = "months"
    INSTANCES = "instances"


def stats(
    name: Annotated[
        str,
        typer.Argument(
            help="A function's name, or any form of its URN; none: the functions are ranked.", autocompletion=completion.functions
        ),
    ] = "",
    minutes: Annotated[int, typer.Option("--minutes", "-m", min=1, max=4320, help="How far back.")] = 60,
    by: Annotated[Ranking, typer.Option("--by", help="Without a name: what the functions are ranked by.")] = Ranking.COUNT,
    of: Annotated[
        Of,
        typer.Option("--of", help="Without a name: project (minutes of all functions) or months (calls, GB-seconds); with one: instances."),
    ] = Of.FUNCTIONS,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """What a function did, minute by minute; or which functions did most. Minutes without anything are left out of a table."""
    if bool(name) != (of is Of.INSTANCES) and of is not Of.FUNCTIONS:
        raise typer.BadParameter(f"{of.value} goes {'without' if name else 'with'} the name of a function", param_hint="--of")
    with connected(data) as client:
        match of:
            case Of.FUNCTIONS if not name:
                show.rows(_ranked(client, by, minutes), ("function", by.value), output)
            case Of.FUNCTIONS:
                _series(client.get(path(_functions(client), name, "slareports", str(minutes))), _OF_ONE, output)
            case Of.INSTANCES:
                _series(client.get(path(_functions(client), name, "instancereports"), limit=minutes), _INSTANCES, output)
            case Of.PROJECT:
                told = client.get(path(_functions(client), "statistics"), filter="monitor_data", period=minutes)["statistics"]
                _series(told, _OF_ALL, output)
            case Of.MONTHS:
                show.rows(
                    _months(client.get(path(_functions(client), "statistics"), filter="monthly_report")), ("month", "count", "gbs"), output
                )


def by_minute(series: dict[str, list[dict[str, float]]], names: tuple[str, ...] = _OF_ONE) -> list[dict[str, Any]]:
    """A row for each minute of which anything is known."""
    rows: list[dict[str, Any]] = []
    for index, point in enumerate(series[names[0]]):
        values = {name: series[name][index]["value"] for name in names}
        if any(value not in (_NO_DATA, 0) for value in values.values()):
            minute = datetime.fromtimestamp(point["timestamp"] / 1000, UTC).strftime("%Y-%m-%d %H:%M")
            rows.append({"minute": minute} | {name: _cell(value) for name, value in values.items()})
    return rows


def _ranked(client: Client, by: Ranking, minutes: int) -> list[dict[str, Any]]:
    since = time.time() - 60 * minutes
    ranked = client.get(f"/v2/{client.project}/fgs/function/report", type=by.value, start_time=since, limit=PAGE)["values"]
    return [{"function": one["key"], by.value: one["value"]} for one in ranked]


def _series(series: dict[str, list[dict[str, float]]], names: tuple[str, ...], output: Format) -> None:
    if output is Format.TABLE:
        show.table(by_minute(series, names), ("minute", *names))
    else:
        show.document(series, output)


def _months(told: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    used = {month["date"]: month["value"] for month in told["gbs"]}
    return [{"month": month["date"], "count": month["value"], "gbs": used.get(month["date"], 0)} for month in told["count"]]


def _cell(value: float) -> str:
    return "" if value == _NO_DATA else f"{value:.10g}"


def _functions(client: Client) -> str:
    return f"/v2/{client.project}/fgs/functions"
