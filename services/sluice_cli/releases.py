"""What a file says beside a function's own configuration: its version, aliases, tags and reserved instances."""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice_cli import alias_words
from sluice_cli.client import Client, Refused, optional, path
from sluice_cli.done import CREATED, REMOVED, UNCHANGED, UPDATED, Done
from sluice_cli.schema import Alias, Function

IN_USE = "FSS.1066"
KEPT = "is there already and stays as it was published; these changes need another name"


def released(client: Client, name: str, urn: str, function: Function, *, is_changed: bool) -> Iterator[Done]:
    """`is_changed`: whether code or configuration were written just now. Each is done when it is told."""
    place = path(f"/v2/{client.project}/fgs", "functions", urn)
    if function.version:
        yield _version(client, name, place, function.version, is_changed)
    yield from _aliases(client, name, path(place, "aliases"), function.aliases)
    if function.tags is not None:
        yield from _tags(client, name, path(f"/v2/{client.project}", "functions", urn, "tags"), function.tags)
    if function.reserved is not None:
        yield _reserved(client, name, urn, function.reserved)


def _version(client: Client, name: str, place: str, version: str, is_changed: bool) -> Done:
    present = {one["version"] for one in client.get(f"{place}/versions")["versions"]}
    if version in present:
        return Done("version", f"{name}/{version}", UNCHANGED, KEPT if is_changed else "")
    client.post(f"{place}/versions", {"version": version})
    return Done("version", f"{name}/{version}", CREATED)


def _aliases(client: Client, name: str, place: str, wanted: Mapping[str, Alias]) -> Iterator[Done]:
    """A version has one alias: one that is to get the version of another of the file waits until that one has moved."""
    waiting = list(wanted)
    while waiting:
        held: list[str] = []
        for alias in waiting:
            try:
                yield _alias(client, f"{name}/{alias}", place, alias, wanted[alias])
            except Refused as refused:
                if refused.code != IN_USE or len(waiting) == 1:
                    raise
                held.append(alias)
                last = refused
        if len(held) == len(waiting):
            raise last
        waiting = held


def _alias(client: Client, name: str, place: str, alias: str, wanted: Alias) -> Done:
    present = optional(lambda: client.get(path(place, alias)))
    if present is None:
        client.post(place, {"name": alias, **alias_words.body(wanted)})
        return Done("alias", name, CREATED)
    if not alias_words.is_changed(wanted, present):
        return Done("alias", name, UNCHANGED)
    client.put(path(place, alias), alias_words.body(wanted))
    return Done("alias", name, UPDATED)


def _tags(client: Client, name: str, place: str, wanted: dict[str, str]) -> Iterator[Done]:
    present = {tag["key"]: tag["value"] for tag in client.get(place)["tags"]}
    new = [{"key": key, "value": value} for key, value in wanted.items() if present.get(key) != value]
    old = [{"key": key} for key in present if key not in wanted]
    if new:
        client.send("POST", f"{place}/create", {"action": "create", "tags": new})
    if old:
        client.send("DELETE", f"{place}/delete", {"action": "delete", "tags": old})
    how = UPDATED if new else REMOVED if old else UNCHANGED
    if wanted or old:
        yield Done("tags", name, how, ", ".join(tag["key"] for tag in [*new, *old]))


def _reserved(client: Client, name: str, urn: str, count: int) -> Done:
    """Schedules and use that were set elsewhere are kept."""
    functions = f"/v2/{client.project}/fgs/functions"
    latest = f"{urn}:latest"
    rows: list[dict[str, Any]] = client.get(f"{functions}/reservedinstanceconfigs", function_urn=latest)["reserved_instances"]
    present = rows[0] if rows else {"min_count": 0}
    if present["min_count"] == count:
        return Done("reserved", name, UNCHANGED)
    kept = {field: present[field] for field in ("idle_mode", "tactics_config") if field in present}
    client.put(path(functions, urn, "reservedinstances"), {"count": count, **kept})
    return Done("reserved", name, UPDATED, str(count))
