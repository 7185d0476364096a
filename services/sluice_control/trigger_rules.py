"""From `event_data` to what the mesh needs: the part every kind has, the kind's own settings, and the secrets of both; pure."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sluice import filters
from sluice.binding import Mode, Ordering, TriggerStatus
from sluice.errors import Fault, Invalid
from sluice.trigger import TriggerKind
from sluice_control.decoding import decode, without_nulls
from sluice_control.fss import Refused
from sluice_control.registry import TriggerOptions

GATEWAY_TYPES = frozenset({"APIG", "DEDICATEDGATEWAY", "APIC"})
"""The only types an HTTP function may have."""
MASK = "******"
"""Stands for a secret in every answer; sent back, it means the secret that is stored."""
_SECRET = re.compile(r"passw|passphrase|secret|token|(^|_)(tls|ssl|private|sasl)_key$")
_ANSWERED = frozenset({"triggerid", "api_id", "api_name", "invoke_url", "roma_app_id"})
"""What an answer adds for a gateway trigger; sent back, it is left out."""
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
_LARGEST_BATCH = {"DDS": 10_000, "GAUSSMONGO": 10_000, "DIS": 10_000}
EXTRAS = {
    "TIMER": "timer",
    "KAFKA": "kafka",
    "OPENSOURCEKAFKA": "kafka",
    "APIG": "gateway",
    "APIC": "gateway",
    "DEDICATEDGATEWAY": "gateway",
    "SMN": "gateway",
    "EVENTGRID": "gateway",
    "OBS": "gateway",
    "RABBITMQ": "rabbitmq",
    "ROCKETMQ": "rocketmq",
    "DDS": "mongo",
    "GAUSSMONGO": "mongo",
    "DIS": "dis",
    "LTS": "lts",
    "CTS": "cts",
    "IOTDA": "mqtt",
}
"""The extra that brings each of FunctionGraph's types."""


class _Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of `event_data` that every kind has."""

    ordering: Ordering = Ordering.NONE
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 1
    linger: Annotated[float, Meta(ge=0, le=300)] = 0.0
    filter: dict[str, Any] | str = ""
    max_pending: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_pending_bytes: Annotated[int, Meta(ge=1024)] = 64 * 1024 * 1024


_OPTIONS = frozenset(_Options.__struct_fields__)


class Plan(msgspec.Struct, frozen=True):
    """What a trigger will be. `shown` has masks in place of secrets, `settings` lacks them, `secrets` holds them."""

    shown: dict[str, Any]
    settings: dict[str, Any]
    secrets: dict[str, Any]
    options: TriggerOptions
    mode: Mode
    incarnation: str
    name: str
    route: str


def kind_of(type_code: str, kinds: Mapping[str, TriggerKind]) -> TriggerKind:
    """Raises Refused (FSS.1101) for a type that is unknown, or whose kind is not installed."""
    if type_code in kinds:
        return kinds[type_code]
    if extra := EXTRAS.get(type_code):
        raise Refused("FSS.1101", f'trigger_type_code: {type_code} is not installed here: pip install "sluice[{extra}]"')
    raise Refused("FSS.1101", f"trigger_type_code: {type_code[:40]!r} is none of {', '.join(sorted(kinds))}")


def plan(kind: TriggerKind, type_code: str, event_data: Mapping[str, Any]) -> Plan:
    """Raises Invalid with every fault of `event_data`, by its full path."""
    data = without_nulls(event_data)
    if type_code in GATEWAY_TYPES:
        data = {name: value for name, value in data.items() if name not in _ANSWERED}
    own = set(kind.settings.__struct_fields__)
    shared = {name: value for name, value in data.items() if name in _OPTIONS}
    special = {name: value for name, value in data.items() if name not in _OPTIONS or name in own}
    options, settings = _decoded(kind, type_code, shared, special)
    public, secrets = split(special)
    return Plan(
        shown=mask(data),
        settings=public,
        secrets=secrets,
        options=options,
        mode=_mode(kind, special),
        incarnation=hashlib.sha256(kind.source_of(settings).encode()).hexdigest()[:16],
        name=str(data.get("name", "")) if type_code == "TIMER" else "",
        route=_route(settings) if type_code in GATEWAY_TYPES else "",
    )


def status_for(kind: TriggerKind, type_code: str, text: str, default: TriggerStatus) -> TriggerStatus:
    """The status a request asks for. A type that cannot be disabled refuses it (FSS.1318)."""
    asked = {"": default, "ACTIVE": TriggerStatus.ACTIVE, "DISABLED": TriggerStatus.DISABLED, "DISABLE": TriggerStatus.DISABLED}.get(text)
    if asked is None:
        raise Invalid([Fault("trigger_status", f"is {text[:20]!r}, and is ACTIVE or DISABLED")])
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


def _decoded(kind: TriggerKind, type_code: str, shared: dict[str, Any], special: dict[str, Any]) -> tuple[TriggerOptions, msgspec.Struct]:
    general = _CODES.get(type_code, "FSS.0400")
    faults: list[Fault] = []
    codes: list[str] = []
    options, settings = TriggerOptions(), None
    try:
        settings = decode(special, kind.settings, code_of=lambda _field: general, prefix="event_data")
    except Invalid as error:
        faults.extend(error.faults)
        codes.append(error.code)
    try:
        options = _options(kind, type_code, decode(shared, _Options, code_of=lambda _field: general, prefix="event_data"))
    except Invalid as error:
        faults.extend(fault for fault in error.faults if fault.field not in {known.field for known in faults})
        codes.append(general)
    if settings is None or faults:
        raise Invalid(faults, codes[0])
    return options, settings


def _options(kind: TriggerKind, type_code: str, given: _Options) -> TriggerOptions:
    text = given.filter if isinstance(given.filter, str) else msgspec.json.encode(given.filter).decode()
    faults = [*_batch_faults(kind, type_code, given.batch_size), *_filter_faults(text)]
    if faults:
        raise Invalid([Fault(f"event_data.{fault.field}", fault.rule) for fault in faults])
    return TriggerOptions(given.ordering, given.batch_size, given.linger, text, given.max_pending, given.max_pending_bytes)


def _batch_faults(kind: TriggerKind, type_code: str, size: int) -> Iterator[Fault]:
    most = _LARGEST_BATCH.get(type_code, 1000) if kind.modes[0] is Mode.ASYNC else 1
    if size > most:
        yield Fault("batch_size", f"is {size}, and goes from 1 to {most}")


def _filter_faults(text: str) -> list[Fault]:
    try:
        filters.parse(text)
    except Invalid as error:
        return error.faults
    return []


def _route(settings: Any) -> str:
    """What two gateway triggers may not share: method, way of matching, and path but for the names of its parameters."""
    prefix = getattr(settings, "match_mode", "NORMAL") == "SWA"
    path = re.sub(r"/\{[^/]*\}(?=/|$)", "/{}", settings.path)
    return f"{getattr(settings, 'req_method', 'ANY')} {path.rstrip('/') + '/*' if prefix else path}"


def _mode(kind: TriggerKind, data: Mapping[str, Any]) -> Mode:
    info = data.get("func_info")
    asked = info.get("invocation_type") if isinstance(info, dict) else None
    return Mode.ASYNC if asked == "async" and Mode.ASYNC in kind.modes else kind.modes[0]
