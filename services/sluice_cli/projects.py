"""Projects: what sees nothing but itself."""

from typing import Annotated

import typer

from sluice_cli import show
from sluice_cli.options import DATA, Data, Format, Output, connected
from sluice_cli.show import moment

app = typer.Typer(no_args_is_help=True, help="Projects; for admins of the first one.")

Number = Annotated[int | None, typer.Option(min=0, help="How many it may have; left out: as many as any.")]


@app.command("list")
def list_(output: Output = Format.TABLE, data: Data = DATA) -> None:
    """The projects, with the quotas that are their own."""
    with connected(data) as client:
        found = client.get(f"/sluice/v1/{client.project}/projects")["projects"]
    if output is Format.TABLE:
        found = [
            project | {"created_at": moment(project["created_at"]) if project["created_at"] else "first start", "quotas": _quotas(project)}
            for project in found
        ]
    show.rows(found, ("name", "id", "quotas", "description", "created_at"), output)


@app.command("show")
def show_(output: Output = Format.TABLE, data: Data = DATA) -> None:
    """The project of the key that is used."""
    with connected(data) as client:
        found = client.get("/v3/projects")["projects"]
    show.rows(found, ("name", "id", "description"), output)


@app.command()
def create(
    name: Annotated[str, typer.Argument()],
    description: Annotated[str, typer.Option("--description")] = "",
    functions: Number = None,
    triggers: Number = None,
    keys: Number = None,
    code_mb: Annotated[int | None, typer.Option("--code-mb", min=0, help="MiB of code packages; left out: as many as any.")] = None,
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Make a project and its first admin key, whose secret is shown now and never again."""
    said = {"functions": functions, "triggers": triggers, "keys": keys, "code_mb": code_mb}
    quotas = {name: number for name, number in said.items() if number is not None}
    with connected(data) as client:
        made = client.post(f"/sluice/v1/{client.project}/projects", {"name": name, "description": description, "quotas": quotas})
    if output is Format.TABLE:
        key = made["key"]
        made = {"name": name, "project_id": key["project_id"], "access_key": key["access_key"], "secret_key": key["secret_key"]}
    show.document(made, output)


def _quotas(project: dict[str, dict[str, int]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in project["quotas"].items())
