"""What there is: `get`, `describe` and `delete`."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from sluice_cli import completion, destinations, show
from sluice_cli.client import Client, Refused, optional, path
from sluice_cli.options import DATA, Data, Format, Output, Yes, confirm, connected

PAGE = 400


class Noun(StrEnum):
    FUNCTIONS = "functions"
    TRIGGERS = "triggers"
    VERSIONS = "versions"
    ALIASES = "aliases"
    INSTANCES = "instances"
    QUOTAS = "quotas"
    TYPES = "types"


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
    Noun.INSTANCES: ("id", "urn", "state"),
    Noun.QUOTAS: ("type", "quota", "used", "unit"),
    Noun.TYPES: ("trigger_type_code", "description"),
}
_SINGULAR = {"alias": "aliases"} | {each.value.removesuffix("s"): each.value for each in Noun if each is not Noun.ALIASES}
THINGS = (Noun.FUNCTIONS, Noun.TRIGGERS, Noun.VERSIONS, Noun.ALIASES)
"""What has a name, and can be described and deleted."""


def _argument(nouns: Sequence[Noun]) -> Any:
    words = [each.value for each in nouns]
    return typer.Argument(
        parser=lambda text: noun(text, nouns),
        metavar="|".join(words),
        autocompletion=lambda incomplete: [word for word in words if word.startswith(incomplete)],
    )


What = Annotated[Noun, _argument(tuple(Noun))]
Thing = Annotated[Noun, _argument(THINGS)]
Name = Annotated[str, typer.Argument(help="A function's name or URN, or a trigger's id or name.", autocompletion=completion.named)]
Part = Annotated[str, typer.Argument(help="With versions and aliases: which one.", autocompletion=completion.parts)]


def noun(text: str, nouns: Sequence[Noun] = tuple(Noun)) -> Noun:
    """Singular and plural mean the same."""
    word = _SINGULAR.get(text, text)
    if word not in nouns:
        raise typer.BadParameter(f"{text[:40]!r} is not one of {', '.join(nouns)}")
    return Noun(word)


def get(
    what: What,
    name: Annotated[
        str,
        typer.Argument(
            help="A function's name: only what belongs to it; mandatory with versions and aliases.", autocompletion=completion.functions
        ),
    ] = "",
    output: Output = Format.TABLE,
    data: Data = DATA,
) -> None:
    """List functions, triggers, versions, aliases, running instances, quotas, or the types that a trigger may have."""
    if what in (Noun.VERSIONS, Noun.ALIASES) and not name:
        raise typer.BadParameter(f"{what.value} belong to a function: sluice get {what.value} NAME")
    with connected(data) as client:
        show.rows(list(found(client, what, name)), COLUMNS[what], output)


def describe(what: Thing, name: Name, part: Part = "", output: Output = Format.YAML, data: Data = DATA) -> None:
    """Show one function, trigger, version or alias whole."""
    with connected(data) as client:
        show.document(_described(client, what, name, part), output)


def delete(
    what: Thing,
    name: Name,
    part: Part = "",
    all_of: Annotated[bool, typer.Option("--all", help="With triggers: all of the function, or of the version or !alias, NAME.")] = False,
    yes: Yes = False,
    data: Data = DATA,
) -> None:
    """Delete a function with everything it has, or one trigger, version or alias."""
    if all_of and what is not Noun.TRIGGERS:
        raise typer.BadParameter(f"--all goes with triggers; {what.value} are deleted one by one", param_hint="--all")
    with connected(data) as client:
        place = path(_fgs(client), "triggers", name) if all_of else _place(client, what, name, part)
        meant = f"all triggers of {name}" if all_of else f"{_singular(what)} {part or name}"
        confirm(f"Delete {meant}?", yes=yes)
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
        case Noun.INSTANCES:
            yield from _instances(client, name)
        case Noun.QUOTAS:
            yield from client.get(path(_fgs(client), "quotas"))["quotas"]["resources"]
        case Noun.TYPES:
            yield from client.get(path(_fgs(client), "triggertypes"))


def _singular(what: Noun) -> str:
    return next(word for word, each in _SINGULAR.items() if each == what)


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
    settings = optional(lambda: client.get(f"{place}/async-invoke-config"))
    warnings = destinations.warnings(settings)
    return configuration | {
        "async": settings,
        **({"warnings": warnings} if warnings else {}),
        "triggers": list(triggers(client, configuration["func_urn"])),
        "instances": [each for each in _every_instance(client) if each["urn"] == configuration["func_urn"]],
    }


def _instances(client: Client, name: str) -> list[dict[str, Any]]:
    """Of the project; of all versions of a function."""
    if not name:
        return _every_instance(client)
    function = client.get(path(_fgs(client), "functions", name, "config"))["func_urn"].rpartition(":")[0]
    return [each for each in _every_instance(client) if each["urn"].rpartition(":")[0] == function]


def _every_instance(client: Client) -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = client.get(f"/sluice/v1/{client.project}/instances")["instances"]
    return every


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
    raise typer.BadParameter(f"{what.value} are only listed: sluice get {what.value}")


def _versioned(client: Client, name: str, version: str) -> str:
    """The full URN of a version."""
    if not version:
        raise typer.BadParameter("name the version too: NAME VERSION")
    urn = client.get(path(_fgs(client), "functions", name, "config"))["func_urn"]
    return ":".join((*urn.split(":")[:7], version))


def _fgs(client: Client) -> str:
    return f"/v2/{client.project}/fgs"
