"""How asynchronous invocations are retried, how long they wait, and who is told of their ends."""

from typing import Annotated, Any

import typer

from sluice.errors import Fault, Invalid
from sluice_cli import destinations, show
from sluice_cli.client import Client, optional, path
from sluice_cli.options import DATA, Data, Format, FunctionName, Output, Yes, confirm, connected
from sluice_cli.schema import Destination
from sluice_cli.times import seconds

app = typer.Typer(no_args_is_help=True, help="Asynchronous settings of a version or alias: retries, age, destinations.")

_END = "A function's name, bucket=NAME,prefix=P,expires=DAYS, topic=URN, stream=NAME; none: nobody."


@app.command("list")
def list_(name: FunctionName, output: Output = Format.TABLE, data: Data = DATA) -> None:
    """The settings of all versions and aliases of a function."""
    with connected(data) as client:
        found = client.get(f"{_place(client, name)}s", limit=500)["async_invoke_configs"]
    columns = ("func_urn", "max_async_retry_attempts", "max_async_event_age_in_seconds", "destination_config")
    show.rows(found, columns, output)


@app.command("show")
def show_(name: FunctionName, output: Output = Format.YAML, data: Data = DATA) -> None:
    """The settings of a version or alias."""
    with connected(data) as client:
        found = client.get(_place(client, name))
    show.document(found, output)
    _warn(found)


@app.command("set")
def set_(
    name: FunctionName,
    retries: Annotated[int | None, typer.Option("--retries", min=0, max=3, help="Further attempts after one that failed.")] = None,
    max_age: Annotated[str, typer.Option("--max-age", help="How long an event may wait, like 90s, 15m, 1h, 1d.")] = "",
    on_success: Annotated[str | None, typer.Option("--on-success", help=_END)] = None,
    on_failure: Annotated[str | None, typer.Option("--on-failure", help=_END)] = None,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Change what is said, and keep the rest; a function without settings gets one retry and an hour."""
    said: dict[str, Any] = {} if retries is None else {"max_async_retry_attempts": retries}
    if max_age:
        said["max_async_event_age_in_seconds"] = seconds(max_age)
    ends = {"on_success": _end("on_success", on_success), "on_failure": _end("on_failure", on_failure)}
    with connected(data) as client:
        place = _place(client, name)
        before = optional(lambda: client.get(place)) or {}
        made = client.put(place, _kept(before) | said | {"destination_config": _ends(before, ends)})
    if output is Format.TABLE:
        show.line(f"{made['max_async_retry_attempts']} retries, {made['max_async_event_age_in_seconds']} s")
    else:
        show.document(made, output)
    _warn(made)


@app.command()
def delete(name: FunctionName, yes: Yes = False, data: Data = DATA) -> None:
    """Go back to no retries and a day."""
    confirm(f"Delete the asynchronous settings of {name}?", yes=yes)
    with connected(data) as client:
        client.delete(_place(client, name))
    show.line(f"deleted the asynchronous settings of {name}")


@app.command()
def log(
    enable: Annotated[bool, typer.Option("--enable", help="Have them named first; once for the project.")] = False,
    output: Output = Format.YAML,
    data: Data = DATA,
) -> None:
    """What FunctionGraph calls the log of asynchronous states. Here they are kept anyhow: see `sluice invocations`."""
    with connected(data) as client:
        functions = f"/v2/{client.project}/fgs/functions"
        if enable:
            client.post(f"{functions}/enable-async-status-logs", {})
        found = client.get(f"{functions}/async-status-log-detail")
    show.document(found, output)


def _place(client: Client, name: str) -> str:
    return path(f"/v2/{client.project}/fgs", "functions", name, "async-invoke-config")


def _end(end: str, text: str | None) -> Destination | str | None:
    """What is to be told; "" for what stays as it is."""
    if text is None:
        return ""
    option = f"--{end.replace('_', '-')}"
    to = None if text == "none" else destinations.read(text, option)
    wrong = [Fault(f"{option} {fault.field}".strip(), fault.rule) for fault in destinations.faults(end, to)] if to else []
    if wrong:
        raise Invalid(wrong)
    return to


def _ends(before: dict[str, Any], wanted: dict[str, Destination | str | None]) -> dict[str, Any]:
    kept = {end: to for end, to in (before.get("destination_config") or {}).items() if to and wanted[end] == ""}
    return kept | {end: destinations.as_end(to, {}) for end, to in wanted.items() if isinstance(to, Destination)}


def _kept(before: dict[str, Any]) -> dict[str, Any]:
    names = ("max_async_retry_attempts", "max_async_event_age_in_seconds", "enable_async_status_log")
    return {name: before[name] for name in names if name in before}


def _warn(config: dict[str, Any]) -> None:
    for warning in destinations.warnings(config):
        show.note(f"sluice: warning: {warning}")
