"""`export` and `import`: functions as files."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from sluice_cli import show
from sluice_cli.client import path
from sluice_cli.options import DATA, Data, Format, Output, connected

_QUERY: Mapping[str, Mapping[str, object]] = {"all": {"config": True, "code": True}, "code": {"type": "code"}, "config": {"type": "config"}}


def export(
    name: Annotated[str, typer.Argument(help="A function's name, or any form of its URN.")],
    file: Annotated[Path | None, typer.Argument(help="Where to (default: NAME.zip here).")] = None,
    only: Annotated[str, typer.Option("--only", help="code or config (default: both).")] = "all",
    data: Data = DATA,
) -> None:
    """Write a function into a zip: its configuration and its code, without the values of encrypted_user_data."""
    if only not in _QUERY:
        raise typer.BadParameter(f"{only!r} is not code or config", param_hint="--only")
    with connected(data) as client:
        answer = client.request("GET", path(f"/v2/{client.project}/fgs", "functions", name, "export"), _QUERY[only])
    to = file or Path(f"{_short(name)}.zip")
    try:
        to.write_bytes(answer.body)
    except OSError as error:
        raise typer.BadParameter(f"{to} cannot be written: {error.strerror}", param_hint="FILE") from None
    show.line(f"wrote {to}, {len(answer.body)} bytes")


def import_(
    file: Annotated[Path, typer.Argument(help="A zip that `sluice export` wrote.")],
    name: Annotated[str, typer.Option("--name", help="The function's name in the file (default: the file's).")] = "",
    package: Annotated[str, typer.Option("--package", help="Where the function will be.")] = "default",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Make a function from a zip, or give the one that is there its configuration and code."""
    try:
        content = base64.b64encode(file.read_bytes()).decode()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="FILE") from None
    body = {"func_name": name or file.stem, "file_name": file.name, "file_type": "zip", "file_code": content, "package": package}
    with connected(data) as client:
        made = client.post(f"/v2/{client.project}/fgs/functions/import", body)
    if output is Format.TABLE:
        show.line(made["func_urn"])
    else:
        show.document(made, output)


def _short(name: str) -> str:
    """The function's own name in any form of its URN."""
    parts = name.split(":")
    return parts[{1: 0, 2: 1, 3: 2, 4: 2, 7: 6, 8: 6}.get(len(parts), -1)]
