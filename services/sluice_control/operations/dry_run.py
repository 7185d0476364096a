"""What a trigger would make of a record, without one: nothing is accepted, nothing runs."""

import base64
import binascii
from typing import Any

import msgspec
from starlette.responses import Response

from sluice.errors import Fault, Invalid
from sluice.event import MAX_EVENT_BYTES, Record
from sluice.text import text
from sluice.trigger import TriggerKind
from sluice_control.asgi import Call, Operation, json
from sluice_control.bodies import DryRun
from sluice_control.fss import Refused
from sluice_control.keeper import Keeper
from sluice_control.registry import TriggerRow

_MOST_BYTES = 2 * MAX_EVENT_BYTES
"""A record in Base64, and the rest of its body."""


class DryRunApi:
    def __init__(self, control: Keeper) -> None:
        self._control = control

    def operations(self) -> list[Operation]:
        place = "/sluice/v1/{project_id}/triggers/{trigger_id}/dry-run"
        return [Operation("dry_run_trigger", "POST", place, "read", self.dry_run, DryRun, most_bytes=_MOST_BYTES)]

    async def dry_run(self, call: Call) -> Response:
        """Without a value: of a record as the kind thinks it could come."""
        body = call.decode(DryRun)
        row = self._control.view.trigger(call.project, call.path("trigger_id"))
        if row is None:
            raise Refused("FSS.1131")
        return json(self._told(row, self._control.kinds[row.type], body))

    def _told(self, row: TriggerRow, kind: TriggerKind, body: DryRun) -> dict[str, Any]:
        binding = self._control.teller.binding(row, with_secrets=True)
        settings = msgspec.json.decode(binding.settings, type=kind.settings)
        record = _record(kind.sample(settings), body, self._control.now_ms())
        match = kind.matcher(settings, binding.filter)
        unmatched = match(record) if match else ""
        event = b"" if unmatched else kind.shape(binding, settings, (record,))
        return {
            "trigger_id": row.id,
            "status": row.status.value,
            "matches": not unmatched,
            "unmatched": unmatched,
            "mode": binding.mode.value,
            "function_urn": binding.function,
            "versions": self._versions(row),
            "event": _event(event or b"null"),
        }

    def _versions(self, row: TriggerRow) -> dict[str, int]:
        """Which versions would get it, and how often in a hundred."""
        if not row.qualifier.startswith("!"):
            return {row.qualifier: 100}
        alias = self._control.view.alias(row.function, row.qualifier[1:])
        if alias is None:
            raise Refused("FSS.1053")
        return {alias.version: 100 - alias.weight} | ({alias.additional: alias.weight} if alias.additional else {})


def _event(body: bytes) -> msgspec.Raw | str:
    """As JSON; as text what a kind passes on as it is, if that is none."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text(body)
    return msgspec.Raw(body)


def _record(sample: Record, body: DryRun, now_ms: int) -> Record:
    """Raises Invalid."""
    value = sample.value if body.value is None else _value(body)
    if value is not None and len(value) > MAX_EVENT_BYTES:
        raise Invalid([Fault("value", f"has {len(value)} bytes, and at most {MAX_EVENT_BYTES}")])
    key = sample.key if body.key is None else body.key.encode()
    return msgspec.structs.replace(sample, value=value, key=key, time_ms=now_ms)


def _value(body: DryRun) -> bytes:
    text = body.value or ""
    if not body.is_base64:
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Invalid([Fault("value", f"is not Base64: {error}")]) from None
