"""From a trace to the event of FunctionGraph's CTS trigger. Pure: the same record gives the same bytes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import GAP, Record


def shape(binding: Binding, settings: Any, records: Sequence[Record]) -> bytes:
    """One trace an event. Several together, which no setting asks for, are a list of such events."""
    events = [_event(record) for record in records]
    return events[0] if len(events) == 1 else b"[%b]" % b",".join(events)


def _event(record: Record) -> bytes:
    if record.value is None:
        return b'{"cts":null,"gaps":[%b]}' % dict(record.attributes).get(GAP, "{}").encode()
    return b'{"cts":%b}' % record.value


def value_of(trace: msgspec.Struct) -> bytes:
    """A trace as a record's value: filters look into it, and the event holds it as it is."""
    return msgspec.json.encode(trace)
