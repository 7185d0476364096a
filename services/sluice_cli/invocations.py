"""Asynchronous invocations and figures of a function: `invocations`, `cancel` and `stats`."""

import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.client import Client, path
from sluice_cli.options import DATA, Data, Format, Output, connected
from sluice_cli.times import instant

PAGE = 500
_STATISTICS = ("count", "fail_count", "reject_count", "duration", "min_duration", "max_duration", "concurrency_num", "instance_num")
_NO_DATA = -1


class State(StrEnum):
    WAIT = "WAIT"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    DISCARD = "DISCARD"


class Ranking(StrEnum):
    COUNT = "count"
    FAILURES = "fail_count"
    REJECTED = "reject_count"
    DURATION = "duration"


Name = Annotated[str, typer.Argument(help="A function's name, or any form of its URN.")]


def invocations(
    name: Name,
    state: Annotated[State | None, typer.Option("--state", case_sensitive=False, help="Only those in this state.")] = None,
    since: Annotated[str, typer.Option("--since", help="An age like 10m, or a time.")] = "1h",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many, the newest.")] = 100,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """List a function's asynchronous invocations, whoever made them, the newest first."""
    begin = instant(since, time.time())
    with connected(data) as client:
        found, total = _found(client, name, state.value if state else "", begin, limit)
    show.rows(found, ("request_id", "status", "start_time", "end_time", "error_code", "error_message"), output)
    if total > len(found):
        show.note(f"{len(found)} of {total}: --limit shows more")


def cancel(
    name: Name,
    request: Annotated[str, typer.Argument(help="The id of an asynchronous invocation.")],
    force: Annotated[bool, typer.Option("--force", help="Kill the instance that runs it, and what else runs there.")] = False,
    data: Data = DATA,
) -> None:
    """End an asynchronous invocation: one that waits at once; one that runs may end, and is not retried."""
    body = {"request_id": request, **({"type": "force"} if force else {})}
    with connected(data) as client:
        client.post(path(f"/v2/{client.project}/fgs", "functions", name, "cancel"), body)
    show.line(f"{request} is cancelled")


def stats(
    name: Annotated[str, typer.Argument(help="A function's name, or any form of its URN; none: the functions are ranked.")] = "",
    minutes: Annotated[int, typer.Option("--minutes", "-m", min=1, max=4320, help="How far back.")] = 60,
    by: Annotated[Ranking, typer.Option("--by", help="Without a name: what the functions are ranked by.")] = Ranking.COUNT,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """What a function did, minute by minute; or which functions did most. Minutes without anything are left out of a table."""
    with connected(data) as client:
        if not name:
            since = time.time() - 60 * minutes
            ranked = client.get(f"/v2/{client.project}/fgs/function/report", type=by.value, start_time=since, limit=PAGE)["values"]
            show.rows([{"function": one["key"], by.value: one["value"]} for one in ranked], ("function", by.value), output)
            return
        series = client.get(path(f"/v2/{client.project}/fgs", "functions", name, "slareports", str(minutes)))
    if output is Format.TABLE:
        show.table(by_minute(series), ("minute", *_STATISTICS))
    else:
        show.document(series, output)


def by_minute(series: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """A row for each minute of which anything is known."""
    rows: list[dict[str, Any]] = []
    for index, point in enumerate(series["count"]):
        values = {name: series[name][index]["value"] for name in _STATISTICS}
        if any(value not in (_NO_DATA, 0) for value in values.values()):
            minute = datetime.fromtimestamp(point["timestamp"] / 1000, UTC).strftime("%Y-%m-%d %H:%M")
            rows.append({"minute": minute} | {name: _cell(value) for name, value in values.items()})
    return rows


def _cell(value: float) -> str:
    return "" if value == _NO_DATA else f"{value:.10g}"


def _found(client: Client, name: str, state: str, begin: float, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Page by page; and how many there are."""
    place = path(f"/v2/{client.project}/fgs", "functions", name, "async-invocations")
    found: list[dict[str, Any]] = []
    while True:
        size = min(PAGE, limit - len(found))
        page = client.get(place, status=state, query_begin_time=f"{begin:.3f}", marker=len(found) or "", limit=size)
        found += page["invocations"]
        if len(found) >= limit or not page["invocations"] or len(found) >= page["count"]:
            return found, page["count"]
