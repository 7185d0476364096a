"""One trigger: pause it, resume it, see what it would make of a record."""

import base64
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.listing import trigger_named, trigger_place
from sluice_cli.options import DATA, Data, Format, Output, TriggerName, connected

app = typer.Typer(no_args_is_help=True, help="Pause and resume triggers, and try them without a source.")


@app.command()
def pause(name: TriggerName, data: Data = DATA) -> None:
    """Stop reading; what was accepted still runs, and the position is kept."""
    _set_status(name, "DISABLED", data)


@app.command()
def resume(name: TriggerName, data: Data = DATA) -> None:
    """Go on reading from where it was paused."""
    _set_status(name, "ACTIVE", data)


def _set_status(name: str, status: str, data: Path) -> None:
    with connected(data) as client:
        trigger = trigger_named(client, name)
        client.put(trigger_place(client, trigger), {"trigger_status": status})
        show.line(f"{trigger['trigger_id']} is {status}")


@app.command("dry-run")
def dry_run(
    name: TriggerName,
    value: Annotated[str | None, typer.Option("-d", "--value", help="The record: text, @FILE, or - for standard input.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="The record's key.")] = None,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Which function would get a record, and with which event. Nothing is accepted, nothing runs. Without a value: of a sample record."""
    body: dict[str, Any] = {} if value is None else {"value": base64.b64encode(_bytes(value)).decode(), "is_base64": True}
    with connected(data) as client:
        trigger = trigger_named(client, name)["trigger_id"]
        told = client.post(f"/sluice/v1/{client.project}/triggers/{trigger}/dry-run", body | ({} if key is None else {"key": key}))
    if output is Format.TABLE:
        _tell(told)
    else:
        show.document(told, output)


def _bytes(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    except OSError as error:
        raise typer.BadParameter(f"{text[1:]} cannot be read: {error.strerror}", param_hint="-d") from None


def _tell(told: dict[str, Any]) -> None:
    if not told["matches"]:
        show.line(f"no event: the filter does not let it through ({told['unmatched']})")
        return
    versions = ", ".join(f"{version} {percent}%" for version, percent in told["versions"].items())
    show.line(f"{told['function_urn']} would get it, {told['mode']}, in version {versions}; the trigger is {told['status']}")
    show.document(told["event"], Format.JSON)
