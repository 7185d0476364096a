"""Tags of functions."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.client import Client, path
from sluice_cli.options import DATA, Data, Format, FunctionName, Output, connected

PAGE = 500

app = typer.Typer(no_args_is_help=True, help="Tags of functions.")


@app.command("list")
def list_(
    name: Annotated[str, typer.Argument(help="Of this function; without it, every key of the project with its values.")] = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """The tags of a function, or of all."""
    with connected(data) as client:
        found = client.get(_place(client, name))["tags"]
    if output is Format.TABLE and not name:
        found = [tag | {"value": ", ".join(tag["values"])} for tag in found]
    show.rows(found, ("key", "value"), output)


@app.command("set")
def set_(name: FunctionName, tags: Annotated[list[str], typer.Argument(help="KEY=VALUE, or KEY.")], data: Data = DATA) -> None:
    """Add tags, or give known ones another value."""
    _change(name, "create", tags, data)


@app.command()
def remove(name: FunctionName, tags: Annotated[list[str], typer.Argument(help="KEY.")], data: Data = DATA) -> None:
    """Take tags away."""
    _change(name, "delete", tags, data)


@app.command()
def find(
    tags: Annotated[list[str] | None, typer.Argument(help="KEY=VALUE, or KEY for any value; all must be there.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Those without any tag.")] = False,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Which functions have these tags."""
    wanted: dict[str, list[str]] = {}
    for key, has_value, value in (tag.partition("=") for tag in tags or ()):
        wanted.setdefault(key, []).extend([value] if has_value else [])
    body: dict[str, Any] = {"without_any_tag": none, "tags": [{"key": key, "values": values} for key, values in wanted.items()]}
    with connected(data) as client:
        found = list(_found(client, body))
    if output is Format.TABLE:
        found = [
            {"function": one["resource_name"], "tags": ", ".join(f"{tag['key']}={tag['value']}" for tag in one["tags"])} for one in found
        ]
    show.rows(found, ("function", "tags"), output)


def _found(client: Client, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Page by page."""
    offset = 0
    while True:
        place = path(f"/v2/{client.project}", "functions", "resource-instances", "filter")
        page = client.post(place, body | {"limit": PAGE, "offset": offset})["resources"]
        yield from page
        offset += len(page)
        if len(page) < PAGE:
            return


def _change(name: str, action: str, tags: list[str], data: Data) -> None:
    pairs = [tag.partition("=") for tag in tags]
    body = {"action": action, "tags": [{"key": key, "value": value} for key, _, value in pairs]}
    with connected(data) as client:
        client.send("POST" if action == "create" else "DELETE", f"{_place(client, name)}/{action}", body)
    show.line(f"{name} has {'got' if action == 'create' else 'lost'} {', '.join(key for key, _, _ in pairs)}")


def _place(client: Client, name: str) -> str:
    return path(f"/v2/{client.project}", "functions", *([name] if name else []), "tags")
