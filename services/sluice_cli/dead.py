"""Events that ended FAIL or DISCARD: look at them, run them again, remove them."""

import base64
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.client import Client, Refused
from sluice_cli.options import DATA, Data, Format, Output, Yes, confirm, connected
from sluice_cli.times import instant

app = typer.Typer(no_args_is_help=True, help="Events that failed or were discarded.")

PAGE = 1000
COLUMNS = ("id", "end", "failure", "status", "attempts", "ended_at", "function_urn", "trigger_id", "redriven", "message")

Trigger = Annotated[str, typer.Option("--trigger", help="Only of this trigger (its id).")]
Function = Annotated[str, typer.Option("--function", help="Only of this function.")]
Failure = Annotated[str, typer.Option("--failure", help="Only with this failure, e.g. timeout.")]
Since = Annotated[str, typer.Option("--since", help="Ended at or after: an age like 10m, or a time.")]
Until = Annotated[str, typer.Option("--until", help="Ended before: an age like 10m, or a time.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this event; may be repeated.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which.")]


@app.command("list")
def list_(
    trigger: Trigger = "",
    function: Function = "",
    failure: Failure = "",
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1)] = 100,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Dead events in the order of their ends."""
    with connected(data) as client:
        found = [letter for letter, _ in zip(_dead(client, _filter(trigger, function, failure, since, until)), range(limit), strict=False)]
    if output is Format.TABLE:
        found = [letter | {"ended_at": show.moment(letter["ended_at"])} for letter in found]
    show.rows(found, COLUMNS, output)


@app.command("show")
def show_one(event: Annotated[str, typer.Argument(help="The id of an event.")], output: Output = Format.YAML, data: Data = DATA) -> None:
    """One dead event with its body."""
    with connected(data) as client:
        letter = next((letter for letter in _dead(client, {"body": True}) if letter["id"] == event), None)
    if letter is None:
        raise Refused(404, "", f"{event} is not among the dead events; `sluice explain {event}` says what became of it")
    show.document(letter | {"body": _readable(base64.b64decode(letter["body"]))}, output)


@app.command()
def redrive(
    trigger: Trigger = "",
    function: Function = "",
    failure: Failure = "",
    since: Since = "",
    until: Until = "",
    ids: Ids = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 1000,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Run dead events again, each as a new event that names the old one. Those already redriven are left out."""
    body = _filter(trigger, function, failure, since, until) | {"ids": ids or [], "limit": limit}
    with connected(data) as client:
        place = f"/sluice/v1/{client.project}/dead/redrive"
        if not dry_run:
            meant = client.post(place, body | {"dry_run": True})["count"]
            confirm(f"Redrive {show.count(meant, 'event')}?", yes=yes)
        done = client.post(place, body | {"dry_run": dry_run})
    if output is Format.TABLE:
        show.line(f"{show.count(done['count'], 'event')} {'would be ' if dry_run else ''}redriven")
    else:
        show.document(done, output)


@app.command()
def purge(
    trigger: Trigger = "",
    function: Function = "",
    failure: Failure = "",
    since: Since = "",
    until: Until = "",
    ids: Ids = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Remove dead events and their bodies for good."""
    chosen = _filter(trigger, function, failure, since, until)
    with connected(data) as client:
        wanted = set(ids or [])
        meant = sum(1 for letter in _dead(client, chosen) if not wanted or letter["id"] in wanted)
        if dry_run:
            show.line(f"{show.count(meant, 'event')} would be removed")
            return
        confirm(f"Remove {show.count(meant, 'event')} for good?", yes=yes)
        removed = client.post(f"/sluice/v1/{client.project}/dead/purge", chosen | {"ids": ids or []})["count"]
    show.line(f"{show.count(removed, 'event')} removed")


def _filter(trigger: str, function: str, failure: str, since: str, until: str) -> dict[str, Any]:
    now = time.time()
    return {"trigger": trigger, "function": function, "failure": failure, "since": instant(since, now), "until": instant(until, now)}


def _dead(client: Client, chosen: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that are meant, page by page."""
    query = {name: value for name, value in chosen.items() if value}
    after = 0
    while True:
        page = client.get(f"/sluice/v1/{client.project}/dead", **query, after=after or "", limit=PAGE)
        yield from page["dead"]
        after = page["next"]
        if not after:
            return


def _readable(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(body).decode()
