"""Access keys."""

from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.client import Client, path
from sluice_cli.listing import trigger_named
from sluice_cli.options import DATA, Data, Format, Output, Yes, confirm, connected
from sluice_cli.show import moment
from sluice_cli.times import seconds

app = typer.Typer(no_args_is_help=True, help="Access keys of the project; for admins.")

COLUMNS = ("access_key", "role", "description", "created_at", "expires_at", "triggers")

Project = Annotated[str, typer.Option("--project", help="Of another project, by name or id; for admins of the first project.")]


@app.command("list")
def list_(project: Project = "", output: Output = Format.TABLE, data: Data = DATA) -> None:
    """The keys, without their secrets."""
    with connected(data) as client:
        found = client.get(f"/sluice/v1/{client.project}/keys", project=project)["keys"]
    if output is Format.TABLE:
        found = [key | _times(key) | {"triggers": ", ".join(key["triggers"])} for key in found]
    show.rows(found, COLUMNS, output)


@app.command()
def create(
    role: Annotated[str, typer.Option("--role", help="admin, deployer, invoker, reader or app.")] = "invoker",
    description: Annotated[str, typer.Option("--description")] = "",
    ttl: Annotated[str, typer.Option("--ttl", help="How long it is good, like 15m, 1h, 30d: a temporary key, with a security token.")] = "",
    triggers: Annotated[
        list[str] | None, typer.Option("--trigger", help="With --role app: a trigger that it may call, by id or name; more than once.")
    ] = None,
    project: Project = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Make a key. Its secrets are shown now and never again."""
    wanted: dict[str, Any] = {"role": role, "description": description, "ttl": seconds(ttl), "project": project}
    with connected(data) as client:
        # In another project triggers cannot be looked up by name.
        bound = [trigger if project else _trigger(client, trigger) for trigger in triggers or ()]
        made = client.post(f"/sluice/v1/{client.project}/keys", wanted | {"triggers": bound})
    show.document(made | _times(made) if output is Format.TABLE else made, output)


@app.command()
def revoke(access_key: Annotated[str, typer.Argument()], project: Project = "", yes: Yes = False, data: Data = DATA) -> None:
    """End a key; requests signed with it are refused from now on."""
    confirm(f"Revoke {access_key}?", yes=yes)
    with connected(data) as client:
        client.delete(path(f"/sluice/v1/{client.project}", "keys", access_key), project=project)
    show.line(f"revoked {access_key}")


def _trigger(client: Client, name: str) -> str:
    return str(trigger_named(client, name)["trigger_id"])


def _times(key: dict[str, Any]) -> dict[str, str]:
    return {"created_at": moment(key["created_at"]), "expires_at": moment(key["expires_at"]) if key["expires_at"] else "never"}
