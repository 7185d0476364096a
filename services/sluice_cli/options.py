"""Options that many commands share, and the client they lead to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sluice_cli import completion
from sluice_cli.client import Client
from sluice_cli.credentials import find


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Data = Annotated[
    Path, typer.Option("--data", envvar="SLUICE_DATA", help="Data directory of `sluice up`; its credentials.json names endpoint and keys.")
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How the answer is shown.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
FunctionName = Annotated[str, typer.Argument(help="A function's name, or any form of its URN.", autocompletion=completion.functions)]
TriggerName = Annotated[str, typer.Argument(help="A trigger's id or name.", autocompletion=completion.triggers)]
DATA = completion.DATA


@contextmanager
def connected(data: Path) -> Iterator[Client]:
    client = Client(find(data, os.environ))
    try:
        yield client
    finally:
        client.close()


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if told so; where nobody can be asked, --yes must say it."""
    if yes:
        return
    if not os.isatty(0):
        raise typer.BadParameter(f"{question} There is no terminal to ask: add --yes.", param_hint="--yes")
    typer.confirm(question, abort=True)
