"""Makes the API have what sluice.yaml says: creates and updates, and deletes no function, version, alias or trigger."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sluice.runtimes import sources
from sluice_cli import bodies, destinations
from sluice_cli.client import Client, optional, path
from sluice_cli.done import CREATED, REMOVED, UNCHANGED, UPDATED, Done
from sluice_cli.kinds import event_data
from sluice_cli.manifest import Read
from sluice_cli.matching import Pair, is_changed, pairs
from sluice_cli.package import pack
from sluice_cli.releases import released
from sluice_cli.schema import Function

Tell = Callable[[Done], None]


def apply(client: Client, read: Read, tell: Tell) -> None:
    """All functions first, then what refers to them. What is told was done; the first refusal ends it, and applying again goes on."""
    functions = read.manifest.functions
    packages = {
        name: pack(read.folder / function.code, sources(function.runtime, function.handler))
        for name, function in functions.items()
        if function.code
    }
    urns: dict[str, str] = {}
    for name, function in functions.items():
        done, urns[name] = _function(client, name, function, packages.get(name, b""))
        tell(done)
        for more in released(client, name, urns[name], function, is_changed=done.how == UPDATED):
            tell(more)
    for name, function in functions.items():
        for done in _async(client, name, function, urns):
            tell(done)
    for name, function in functions.items():
        present = client.get(_v2(client, "triggers", urns[name]))
        for pair in pairs(function.triggers, present):
            tell(_trigger(client, name, urns[name], pair))


def _function(client: Client, name: str, function: Function, package: bytes) -> tuple[Done, str]:
    short = f"{function.package}:{name}"
    present = optional(lambda: client.get(_v2(client, "functions", short, "config")))
    if present is None:
        made = client.post(_v2(client, "functions"), bodies.creation(name, function, package))
        return Done("function", name, CREATED), _unqualified(made["func_urn"])
    changes = list(_function_changes(client, name, function, package, present))
    how = UPDATED if changes else UNCHANGED
    return Done("function", name, how, ", ".join(changes)), _unqualified(present["func_urn"])


def _function_changes(client: Client, name: str, function: Function, package: bytes, present: Mapping[str, Any]) -> Iterator[str]:
    urn = _unqualified(present["func_urn"])
    fields = bodies.changed(name, function, present)
    if fields:
        client.put(
            _v2(client, "functions", urn, "config"), bodies.configuration(name, function) | dict.fromkeys(_gone(function, fields), "")
        )
        yield from fields
    if package and hashlib.sha512(package).hexdigest() != present.get("digest"):
        client.put(_v2(client, "functions", urn, "code"), bodies.code(function, package))
        yield "code"


def _gone(function: Function, fields: list[str]) -> list[str]:
    return [field for field in fields if field == "encrypted_user_data" and not function.secrets]


def _async(client: Client, name: str, function: Function, urns: Mapping[str, str]) -> Iterator[Done]:
    place = _v2(client, "functions", urns[name], "async-invoke-config")
    present = optional(lambda: client.get(place))
    if function.async_ is None:
        if present is not None:
            client.delete(place)
            yield Done("async", name, REMOVED)
        return
    wanted = bodies.async_config(function.async_, urns)
    told = "; ".join(destinations.warnings(wanted))
    if present is not None and not bodies.async_changed(wanted, present):
        yield Done("async", name, UNCHANGED, told)
        return
    client.put(place, wanted)
    yield Done("async", name, CREATED if present is None else UPDATED, told)


def _trigger(client: Client, function: str, urn: str, pair: Pair) -> Done:
    wanted, present = pair
    name = f"{function}/{wanted.get('name') or wanted['type']}"
    if present is None:
        status = "ACTIVE" if wanted.get("enabled", True) else "DISABLED"
        body = {"trigger_type_code": wanted["type"], "trigger_status": status, "event_data": event_data(wanted)}
        made = client.post(_v2(client, "triggers", urn), body)
        return Done("trigger", name, CREATED, made["trigger_id"])
    if not is_changed(wanted, present):
        return Done("trigger", name, UNCHANGED, present["trigger_id"])
    change: dict[str, Any] = {"event_data": event_data(wanted)}
    if "enabled" in wanted:
        change["trigger_status"] = "ACTIVE" if wanted["enabled"] else "DISABLED"
    client.put(_v2(client, "triggers", urn, wanted["type"], present["trigger_id"]), change)
    return Done("trigger", name, UPDATED, present["trigger_id"])


def _v2(client: Client, *parts: str) -> str:
    return path(f"/v2/{client.project}/fgs", *parts)


def _unqualified(urn: str) -> str:
    """Without the version: the first seven fields."""
    return ":".join(urn.split(":")[:7])
