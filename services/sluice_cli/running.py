"""What runs: `invoke`, `logs`, `tail` and `explain`."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from sluice_cli import events, show
from sluice_cli.client import Answer, path
from sluice_cli.options import DATA, Data, Format, FunctionName, Output, connected
from sluice_cli.text import read_json
from sluice_cli.times import instant


def invoke(
    name: FunctionName,
    body: Annotated[str, typer.Option("-d", "--body", help="JSON text, @FILE, or - for standard input.")] = "{}",
    event: Annotated[str, typer.Option("--event", help="The name of a test event of the function, in place of -d.")] = "",
    is_async: Annotated[bool, typer.Option("--async", help="Only have it accepted; print its id.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Show the end of what it printed, on standard error.")] = False,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Call a function with an event and print its answer. Exit code 1 if the function failed."""
    sent = read_json(body)
    with connected(data) as client:
        if event:
            sent = events.content_of(client.get(events.place(client, name, event)))
        place = path(f"/v2/{client.project}/fgs", "functions", name)
        if is_async:
            accepted = client.request("POST", f"{place}/invocations-async", {}, sent).json()
            show.line(accepted["request_id"]) if output is Format.TABLE else show.document(accepted, output)
            return
        headers = {"X-CFF-Request-Version": "v1", **({"X-Cff-Log-Type": "tail"} if log else {})}
        _tell_reply(client.request("POST", f"{place}/invocations", {}, sent, headers), output)


def _tell_reply(answer: Answer, output: Format) -> None:
    told = answer.json()
    if output is Format.TABLE:
        show.line(told["result"])
    else:
        show.document(told, output)
    if told.get("log"):
        show.note(told["log"].rstrip("\n"))
    if answer.headers.get("x-is-func-err", "false").lower() == "true":
        show.note(f"the function failed (request {told['request_id']}); `sluice logs` shows what it printed")
        raise typer.Exit(1)


def logs(
    name: FunctionName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until stopped with Ctrl-C.")] = False,
    since: Annotated[str, typer.Option("--since", help="An age like 10m, or a time.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many lines, the newest.")] = 1000,
    names: Annotated[bool, typer.Option("--names", help="Only how FunctionGraph calls its log group and stream.")] = False,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """What a function printed, and what the platform says of its instances."""
    begin = instant(since, time.time())
    with connected(data) as client:
        if names:
            show.document(client.get(path(f"/v2/{client.project}/fgs", "functions", name, "lts-log-detail")), output)
            return
        place = path(f"/sluice/v1/{client.project}", "functions", name, "logs")
        shown = _stream(client.lines(place, since=begin or "", limit=limit, follow=follow), _log_line, output)
        if not shown:
            # what it printed outlives a function, so only nothing at all may mean that there is no such function
            client.get(path(f"/v2/{client.project}/fgs", "functions", name, "config"))


def tail(output: Output = Format.TABLE, data: Data = DATA) -> None:
    """Events as they end, until stopped with Ctrl-C."""
    with connected(data) as client:
        _stream(client.lines(f"/sluice/v1/{client.project}/tail"), _end_line, output)


def explain(event: Annotated[str, typer.Argument(help="The id of an event.")], output: Output = Format.TABLE, data: Data = DATA) -> None:
    """Everything that happened to one event."""
    with connected(data) as client:
        story = client.get(path(f"/sluice/v1/{client.project}", "events", event))
    if output is not Format.TABLE:
        show.document(story, output)
        return
    show.line(f"{story['id']} {story['state']} {story['function_urn']} trigger {story['trigger_id'] or '-'}")
    for step in story["steps"]:
        show.line(f"  {show.moment(step['at'])}  {step['what']:<10} {step['detail']}".rstrip())


def doctor(output: Output = Format.TABLE, data: Data = DATA) -> None:
    """Look at everything that may be wrong. Exit code 1 if something is."""
    with connected(data) as client:
        checks: list[dict[str, Any]] = client.get(f"/sluice/v1/{client.project}/doctor")["checks"]
    shown = [{**check, "ok": "ok" if check["ok"] else "FAULT"} for check in checks] if output is Format.TABLE else checks
    show.rows(shown, ("ok", "name", "detail"), output)
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)


def _stream(found: Iterable[dict[str, Any]], text_of: Callable[[dict[str, Any]], str], output: Format) -> int:
    """How many lines were shown."""
    shown = 0
    for item in found:
        show.line(text_of(item) if output is Format.TABLE else json.dumps(item, ensure_ascii=False))
        shown += 1
    return shown


def _log_line(line: dict[str, Any]) -> str:
    return f"{show.moment(line['at'])}  {line['stream']:<8} {line['instance'][:12]:<12} {line['text']}"


def _end_line(story: dict[str, Any]) -> str:
    last: dict[str, Any] = story["steps"][-1] if story["steps"] else {"at": 0.0, "detail": ""}
    function = story["function_urn"].split(":", 6)[-1]
    return f"{show.moment(last['at'])}  {story['state']:<8} {story['id']}  {function}  {last['detail']}".rstrip()
