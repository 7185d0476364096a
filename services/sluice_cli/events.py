"""Test events: kept with a function, and sent with `sluice invoke NAME --event EVENT`."""

import base64
from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.client import Client, path
from sluice_cli.options import DATA, Data, Format, FunctionName, Output, Yes, confirm, connected
from sluice_cli.text import read_json

app = typer.Typer(no_args_is_help=True, help="Test events of a function.")

Event = Annotated[str, typer.Argument(help="The name of a test event.")]
Content = Annotated[str, typer.Option("-d", "--content", help="JSON text, @FILE, or - for standard input.")]


@app.command("list")
def list_(name: FunctionName, output: Output = Format.TABLE, data: Data = DATA) -> None:
    """The test events of a function."""
    with connected(data) as client:
        found = client.get(place(client, name))["events"]
    if output is Format.TABLE:
        found = [event | {"last_modified": show.moment(event["last_modified"])} for event in found]
    show.rows(found, ("name", "last_modified"), output)


@app.command("show")
def show_(name: FunctionName, event: Event, output: Output = Format.TABLE, data: Data = DATA) -> None:
    """What a test event holds."""
    with connected(data) as client:
        found = client.get(place(client, name, event))
    if output is Format.TABLE:
        show.line(content_of(found).decode())
    else:
        show.document(found, output)


@app.command()
def create(name: FunctionName, event: Event, content: Content, data: Data = DATA) -> None:
    """Keep a test event: at most 10 for a function, of 4 KB each."""
    with connected(data) as client:
        client.post(place(client, name), {"name": event, "content": _encoded(content)})
    show.line(f"created {event}")


@app.command()
def update(name: FunctionName, event: Event, content: Content, data: Data = DATA) -> None:
    """Give a test event another content."""
    with connected(data) as client:
        client.put(place(client, name, event), {"content": _encoded(content)})
    show.line(f"updated {event}")


@app.command()
def delete(name: FunctionName, event: Event, yes: Yes = False, data: Data = DATA) -> None:
    """Forget a test event."""
    confirm(f"Delete the test event {event} of {name}?", yes=yes)
    with connected(data) as client:
        client.delete(place(client, name, event))
    show.line(f"deleted {event}")


def place(client: Client, name: str, *event: str) -> str:
    return path(f"/v2/{client.project}/fgs", "functions", name, "events", *event)


def content_of(event: dict[str, Any]) -> bytes:
    """The JSON of a test event as the API shows it."""
    return base64.b64decode(event["content"])


def _encoded(text: str) -> str:
    return base64.b64encode(read_json(text)).decode()
