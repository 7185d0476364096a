"""The triggers of sluice.yaml, judged by the kinds installed beside the command line as the API would judge them; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.errors import Fault, Invalid
from sluice.trigger import TriggerKind
from sluice.trigger_options import judge, not_served

OF_THE_FILE = frozenset({"type", "enabled"})
"""Keys of a trigger in sluice.yaml that are not part of its event_data."""


def event_data(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a trigger that the API knows by that name."""
    return {name: value for name, value in trigger.items() if name not in OF_THE_FILE and value is not None}


def trigger_faults(trigger: Mapping[str, Any], kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    """Everything wrong with one trigger of sluice.yaml."""
    code = trigger.get("type")
    if not isinstance(code, str):
        yield Fault("type", "is mandatory: one of " + ", ".join(sorted(kinds)))
        return
    if not isinstance(trigger.get("enabled", True), bool):
        yield Fault("enabled", "is true or false")
    kind = kinds.get(code)
    if kind is None:
        yield Fault("type", not_served(code, kinds))
        return
    if trigger.get("enabled") is False and code in kind.fixed:
        yield Fault("enabled", f"{code} triggers cannot be disabled, only deleted")
    try:
        judge(kind, code, event_data(trigger))
    except Invalid as refused:
        yield from refused.faults
