"""What there is: `get`, `describe` and `delete` of functions, triggers, versions and aliases."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from sluice_cli import show
from sluice_cli.apply import optional
from sluice_cli.client import Client, Refused, path
from sluice_cli.options import DATA, Data, Format, Output, Yes, confirm, connected

PAGE = 400


class Noun(StrEnum):
    FUNCTIONS = "functions"
    TRIGGERS = "triggers"
    VERSIONS = "versions"
    ALIASES = "aliases"


COLUMNS = {
    Noun.FUNCTIONS: ("func_name", "package", "version", "runtime", "memory_size", "timeout", "code_size", "last_modified"),
    Noun.TRIGGERS: (
        "trigger_id",
        "type",
        "name",
        "function",
        "status",
        "state",
        "held_by",
        "lag",
        "open",
        "received",
        "success",
        "failed",
        "discarded",
        "reason",
    ),
    Noun.VERSIONS: ("version", "version_description", "code_size", "last_modified", "func_urn"),
    Noun.ALIASES: ("name", "version", "additional_version_weights", "description", "last_modified"),
}
_SINGULAR = {"function": "functions", "trigger": "triggers", "version": "versions", "alias": "aliases"}

What = Annotated[Noun, typer.Argument(parser=lambda text: noun(text), metavar="functions|triggers|versions|aliases")]
Name = Annotated[str, typer.Argument(help="A function's name or URN, or a trigger's id or name.")]
Part = Annotated[str, typer.Argument(help="With versions and aliases: which one.")]


def noun(text: str) -> Noun:
    """Singular and plural mean the same."""
    try:
        return Noun(_SINGULAR.get(text, text))
    except ValueError:
        raise typer.BadParameter(f"{text[:40]!r} is not one of functions, triggers, versions, aliases") from None


def get(
    what: What,
    name: Annotated[str, typer.Argument(help="A function's name: only what belongs to it; mandatory with versions and aliases.")] = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """List functions, triggers, versions or aliases."""
    if what in (Noun.VERSIONS, Noun.ALIASES) and not name:
        raise typer.BadParameter(f"{what.value} belong to a function: sluice get {what.value} NAME")
    with connected(data) as client:
        show.rows(list(found(client, what, name)), COLUMNS[what], output)


def describe(what: What, name: Name, part: Part = "", output: Output = Format.YAML, data: Data = DATA) -> None:
    """Show one function, trigger, version or alias whole."""
    with connected(data) as client:
        show.document(_described(client, what, name, part), output)


def delete(what: What, name: Name, part: Part = "", yes: Yes = False, data: Data = DATA) -> None:
    """Delete a function with everything it has, or one trigger, version or alias."""
    with connected(data) as client:
        place = _place(client, what, name, part)
        confirm(f"Delete {what.value.removesuffix('s')} {part or name}?", yes=yes)
        client.delete(place)
        show.line(f"deleted {part or name}")


def found(client: Client, what: Noun, name: str) -> Iterator[dict[str, Any]]:
    match what:
        case Noun.FUNCTIONS:
            yield from functions(client, name)
        case Noun.TRIGGERS:
            yield from sorted(triggers(client, function=name), key=_by_function)
        case Noun.VERSIONS:
            yield from client.get(path(_fgs(client), "functions", name, "versions"))["versions"]
        case Noun.ALIASES:
            yield from client.get(path(_fgs(client), "functions", name, "aliases"))


def _by_function(trigger: dict[str, Any]) -> tuple[str, ...]:
    """What belongs together stands together; ids are random."""
    return trigger["function"], trigger["type"], trigger.get("name", ""), trigger["trigger_id"]


def functions(client: Client, name: str = "") -> Iterator[dict[str, Any]]:
    marker = 0
    while True:
        page = client.get(path(_fgs(client), "functions"), marker=marker, maxitems=PAGE, func_name=name)
        yield from page["functions"]
        if len(page["functions"]) < PAGE:
            return
        marker = page["next_marker"]


def triggers(client: Client, function: str = "") -> Iterator[dict[str, Any]]:
    """Every trigger with its state and counts, page by page."""
    after = ""
    while True:
        page = client.get(f"/sluice/v1/{client.project}/triggers", function=function, after=after)
        for trigger in page["triggers"]:
            yield trigger | {"function": trigger["function_urn"].split(":", 6)[-1]}
        after = page.get("next", "")
        if not after:
            return


def trigger_named(client: Client, name: str) -> dict[str, Any]:
    """By id, or by name where only one has it. Raises Refused."""
    named = [trigger for trigger in triggers(client) if name in (trigger["trigger_id"], trigger.get("name"))]
    if not named:
        raise Refused(404, "FSS.1131", f"there is no trigger {name}; `sluice get triggers` lists them")
    if len(named) > 1:
        raise Refused(
            409, "", f"{len(named)} triggers are named {name}: use the id of one, {', '.join(one['trigger_id'] for one in named)}"
        )
    return named[0]


def trigger_place(client: Client, trigger: dict[str, Any]) -> str:
    return path(_fgs(client), "triggers", trigger["function_urn"], trigger["type"], trigger["trigger_id"])


def _described(client: Client, what: Noun, name: str, part: str) -> dict[str, Any]:
    if what is Noun.TRIGGERS:
        trigger = trigger_named(client, name)
        return trigger | {"event_data": client.get(trigger_place(client, trigger))["event_data"]}
    if what is Noun.ALIASES:
        return dict(client.get(_place(client, what, name, part)))
    urn = _versioned(client, name, part) if what is Noun.VERSIONS else name
    place = path(_fgs(client), "functions", urn)
    configuration = {key: value for key, value in client.get(f"{place}/config").items() if value not in (None, "", [], {})}
    if what is Noun.VERSIONS:
        return configuration
    return configuration | {
        "async": optional(lambda: client.get(f"{place}/async-invoke-config")),
        "triggers": list(triggers(client, configuration["func_urn"])),
        "instances": _instances(client, configuration["func_urn"]),
    }


def _instances(client: Client, urn: str) -> list[dict[str, Any]]:
    every = client.get(f"/sluice/v1/{client.project}/instances")["instances"]
    return [instance for instance in every if instance["urn"] == urn]


def _place(client: Client, what: Noun, name: str, part: str) -> str:
    match what:
        case Noun.FUNCTIONS:
            return path(_fgs(client), "functions", name)
        case Noun.TRIGGERS:
            return trigger_place(client, trigger_named(client, name))
        case Noun.VERSIONS:
            return path(_fgs(client), "functions", _versioned(client, name, part))
        case Noun.ALIASES:
            if not part:
                raise typer.BadParameter("name the alias too: NAME ALIAS")
            return path(_fgs(client), "functions", name, "aliases", part)


def _versioned(client: Client, name: str, version: str) -> str:
    """The full URN of a version."""
    if not version:
        raise typer.BadParameter("name the version too: NAME VERSION")
    urn = client.get(path(_fgs(client), "functions", name, "config"))["func_urn"]
    return ":".join((*urn.split(":")[:7], version))


def _fgs(client: Client) -> str:
    return f"/v2/{client.project}/fgs"
