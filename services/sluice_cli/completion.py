"""Words for a shell that completes one: asked of the API with little time, and none where nobody answers or the answer is no.

A shell shows what a completion prints, and waits for it; so there is nothing but names, and no error is worth a word.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

from sluice_cli.client import Client, path
from sluice_cli.credentials import find

WITHIN_S = 0.15
"""For connecting, and for each part of the answer: with the start of the process less than a third of a second."""
MOST = 200
DATA = Path(".sluice")


def functions(context: typer.Context, incomplete: str) -> list[str]:
    """Names of functions; with their package where it is not the default one."""
    return _asked(context, incomplete, lambda client: map(_short, _functions(client, incomplete)))


def triggers(context: typer.Context, incomplete: str) -> list[str]:
    """Names of triggers; ids where they have none."""
    return _asked(context, incomplete, _triggers)


def named(context: typer.Context, incomplete: str) -> list[str]:
    """What a command that takes any noun may name: triggers after `triggers`, functions after everything else."""
    return (triggers if str(context.params.get("what")) in ("trigger", "triggers") else functions)(context, incomplete)


def parts(context: typer.Context, incomplete: str) -> list[str]:
    """Versions or aliases of the function that was named."""
    what, name = str(context.params.get("what")), str(context.params.get("name") or "")
    if what.startswith("alias"):
        return aliases(context, incomplete)
    return _asked(context, incomplete, lambda client: [one["version"] for one in _of(client, name, "versions")["versions"]])


def aliases(context: typer.Context, incomplete: str) -> list[str]:
    """Aliases of the function that was named."""
    name = str(context.params.get("name") or "")
    return _asked(context, incomplete, lambda client: [one["name"] for one in _of(client, name, "aliases")])


def _asked(context: typer.Context, incomplete: str, ask: Callable[[Client], Iterable[str]]) -> list[str]:
    try:
        client = Client(find(_data(context), os.environ), connect_s=WITHIN_S, wait_s=WITHIN_S)
        try:
            return sorted({word for word in ask(client) if word.startswith(incomplete)})
        finally:
            client.close()
    except Exception:
        # Whatever it is, the command itself will say so; here it would be written into somebody's command line.
        return []


def _data(context: typer.Context) -> Path:
    return Path(context.params.get("data") or os.environ.get("SLUICE_DATA") or DATA)


def _functions(client: Client, incomplete: str) -> list[dict[str, Any]]:
    package, _, name = incomplete.rpartition(":")
    place = path(f"/v2/{client.project}/fgs", "functions")
    found: list[dict[str, Any]] = client.get(place, func_name=name, package_name=package, maxitems=MOST)["functions"]
    return found


def _short(function: dict[str, Any]) -> str:
    name, package = function["func_name"], function["package"]
    return str(name if package == "default" else f"{package}:{name}")


def _triggers(client: Client) -> list[str]:
    found = client.get(f"/sluice/v1/{client.project}/triggers", limit=MOST)["triggers"]
    return [trigger.get("name") or trigger["trigger_id"] for trigger in found]


def _of(client: Client, name: str, what: str) -> Any:
    return client.get(path(f"/v2/{client.project}/fgs", "functions", name, what))
