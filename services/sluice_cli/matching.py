"""Which trigger of sluice.yaml is which trigger that exists; pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sluice.trigger_options import ANSWERED, GATEWAY_TYPES, MASK
from sluice_cli.kinds import event_data

Wanted = Mapping[str, Any]
Present = Mapping[str, Any]


class Pair(NamedTuple):
    wanted: Wanted
    present: Present | None


def pairs(wanted: Sequence[Wanted], present: Sequence[Present]) -> list[Pair]:
    """Each trigger of the file with the one it already is, or with None: by what names it, else one of its type after the other."""
    left = list(present)
    found: dict[int, Present] = {}
    for same in (_is_named_alike, _is_of_type):
        for index, trigger in enumerate(wanted):
            match = next((other for other in left if index not in found and same(trigger, other)), None)
            if match is not None:
                found[index] = match
                left.remove(match)
    return [Pair(trigger, found.get(index)) for index, trigger in enumerate(wanted)]


def is_changed(wanted: Wanted, present: Present) -> bool:
    """Whether event_data or status differ from what the file says. A secret is never shown, so it always counts as changed."""
    enabled = wanted.get("enabled")
    if enabled is not None and enabled != (present["trigger_status"] == "ACTIVE"):
        return True
    return _shown(event_data(wanted)) != _shown(present["event_data"])


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in data.items() if name not in ANSWERED}
    if isinstance(kept.get("func_info"), dict):
        kept["func_info"] = {name: value for name, value in kept["func_info"].items() if name not in ("function_urn", "version")}
    return {name: value for name, value in kept.items() if value not in ({}, "")}


def _is_of_type(wanted: Wanted, present: Present) -> bool:
    return bool(wanted["type"] == present["trigger_type_code"])


def _is_named_alike(wanted: Wanted, present: Present) -> bool:
    return _is_of_type(wanted, present) and _names(wanted["type"], wanted) == _names(wanted["type"], present["event_data"])


def _names(code: str, data: Mapping[str, Any]) -> tuple[Any, ...]:
    if code in GATEWAY_TYPES:
        return data.get("path"), data.get("req_method", "ANY"), data.get("match_mode", "NORMAL")
    if "name" in data:
        return (data["name"],)
    return tuple((name, str(value)) for name, value in sorted(_shown(data).items()) if value != MASK)
