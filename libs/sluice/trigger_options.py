"""What is right for the `event_data` of a trigger: the kind's own settings, and what every kind has beside them; pure.

The API and `sluice check` both ask here, so that they refuse the same things.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from sluice import filters
from sluice.binding import Mode, Ordering
from sluice.decoding import decode, unknown, without_nulls
from sluice.errors import Fault, Invalid
from sluice.trigger import TriggerKind

EXTRAS: Mapping[str, str] = {
    "TIMER": "timer",
    "KAFKA": "kafka",
    "OPENSOURCEKAFKA": "kafka",
    "APIG": "gateway",
    "APIC": "gateway",
    "DEDICATEDGATEWAY": "gateway",
    "SMN": "smn",
    "EVENTGRID": "eventgrid",
    "OBS": "obs",
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
PULL_TYPES = frozenset({"DDS", "DIS", "DMS", "KAFKA", "OPENSOURCEKAFKA", "ROCKETMQ", "RABBITMQ", "GAUSSMONGO", "DYNAMODB"})
"""Types whose source is asked, and does not call."""
GATEWAY_TYPES = frozenset({"APIG", "DEDICATEDGATEWAY", "APIC"})
"""The only types an HTTP function may have."""
ANSWERED = frozenset({"triggerid", "api_id", "api_name", "invoke_url", "roma_app_id"})
"""What an answer adds for a gateway trigger; sent back, it is left out."""
MASK = "******"
"""Stands for a secret in every answer; sent back, it means the secret that is stored."""
LARGEST_BATCH = 1000
_LARGEST_BATCHES = {"DDS": 10_000, "GAUSSMONGO": 10_000, "DIS": 10_000}


class TriggerOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of `event_data` that every kind has: it goes into the binding and not to the kind."""

    ordering: Ordering = Ordering.NONE
    batch_size: int = 1
    linger: float = 0.0
    filter: str = ""
    """JSON text, "" for none."""
    max_pending: int = 10_000
    max_pending_bytes: int = 64 * 1024 * 1024


class _Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same as somebody writes it."""

    ordering: Ordering = Ordering.NONE
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 1
    linger: Annotated[float, Meta(ge=0, le=300)] = 0.0
    filter: dict[str, Any] | str = ""
    max_pending: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    max_pending_bytes: Annotated[int, Meta(ge=1024)] = 64 * 1024 * 1024


_OPTIONS = frozenset(_Given.__struct_fields__)


class Judged(NamedTuple):
    """An `event_data` without a fault. `given` is all of it that counts, `own` the kind's part, `settings` that part decoded."""

    given: dict[str, Any]
    own: dict[str, Any]
    settings: Any
    options: TriggerOptions
    mode: Mode


def judge(kind: TriggerKind, type_code: str, event_data: Mapping[str, Any]) -> Judged:
    """Raises Invalid with every fault by its field; its code is the kind's own where the kind gave one, else FSS.0400."""
    given = _given(type_code, event_data)
    names = {field.encode_name for field in msgspec.structs.fields(kind.settings)}
    own = {name: value for name, value in given.items() if name in names}
    faults = [unknown(name, names | _OPTIONS) for name in given if name not in names | _OPTIONS]
    code, settings, options = "FSS.0400", None, None
    try:
        settings = decode(own, kind.settings)
    except Invalid as refused:
        faults, code = faults + refused.faults, refused.code
    try:
        options = _options(kind, type_code, {name: value for name, value in given.items() if name in _OPTIONS}, mode_of(kind, own))
    except Invalid as refused:
        told = {fault.field for fault in faults}
        faults += [fault for fault in refused.faults if fault.field not in told]
    if faults or options is None:
        raise Invalid(faults, code)
    return Judged(given, own, settings, options, mode_of(kind, own))


def mode_of(kind: TriggerKind, event_data: Mapping[str, Any]) -> Mode:
    """The one that is asked for, where the kind lets a trigger choose; else the kind's first."""
    info = event_data.get("func_info")
    asked = info.get("invocation_type") if isinstance(info, Mapping) else None
    return Mode.ASYNC if asked == "async" and Mode.ASYNC in kind.modes else kind.modes[0]


def http_faults(type_code: str, mode: Mode) -> Iterator[Fault]:
    """What keeps a trigger from an HTTP function, which answers a caller: a fault of its `type`, or of its event_data."""
    if type_code not in GATEWAY_TYPES:
        yield Fault("type", f"an HTTP function has only {', '.join(sorted(GATEWAY_TYPES))} triggers")
    elif mode is not Mode.SYNC:
        yield Fault("func_info.invocation_type", "is sync for an HTTP function")


def route_of(event_data: Mapping[str, Any]) -> str:
    """What two gateway triggers may not share: method, way of matching, and path but for the names of its parameters."""
    path = re.sub(r"/\{[^/]*\}(?=/|$)", "/{}", str(event_data.get("path")))
    prefix = event_data.get("match_mode", "NORMAL") == "SWA"
    return f"{event_data.get('req_method', 'ANY')} {path.rstrip('/') + '/*' if prefix else path}"


def not_served(type_code: str, types: Iterable[str]) -> str:
    """Why a type is refused that is none of those served here."""
    if extra := EXTRAS.get(type_code):
        return f'{type_code} is not installed here: pip install "sluice[{extra}]"'
    return f"{type_code[:40]!r} is none of {', '.join(sorted(types))}"


def _given(type_code: str, event_data: Mapping[str, Any]) -> dict[str, Any]:
    ignored = ANSWERED if type_code in GATEWAY_TYPES else frozenset[str]()
    return {name: value for name, value in without_nulls(event_data).items() if name not in ignored}


def _options(kind: TriggerKind, type_code: str, data: Mapping[str, Any], mode: Mode) -> TriggerOptions:
    given = decode({"batch_size": kind.batch_size, **data}, _Given)
    text = given.filter if isinstance(given.filter, str) else msgspec.json.encode(given.filter).decode()
    faults = [*_batch_faults(kind, type_code, given.batch_size), *_filter_faults(text), *_order_faults(kind, given, mode)]
    if faults:
        raise Invalid(faults)
    return TriggerOptions(given.ordering, given.batch_size, given.linger, text, given.max_pending, given.max_pending_bytes)


def _batch_faults(kind: TriggerKind, type_code: str, size: int) -> Iterator[Fault]:
    most = _LARGEST_BATCHES.get(type_code, LARGEST_BATCH) if kind.modes[0] is Mode.ASYNC else 1
    if size > most:
        yield Fault("batch_size", f"is {size}, and goes from 1 to {most}" if most > 1 else f"is {size}, and is 1 for this type")


def _order_faults(kind: TriggerKind, given: _Given, mode: Mode) -> Iterator[Fault]:
    """What would have no effect is refused."""
    if mode is Mode.SYNC:
        for name, value in (("ordering", given.ordering is not Ordering.NONE), ("filter", given.filter), ("linger", given.linger)):
            if value:
                yield Fault(name, "is for events that nobody waits for: this trigger answers its caller")
    elif given.ordering not in kind.orderings:
        yield Fault("ordering", f"is {given.ordering.value}, and one of {', '.join(kind.orderings)} for this type")


def _filter_faults(text: str) -> list[Fault]:
    try:
        filters.parse(text)
    except Invalid as refused:
        return refused.faults
    return []
