"""JSON that a command is given: as text, in a file, or on standard input."""

import json
import sys
from pathlib import Path

import typer


def read_json(text: str) -> bytes:
    """`@FILE` and `-` are read. Wrong usage if it is not JSON, or cannot be read."""
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text()
        json.loads(text)
    except OSError as error:
        raise typer.BadParameter(f"{text[1:]} cannot be read: {error.strerror}", param_hint="-d") from None
    except ValueError as error:
        raise typer.BadParameter(f"this is not JSON: {error}", param_hint="-d") from None
    return text.encode()
