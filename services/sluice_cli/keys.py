"""Access keys."""

from typing import Annotated

import typer

from sluice_cli import show
from sluice_cli.client import path
from sluice_cli.options import DATA, Data, Format, Output, Yes, confirm, connected
from sluice_cli.show import moment

app = typer.Typer(no_args_is_help=True, help="Access keys of the project; for admins.")


@app.command("list")
def list_(output: Output = Format.TABLE, data: Data = DATA) -> None:
    """The keys, without their secrets."""
    with connected(data) as client:
        found = client.get(f"/sluice/v1/{client.project}/keys")["keys"]
    if output is Format.TABLE:
        found = [key | {"created_at": moment(key["created_at"])} for key in found]
    show.rows(found, ("access_key", "role", "description", "created_at"), output)


@app.command()
def create(
    role: Annotated[str, typer.Option("--role", help="admin, deployer, invoker or reader.")] = "invoker",
    description: Annotated[str, typer.Option("--description")] = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Make a key. Its secret is shown now and never again."""
    with connected(data) as client:
        made = client.post(f"/sluice/v1/{client.project}/keys", {"role": role, "description": description})
    show.document(made, output)


@app.command()
def revoke(access_key: Annotated[str, typer.Argument()], yes: Yes = False, data: Data = DATA) -> None:
    """End a key; requests signed with it are refused from now on."""
    confirm(f"Revoke {access_key}?", yes=yes)
    with connected(data) as client:
        client.delete(path(f"/sluice/v1/{client.project}", "keys", access_key))
    show.line(f"revoked {access_key}")
