"""An alias: a name that points to a version, and may send some events to one more."""

import re
from typing import Annotated, Any

import typer

from sluice_cli import completion, show
from sluice_cli.alias_words import strategy
from sluice_cli.client import optional, path
from sluice_cli.options import DATA, Data, Format, FunctionName, Output, connected

app = typer.Typer(no_args_is_help=True, help="Point an alias to a version, and some of its events to one more.")

_WEIGHT = re.compile(r"([^=]+)=([0-9]{1,3})%?")


@app.command("set")
def set_(
    name: FunctionName,
    alias: Annotated[str, typer.Argument(help="The alias, without !.", autocompletion=completion.aliases)],
    version: Annotated[str, typer.Argument(help="The version that it points to.")],
    weight: Annotated[str, typer.Option("--weight", help="VERSION=PERCENT: so much goes to that version, like v2=10.")] = "",
    to: Annotated[str, typer.Option("--to", help="The version that gets what fits the rules.")] = "",
    rules: Annotated[
        list[str] | None, typer.Option("--rule", help="'HEADER=VALUE' or 'HEADER in A,B'; more than once: all must fit.")
    ] = None,
    fits_any: Annotated[bool, typer.Option("--any", help="One rule that fits is enough.")] = False,
    description: Annotated[str, typer.Option("--description")] = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """Make an alias, or point it elsewhere: what is not said is taken away."""
    body = {"version": version, "description": description, **_weights(weight), **_strategy(to, rules or [], fits_any)}
    with connected(data) as client:
        place = path(f"/v2/{client.project}/fgs", "functions", name, "aliases")
        if optional(lambda: client.get(path(place, alias))) is None:
            client.post(place, {"name": alias, **body})
        else:
            client.put(path(place, alias), body)
        made = client.get(path(place, alias))
    if output is Format.TABLE:
        show.line(f"{alias} of {name} points to {version}{_more(made)}")
    else:
        show.document(made, output)


def _weights(text: str) -> dict[str, Any]:
    if not text:
        return {}
    found = _WEIGHT.fullmatch(text)
    if not found:
        raise typer.BadParameter(f"{text[:60]!r} is not VERSION=PERCENT, like v2=10", param_hint="--weight")
    return {"additional_version_weights": {found[1]: int(found[2])}}


def _strategy(to: str, rules: list[str], fits_any: bool) -> dict[str, Any]:
    if bool(to) != bool(rules):
        raise typer.BadParameter("--to names the version, --rule says what goes there: both, or neither", param_hint="--rule")
    try:
        return {"additional_version_strategy": {to: strategy(rules, fits_any)}} if to else {}
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rule") from None


def _more(alias: dict[str, Any]) -> str:
    for version, percent in (alias.get("additional_version_weights") or {}).items():
        return f", {percent}% goes to {version}"
    for version in alias.get("additional_version_strategy") or {}:
        return f", what fits its rules goes to {version}"
    return ""
