"""What can be done to triggers: each change is a step on the registry's edit."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import msgspec

from sluice.binding import Mode
from sluice.errors import Fault, Invalid
from sluice.runtimes import HTTP
from sluice.trigger import TriggerKind
from sluice.trigger_options import GATEWAY_TYPES, PULL_TYPES, http_faults
from sluice.urn import LATEST
from sluice_control.bodies import CreateTrigger, UpdateTrigger
from sluice_control.fss import Refused
from sluice_control.registry import Edit, FunctionRow, TriggerRow, VersionRow, View
from sluice_control.resources.allowance import allowance_of
from sluice_control.resources.limits import Limits
from sluice_control.resources.targets import Target
from sluice_control.resources.trigger_rules import Plan, first_status, keep_lasting, kind_of, planned, refuse_rival, unmask
from sluice_control.vault import Vault


class Triggers:
    """Steps on triggers. The settings are decoded by the kind's own type, so what is refused here is what the service would refuse."""

    def __init__(self, vault: Vault, kinds: Mapping[str, TriggerKind], limits: Limits, now_ms: Callable[[], int]) -> None:
        self._vault = vault
        self._kinds = kinds
        self._limits = limits
        self._now_ms = now_ms

    def create(self, target: Target, body: CreateTrigger) -> Callable[[Edit], TriggerRow]:
        kind = kind_of(body.trigger_type_code, self._kinds)
        first = first_status(kind, body.trigger_type_code)
        what, status = planned(kind, body.trigger_type_code, body.event_data, body.trigger_status, first)

        def step(edit: Edit) -> TriggerRow:
            function = target.function(edit)
            _fits(target.version(edit), body.trigger_type_code, what.mode)
            self._has_room(edit, function, target.urn.qualifier, body.trigger_type_code)
            now, name = self._now_ms(), str(uuid4())
            row = TriggerRow(name, function, target.urn.qualifier, body.trigger_type_code, kind.name, status, b"{}", b"{}", now, now)
            return self._put(edit, row, what)

        return step

    def update(self, target: Target, type_code: str, trigger: str, body: UpdateTrigger) -> Callable[[Edit], TriggerRow]:
        def step(edit: Edit) -> TriggerRow:
            row = find(edit, target, type_code, trigger)
            kind = kind_of(row.type, self._kinds)
            changed = self._changed(row, body.event_data)
            keep_lasting(kind, row.type, msgspec.json.decode(row.event_data), changed)
            what, status = planned(kind, row.type, changed, body.trigger_status, row.status)
            _fits(target.version(edit), row.type, what.mode)
            return self._put(edit, msgspec.structs.replace(row, status=status), what, before=row)

        return step

    def delete(self, target: Target, type_code: str, trigger: str) -> Callable[[Edit], None]:
        return lambda edit: edit.remove_trigger(find(edit, target, type_code, trigger))

    def delete_all(self, target: Target) -> Callable[[Edit], None]:
        """Of a named version or alias; of the whole function when `latest` or nothing is named."""

        def step(edit: Edit) -> None:
            function = target.function(edit)
            target.version(edit)
            for row in edit.triggers(function):
                if target.urn.qualifier in (LATEST, row.qualifier):
                    edit.remove_trigger(row)

        return step

    def _changed(self, row: TriggerRow, change: list[dict[str, Any]] | dict[str, Any] | None) -> dict[str, Any]:
        """`event_data` after a change, with its secrets: an object takes its place, FunctionGraph's list changes single fields."""
        stored: dict[str, Any] = msgspec.json.decode(row.event_data)
        secrets = self._secrets(row)
        if isinstance(change, dict):
            return unmask(change, secrets)
        for fields in change or []:
            stored |= fields
        return unmask(stored, secrets)

    def _put(self, edit: Edit, row: TriggerRow, what: Plan, *, before: TriggerRow | None = None) -> TriggerRow:
        """What changes nothing is no change: nobody is told, nothing is started again."""
        _is_unique(edit, row, what)
        self._has_no_rival(edit, row, what)
        planned = msgspec.structs.replace(
            row,
            event_data=msgspec.json.encode(what.shown),
            settings=msgspec.json.encode(what.settings),
            sealed=self._sealed(row, what.secrets),
            options=what.options,
            mode=what.mode,
            incarnation=what.incarnation,
            name=what.name,
            route=what.route,
        )
        if planned == before:
            return planned
        changed = msgspec.structs.replace(planned, generation=edit.generation(), modified_ms=self._now_ms())
        edit.put_trigger(changed)
        return changed

    def _has_no_rival(self, edit: Edit, row: TriggerRow, what: Plan) -> None:
        for other in edit.routed(what.route) if row.type not in GATEWAY_TYPES else []:
            if other.id != row.id and other.function.project == row.function.project:
                refuse_rival(self._kinds[row.type], row.type, what.decoded, other.id, msgspec.json.decode(other.event_data))

    def _secrets(self, row: TriggerRow) -> dict[str, Any]:
        return msgspec.json.decode(self._vault.unseal(row.sealed, f"trigger:{row.id}"), type=dict[str, Any]) if row.sealed else {}

    def _sealed(self, row: TriggerRow, secrets: dict[str, Any]) -> bytes:
        if secrets == self._secrets(row):
            return row.sealed
        return self._vault.seal(msgspec.json.encode(secrets), f"trigger:{row.id}") if secrets else b""

    def _has_room(self, edit: Edit, function: FunctionRow, qualifier: str, type_code: str) -> None:
        present = edit.triggers(function)
        if sum(row.qualifier == qualifier for row in present) >= self._limits.triggers:
            raise Refused("FSS.1306", f"A version or alias has at most {self._limits.triggers}.")
        if type_code in PULL_TYPES and sum(row.type in PULL_TYPES for row in present) >= self._limits.pull_triggers:
            raise Refused("FSS.1123", f"A function has at most {self._limits.pull_triggers}.")
        if edit.count_triggers(function.project) >= allowance_of(edit, function.project).triggers():
            raise Refused("FSS.1306", "The project has as many as it may have.")


def auth_of(row: TriggerRow) -> str:
    """NONE, IAM or APP of an HTTP trigger; "" of another."""
    return str(msgspec.json.decode(row.event_data).get("auth", "")) if row.type in GATEWAY_TYPES else ""


def find(view: View, target: Target, type_code: str, trigger: str) -> TriggerRow:
    """Raises Refused (FSS.1131), also if it belongs to another function, version or type."""
    function = target.function(view)
    row = view.trigger(function.project, trigger)
    if row is None or row.function.id != function.id or row.type != type_code:
        raise Refused("FSS.1131")
    if target.explicit and row.qualifier != target.urn.qualifier:
        raise Refused("FSS.1131")
    return row


def _fits(version: VersionRow, type_code: str, mode: Mode) -> None:
    for fault in http_faults(type_code, mode) if version.settings.runtime == HTTP else ():
        if fault.field == "type":
            raise Refused("FSS.1101", f"trigger_type_code: {fault.rule}.")
        raise Invalid([Fault(f"event_data.{fault.field}", fault.rule)], "FSS.1107")


def _is_unique(edit: Edit, row: TriggerRow, what: Plan) -> None:
    if row.type in GATEWAY_TYPES and any(other.id != row.id for other in edit.routed(what.route)):
        raise Refused("FSS.1147", f"{what.route} is taken.")
    for other in edit.triggers(row.function) if what.name else []:
        if other.id != row.id and (other.name, other.type, other.qualifier) == (what.name, row.type, row.qualifier):
            raise Refused("FSS.1148", f"It is named {what.name!r}.")
