"""Answers on the terminal: tables for people, JSON and YAML for programs.

What draws and writes them is imported when it is needed: a shell that completes a word waits for everything that is imported before.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluice_cli.options import Format

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

Row = Mapping[str, Any]


def rows(found: Sequence[Row], columns: Sequence[str], output: Format) -> None:
    """One line each. `columns` are the keys shown in a table; programs get everything."""
    if output is Format.TABLE:
        table(found, columns)
    else:
        document(list(found), output)


def table(found: Sequence[Row], columns: Sequence[str]) -> None:
    shown = _grid(has_header=True)
    for column in columns:
        shown.add_column(column.replace("_", " "), overflow="fold")
    for row in found:
        shown.add_row(*(_cell(row.get(column)) for column in columns))
    _console().print(shown)


def document(value: Any, output: Format) -> None:
    """A whole answer. As a table: one line for each of its parts."""
    if output is Format.JSON:
        line(json.dumps(value, indent=2, ensure_ascii=False))
    elif output is Format.YAML:
        import yaml

        line(yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip("\n"))
    else:
        parts = _grid(has_header=False)
        for name, part in value.items():
            parts.add_row(_text(str(name), "bold"), _cell(part))
        _console().print(parts)


def line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """For people only: to standard error, so that it never ends up in a file or a pipe."""
    sys.stderr.write(text + "\n")


def count(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def moment(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def _cell(value: Any) -> "Text":
    if value is None:
        return _text("")
    if isinstance(value, (dict, list)):
        return _text(json.dumps(value, ensure_ascii=False) if value else "")
    return _text(str(value))


def _text(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(text, style=style)


def _grid(*, has_header: bool) -> "Table":
    from rich.table import Table

    return Table(box=None, pad_edge=False, show_edge=False, show_header=has_header, header_style="bold")


def _console() -> "Console":
    from rich.console import Console

    # A pipe has no width: nothing is cut there.
    return Console(file=sys.stdout, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 10_000, highlight=False)
