"""Asynchronous invocations of a function: `invocations` and `cancel`."""

import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.client import Client, path
from sluice_cli.options import DATA, Data, Format, FunctionName, Output, connected
from sluice_cli.times import instant

PAGE = 500


class State(StrEnum):
    WAIT = "WAIT"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    DISCARD = "DISCARD"


def invocations(
    name: FunctionName,
    state: Annotated[State | None, typer.Option("--state", case_sensitive=False, help="Only those in this state.")] = None,
    since: Annotated[str, typer.Option("--since", help="An age like 10m, or a time.")] = "1h",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many, the newest.")] = 100,
    active: Annotated[bool, typer.Option("--active", help="Only those that wait or run.")] = False,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """List a function's asynchronous invocations, whoever made them, the newest first."""
    begin = instant(since, time.time())
    with connected(data) as client:
        place = path(f"/v2/{client.project}/fgs", "functions", name, f"{'active-' if active else ''}async-invocations")
        found, total = _found(client, place, state.value if state else "", begin, limit)
    show.rows(found, ("request_id", "status", "start_time", "end_time", "error_code", "error_message"), output)
    if total > len(found):
        show.note(f"{len(found)} of {total}: --limit shows more")


def cancel(
    name: FunctionName,
    request: Annotated[str, typer.Argument(help="The id of an asynchronous invocation.")],
    force: Annotated[bool, typer.Option("--force", help="Kill the instance that runs it, and what else runs there.")] = False,
    data: Data = DATA,
) -> None:
    """End an asynchronous invocation: one that waits at once; one that runs may end, and is not retried."""
    body = {"request_id": request, **({"type": "force"} if force else {})}
    with connected(data) as client:
        client.post(path(f"/v2/{client.project}/fgs", "functions", name, "cancel"), body)
    show.line(f"{request} is cancelled")


def _found(client: Client, place: str, state: str, begin: float, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Page by page; and how many there are."""
    found: list[dict[str, Any]] = []
    while True:
        size = min(PAGE, limit - len(found))
        page = client.get(place, status=state, query_begin_time=f"{begin:.3f}", marker=len(found) or "", limit=size)
        found += page["invocations"]
        if len(found) >= limit or not page["invocations"] or len(found) >= page["count"]:
            return found, page["count"]
