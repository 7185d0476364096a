"""What can be done to aliases: each change is a step on the registry's edit."""

from collections.abc import Callable

from sluice_control.bodies import CreateAlias, UpdateAlias, VersionStrategy
from sluice_control.fss import Refused
from sluice_control.registry import AliasRow, Edit, FunctionRow, View
from sluice_control.resources.alias_rules import alias_faults, name_faults
from sluice_control.resources.function_rules import refuse
from sluice_control.resources.limits import Limits
from sluice_control.resources.targets import Target


class Aliases:
    """An alias points to one version, and may send some events to one more: a percentage, or those whose headers fit its rules."""

    def __init__(self, limits: Limits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms

    def create(self, target: Target, body: CreateAlias) -> Callable[[Edit], AliasRow]:
        refuse([*name_faults(body.name), *alias_faults(body)])

        def step(edit: Edit) -> AliasRow:
            function = target.function(edit)
            if edit.alias(function, body.name):
                raise Refused("FSS.1063")
            if len(edit.aliases(function)) >= self._limits.aliases:
                raise Refused("FSS.1043", f"A function has at most {self._limits.aliases}.")
            return self._put(edit, function, body.name, body)

        return step

    def update(self, target: Target, name: str, body: UpdateAlias) -> Callable[[Edit], AliasRow]:
        refuse([*alias_faults(body)])

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
        additional, weight, strategy = _additional(body)
        if edit.version(function, body.version) is None:
            raise Refused("FSS.1052", f"version: {body.version[:64]!r} is not there.")
        if additional and edit.version(function, additional) is None:
            raise Refused("FSS.1091", f"{additional[:64]!r} is not there.")
        if any(other.name != name and other.version == body.version for other in edit.aliases(function)):
            raise Refused("FSS.1066")
        before = edit.alias(function, name)
        asynchronous = before.asynchronous if before else None
        row = AliasRow(function, name, body.version, self._now_ms(), additional, weight, body.description, strategy, asynchronous)
        edit.put_alias(row)
        return row


def find(view: View, target: Target, name: str) -> AliasRow:
    """Raises Refused (FSS.1051, FSS.1053)."""
    row = view.alias(target.function(view), name)
    if row is None:
        raise Refused("FSS.1053")
    return row


def _additional(body: UpdateAlias) -> tuple[str, int, VersionStrategy | None]:
    """The additional version with its percentage or its rules, or nothing; of a body without a fault."""
    for version, weight in body.additional_version_weights.items():
        return version, weight, None
    for version, strategy in body.additional_version_strategy.items():
        return version, 0, strategy
    return "", 0, None
