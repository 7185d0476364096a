"""Tags of functions."""

from typing import Annotated

import typer

from sluice_cli import show
from sluice_cli.client import Client, path
from sluice_cli.options import DATA, Data, Format, Output, connected

app = typer.Typer(no_args_is_help=True, help="Tags of functions.")

Function = Annotated[str, typer.Argument(help="A function's name, or any form of its URN.")]


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
def set_(name: Function, tags: Annotated[list[str], typer.Argument(help="KEY=VALUE, or KEY.")], data: Data = DATA) -> None:
    """Add tags, or give known ones another value."""
    _change(name, "create", tags, data)


@app.command()
def remove(name: Function, tags: Annotated[list[str], typer.Argument(help="KEY.")], data: Data = DATA) -> None:
    """Take tags away."""
    _change(name, "delete", tags, data)


def _change(name: str, action: str, tags: list[str], data: Data) -> None:
    pairs = [tag.partition("=") for tag in tags]
    body = {"action": action, "tags": [{"key": key, "value": value} for key, _, value in pairs]}
    with connected(data) as client:
        client.send("POST" if action == "create" else "DELETE", f"{_place(client, name)}/{action}", body)
    show.line(f"{name} has {'got' if action == 'create' else 'lost'} {', '.join(key for key, _, _ in pairs)}")


def _place(client: Client, name: str) -> str:
    return path(f"/v2/{client.project}", "functions", *([name] if name else []), "tags")
