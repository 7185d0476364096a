"""One function: publish a version of it, bound or stop its instances, and move its code."""

import base64
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from sluice_cli import show
from sluice_cli.client import Client, path
from sluice_cli.options import DATA, Data, Format, FunctionName, Output, connected

app = typer.Typer(no_args_is_help=True, help="Publish a function, bound or stop its instances, move its code.")

NO_BOUND, DISABLED, DEFAULT_INSTANCES = -1, 0, 400


@app.command()
def publish(
    name: FunctionName,
    version: Annotated[str, typer.Argument(help="How the version is called (default: by the time).")] = "",
    description: Annotated[str, typer.Option("--description")] = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Keep code and configuration as a version that never changes."""
    body = {"version": version, "description": description}
    with connected(data) as client:
        made = client.post(f"{_place(client, name)}/versions", {field: value for field, value in body.items() if value})
    if output is Format.TABLE:
        show.line(made["func_urn"])
    else:
        show.document(made, output)


@app.command()
def limit(
    name: FunctionName,
    instances: Annotated[int, typer.Argument(min=NO_BOUND, max=1000, help="At most so many; -1: no bound, 0: none, nothing runs.")],
    data: Data = DATA,
) -> None:
    """Bound the instances that there may be at once."""
    with connected(data) as client:
        client.put(f"{_place(client, name)}/config-max-instance", {"max_instance_num": instances})
    show.line(_told(name, instances))


@app.command()
def disable(name: FunctionName, data: Data = DATA) -> None:
    """Run nothing of it: calls are refused, what was accepted waits."""
    limit(name, DISABLED, data)


@app.command()
def enable(
    name: FunctionName,
    instances: Annotated[int, typer.Option("--instances", min=NO_BOUND, max=1000, help="At most so many.")] = DEFAULT_INSTANCES,
    data: Data = DATA,
) -> None:
    """Let it run again."""
    limit(name, instances, data)


@app.command()
def download(
    name: FunctionName,
    file: Annotated[Path | None, typer.Argument(help="Where to (default: NAME.zip here).")] = None,
    data: Data = DATA,
) -> None:
    """Write its code package into a zip."""
    with connected(data) as client:
        told = client.get(f"{_place(client, name)}/code")
        link = str((told.get("func_code") or {}).get("link") or "")
        if not link:
            raise typer.BadParameter(f"{name} runs the image {told.get('custom_image') or ''}: there is no code package", param_hint="NAME")
        content = client.request("GET", urlsplit(link).path, {}).body
    to = file or Path(f"{told['func_name']}.zip")
    try:
        to.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(f"{to} cannot be written: {error.strerror}", param_hint="FILE") from None
    show.line(f"wrote {to}, {len(content)} bytes")


@app.command()
def upload(
    name: FunctionName,
    code: Annotated[Path, typer.Argument(help="A folder with what the function begins with, or a zip of one.")],
    data: Data = DATA,
) -> None:
    """Give it other code. Its instances are replaced as calls come; a published version keeps its own."""
    from sluice.runtimes import sources
    from sluice_cli.package import pack

    with connected(data) as client:
        present = client.get(f"{_place(client, name)}/config")
        package = pack(code, sources(present["runtime"], present["handler"]))
        body = {"code_type": "zip", "code_filename": "code.zip", "func_code": {"file": base64.b64encode(package).decode()}}
        changed: dict[str, Any] = client.put(f"{_place(client, name)}/code", body)
    show.line(f"{name} has the code {changed['digest'][:12]}, {len(package)} bytes")


def _place(client: Client, name: str) -> str:
    return path(f"/v2/{client.project}/fgs", "functions", name)


def _told(name: str, instances: int) -> str:
    match instances:
        case 0:
            return f"{name} is disabled"
        case -1:
            return f"{name} has as many instances as there is room for"
    return f"{name} has at most {show.count(instances, 'instance')}"
