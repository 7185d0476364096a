"""What can be done to aliases: each change is a step on the registry's edit."""

import re
from collections.abc import Callable

from sluice.errors import Fault, Invalid
from sluice.urn import LATEST
from sluice_control.bodies import CreateAlias, UpdateAlias
from sluice_control.fss import Refused
from sluice_control.limits import Limits
from sluice_control.registry import AliasRow, Edit, FunctionRow, View
from sluice_control.targets import Target

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")


class Aliases:
    """An alias points to one version, and may send a percentage to one more."""

    def __init__(self, limits: Limits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms

    def create(self, target: Target, body: CreateAlias) -> Callable[[Edit], AliasRow]:
        if not _NAME.fullmatch(body.name):
            rule = "has 1-64 letters, digits, _ or -, starts with a letter and ends with a letter or digit"
            raise Invalid([Fault("name", rule)], "FSS.1014")

        def step(edit: Edit) -> AliasRow:
            function = target.function(edit)
            if edit.alias(function, body.name):
                raise Refused("FSS.1063")
            if len(edit.aliases(function)) >= self._limits.aliases:
                raise Refused("FSS.1043", f"A function has at most {self._limits.aliases}.")
            return self._put(edit, function, body.name, body)

        return step

    def update(self, target: Target, name: str, body: UpdateAlias) -> Callable[[Edit], AliasRow]:
        def step(edit: Edit) -> AliasRow:
            row = find(edit, target, name)
            return self._put(edit, row.function, row.name, body)

        return step

    def delete(self, target: Target, name: str) -> Callable[[Edit], None]:
        def step(edit: Edit) -> None:
            row = find(edit, target, name)
            if any(trigger.qualifier == f"!{name}" for trigger in edit.triggers(row.function)):
                raise Refused("FSS.1154")
            edit.remove_alias(row.function, name)

        return step

    def _put(self, edit: Edit, function: FunctionRow, name: str, body: UpdateAlias) -> AliasRow:
        additional, weight = _additional(body)
        if edit.version(function, body.version) is None:
            raise Refused("FSS.1052", f"version: {body.version[:64]!r} is not there.")
        if additional and (additional == LATEST or edit.version(function, additional) is None):
            raise Refused("FSS.1091", f"{additional[:64]!r} is latest, or not there.")
        if any(other.name != name and other.version == body.version for other in edit.aliases(function)):
            raise Refused("FSS.1066")
        row = AliasRow(function, name, body.version, self._now_ms(), additional, weight, body.description)
        edit.put_alias(row)
        return row


def find(view: View, target: Target, name: str) -> AliasRow:
    """Raises Refused (FSS.1051, FSS.1053)."""
    row = view.alias(target.function(view), name)
    if row is None:
        raise Refused("FSS.1053")
    return row


def _additional(body: UpdateAlias) -> tuple[str, int]:
    """The additional version and its percentage, or nothing."""
    if len(body.description) > 512:
        raise Invalid([Fault("description", "is longer than 512 characters")], "FSS.1019")
    if body.additional_version_strategy:
        raise Invalid([Fault("additional_version_strategy", "is not served here; use additional_version_weights")])
    if len(body.additional_version_weights) > 1:
        raise Invalid([Fault("additional_version_weights", "names more than one version")], "FSS.1091")
    for version, weight in body.additional_version_weights.items():
        if not 0 <= weight <= 100:
            raise Invalid([Fault("additional_version_weights", f"is {weight}, and goes from 0 to 100 percent")], "FSS.1092")
        if version == body.version:
            raise Refused("FSS.1093")
        return version, weight
    return "", 0
