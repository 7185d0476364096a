"""From `event_data` to what the registry keeps of it, with its secrets apart; pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sluice.binding import Mode, TriggerStatus
from sluice.errors import Fault, Invalid
from sluice.trigger import TriggerKind
from sluice.trigger_options import GATEWAY_TYPES, MASK, TriggerOptions, judge, not_served, route_of
from sluice_control.decoding import GENERAL, coded
from sluice_control.fss import Refused

MAX_EVENT_DATA_BYTES = 64 * 1024
_SECRET = re.compile(r"passw|passphrase|secret|token|(^|_)(tls|ssl|private|sasl)_key$")
_CODES = {
    "TIMER": "FSS.1109",
    "KAFKA": "FSS.1112",
    "OPENSOURCEKAFKA": "FSS.1112",
    "APIG": "FSS.1107",
    "APIC": "FSS.1107",
    "DEDICATEDGATEWAY": "FSS.1417",
    "OBS": "FSS.1106",
    "SMN": "FSS.1102",
}
_RIVAL_CODES = {"OBS": "FSS.1108"}
_STATUSES: Mapping[str, TriggerStatus | None] = {
    "": None,
    "ACTIVE": TriggerStatus.ACTIVE,
    "DISABLED": TriggerStatus.DISABLED,
    "DISABLE": TriggerStatus.DISABLED,
}


class Plan(msgspec.Struct, frozen=True):
    """What a trigger will be. `shown` has masks in place of secrets, `settings` lacks them, `secrets` holds them, and in `decoded` the
    kind has both."""

    shown: dict[str, Any]
    settings: dict[str, Any]
    secrets: dict[str, Any]
    decoded: Any
    options: TriggerOptions
    mode: Mode
    incarnation: str
    name: str
    route: str


def kind_of(type_code: str, kinds: Mapping[str, TriggerKind]) -> TriggerKind:
    """Raises Refused (FSS.1101) for a type that is unknown, or whose kind is not installed."""
    if type_code not in kinds:
        raise Refused("FSS.1101", f"trigger_type_code: {not_served(type_code, kinds)}")
    return kinds[type_code]


def plan(kind: TriggerKind, type_code: str, event_data: Mapping[str, Any]) -> Plan:
    """Raises Invalid with every fault of `event_data`, by its full path."""
    try:
        _bound(event_data)
        judged = judge(kind, type_code, event_data)
    except Invalid as refused:
        raise coded(refused, lambda _field: _CODES.get(type_code, GENERAL), "event_data") from None
    public, secrets = split(judged.own)
    return Plan(
        shown=mask(judged.given),
        settings=public,
        secrets=secrets,
        decoded=judged.settings,
        options=judged.options,
        mode=judged.mode,
        incarnation=hashlib.sha256(kind.source_of(judged.settings).encode()).hexdigest()[:16],
        name=str(judged.given.get("name", "")) if type_code == "TIMER" else "",
        route=route_of(judged.given) if type_code in GATEWAY_TYPES else _contested(kind, type_code, judged.settings),
    )


def _contested(kind: TriggerKind, type_code: str, settings: Any) -> str:
    what = kind.contested(settings)
    return f"{type_code} {what}" if what else ""


def _bound(event_data: Mapping[str, Any]) -> None:
    """It goes to services and stands in every list."""
    size = len(msgspec.json.encode(event_data))
    if size > MAX_EVENT_DATA_BYTES:
        raise Invalid([Fault("", f"has {size} bytes as JSON, and at most {MAX_EVENT_DATA_BYTES}")])


def keep_lasting(kind: TriggerKind, type_code: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raises Invalid for a change of what a trigger keeps as long as it lives."""
    changed = sorted(name for name in kind.lasting if before.get(name) != after.get(name))
    if changed:
        faults = [Fault(f"event_data.{name}", f"stays {before.get(name)!r} as long as the trigger lives") for name in changed]
        raise Invalid(faults, _CODES.get(type_code, GENERAL))


def refuse_rival(kind: TriggerKind, type_code: str, settings: Any, other: str, shown: Mapping[str, Any]) -> None:
    """Raises Refused if a trigger cannot stand beside the `other` one, whose event_data is `shown`."""
    if kind.rivals(settings, judge(kind, type_code, shown).settings):
        raise Refused(_RIVAL_CODES.get(type_code, "FSS.0409"), f"It is {other}.")


def planned(
    kind: TriggerKind, type_code: str, event_data: Mapping[str, Any], status: str, default: TriggerStatus
) -> tuple[Plan, TriggerStatus]:
    """`plan`, and the status that a request asks for; their faults come together."""
    wrong = [] if status in _STATUSES else [Fault("trigger_status", f"is {status[:20]!r}, and is ACTIVE or DISABLED")]
    try:
        what = plan(kind, type_code, event_data)
    except Invalid as refused:
        raise Invalid([*wrong, *refused.faults], refused.code) from None
    if wrong:
        raise Invalid(wrong)
    return what, status_for(kind, type_code, _STATUSES[status] or default)


def status_for(kind: TriggerKind, type_code: str, asked: TriggerStatus) -> TriggerStatus:
    """A type that cannot be disabled refuses it (FSS.1318)."""
    if asked is TriggerStatus.DISABLED and type_code in kind.fixed:
        raise Refused("FSS.1318", f"trigger_status: {type_code} triggers cannot be disabled, only deleted.")
    return asked


def first_status(kind: TriggerKind, type_code: str) -> TriggerStatus:
    return TriggerStatus.DISABLED if type_code in kind.created_disabled else TriggerStatus.ACTIVE


def split(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What may be seen, and the secrets in it, each where it was."""
    public: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            public[name], inner = split(value)
            if inner:
                secrets[name] = inner
        elif _is_secret(name, value):
            secrets[name] = value
        else:
            public[name] = value
    return public, secrets


def mask(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: mask(value) if isinstance(value, dict) else MASK if _is_secret(name, value) else value for name, value in data.items()}


def unmask(data: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with the stored secrets where it holds masks."""
    return {name: _unmasked(value, secrets.get(name)) for name, value in data.items()}


def _unmasked(value: Any, secret: Any) -> Any:
    if isinstance(value, dict):
        return unmask(value, secret if isinstance(secret, dict) else {})
    return secret if value == MASK and secret is not None else value


def _is_secret(name: str, value: object) -> bool:
    return bool(value) and isinstance(value, str) and bool(_SECRET.search(name.lower()))
