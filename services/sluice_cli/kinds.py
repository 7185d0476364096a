"""The triggers of sluice.yaml, judged by the settings types of the kinds installed beside the command line; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sluice.binding import Mode, Ordering
from sluice.errors import Fault, Invalid
from sluice.filters import parse
from sluice.trigger import TriggerKind
from sluice_cli.decoding import faults_of

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
GATEWAY_TYPES = frozenset({"APIG", "DEDICATEDGATEWAY", "APIC"})
OF_THE_FILE = frozenset({"type", "enabled"})
"""Keys of a trigger in sluice.yaml that are not part of its event_data."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What every kind has beside its own settings."""

    ordering: Ordering = Ordering.NONE
    batch_size: int = 1
    linger: float = 0.0
    filter: dict[str, Any] | str = ""
    max_pending: int = 10_000
    max_pending_bytes: int = 64 * 1024 * 1024


_OPTIONS = frozenset(Options.__struct_fields__)


def event_data(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a trigger that the API knows by that name."""
    return {name: value for name, value in trigger.items() if name not in OF_THE_FILE and value is not None}


def trigger_faults(trigger: Mapping[str, Any], kinds: Mapping[str, TriggerKind]) -> Iterator[Fault]:
    """Everything wrong with one trigger of sluice.yaml, by the kind's own settings type."""
    code = trigger.get("type")
    if not isinstance(code, str):
        yield Fault("type", "is mandatory: one of " + ", ".join(sorted(kinds)))
        return
    if not isinstance(trigger.get("enabled", True), bool):
        yield Fault("enabled", "is true or false")
    kind = kinds.get(code)
    if kind is None:
        yield Fault("type", _missing(code, kinds))
        return
    data = event_data(trigger)
    own = set(kind.settings.__struct_fields__)
    yield from _kind_faults({name: value for name, value in data.items() if name in own or name not in _OPTIONS}, kind)
    yield from _option_faults({name: value for name, value in data.items() if name in _OPTIONS}, kind, own)


def _missing(code: str, kinds: Mapping[str, TriggerKind]) -> str:
    if extra := EXTRAS.get(code):
        return f'{code} is not installed here: pip install "sluice[{extra}]"'
    return f"{code[:40]!r} is none of {', '.join(sorted(kinds))}"


def _kind_faults(data: Mapping[str, Any], kind: TriggerKind) -> Iterator[Fault]:
    yield from faults_of(data, kind.settings)


def _option_faults(data: dict[str, Any], kind: TriggerKind, own: set[str]) -> Iterator[Fault]:
    wrong = [fault for fault in faults_of(data, Options) if fault.field not in own]
    yield from wrong
    if wrong:
        return
    options = msgspec.convert(data, Options)
    if kind.modes[0] is not Mode.ASYNC and options.batch_size != 1:
        yield Fault("batch_size", f"is {options.batch_size}, and is 1 for this type")
    if not 0 <= options.linger <= 300:
        yield Fault("linger", f"is {options.linger}, and goes from 0 to 300 s")
    if not 1 <= options.max_pending <= 1_000_000:
        yield Fault("max_pending", f"is {options.max_pending}, and goes from 1 to 1000000")
    if options.max_pending_bytes < 1024:
        yield Fault("max_pending_bytes", f"is {options.max_pending_bytes}, and is at least 1024")
    try:
        parse(options.filter if isinstance(options.filter, str) else msgspec.json.encode(options.filter).decode())
    except Invalid as error:
        yield from error.faults
