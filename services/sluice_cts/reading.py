"""What was pushed, as traces: Kubernetes audit events, CADF events, or traces as they are. Pure."""

from collections.abc import Callable
from typing import Any

import msgspec

from sluice.errors import Fault, Invalid
from sluice_cts import cadf, kubernetes
from sluice_cts.trace import Named, Trace

MOST_TRACES = 10_000
"""In one request."""
_MILLISECONDS_FROM = 100_000_000_000
"""A time from here on would be after the year 5000 if it were in seconds."""


def read(body: bytes) -> list[Named]:
    """The traces of a request, in its order. Raises Invalid, and then none of them counts."""
    try:
        whole = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid([Fault("body", f"is not JSON: {error}")]) from None
    except RecursionError:
        raise Invalid([Fault("body", "is nested too deeply")]) from None
    items = _items(whole)
    if len(items) > MOST_TRACES:
        raise Invalid([Fault("body", f"holds {len(items)} traces, and at most {MOST_TRACES}")])
    return [_read(index, item) for index, item in enumerate(items)]


def _items(whole: Any) -> list[Any]:
    if isinstance(whole, dict) and whole.get("kind") == "EventList":
        whole = whole.get("items")
    return whole if isinstance(whole, list) else [whole]


def _read(index: int, item: Any) -> Named:
    place = f"[{index}]"
    if not isinstance(item, dict):
        raise Invalid([Fault(place, "is not an object")])
    item = _unwrapped(item)
    try:
        return _reader(item)(item)
    except msgspec.ValidationError as error:
        raise Invalid([Fault(place, str(error))]) from None
    except (ValueError, OverflowError) as error:
        raise Invalid([Fault(place, f"holds a time that is none: {error}")]) from None


def _unwrapped(item: dict[str, Any]) -> dict[str, Any]:
    """Without the envelope: of our own event, or of an OpenStack notification."""
    for name in ("cts", "payload"):
        inner = item.get(name)
        if isinstance(inner, dict):
            return inner
    return item


def _reader(item: dict[str, Any]) -> Callable[[dict[str, Any]], Named]:
    if "auditID" in item:
        return lambda it: kubernetes.named(msgspec.convert(it, kubernetes.AuditEvent))
    if item.get("typeURI") == cadf.TYPE or "eventTime" in item:
        return lambda it: cadf.named(msgspec.convert(it, cadf.CadfEvent))
    return _as_it_is


def _as_it_is(item: dict[str, Any]) -> Named:
    """CTS itself tells times in milliseconds, and some services their codes as texts."""
    trace = msgspec.convert(item, Trace, strict=False)
    if trace.time >= _MILLISECONDS_FROM:
        trace = msgspec.structs.replace(trace, time=trace.time // 1000, record_time=trace.record_time // 1000)
    return Named(trace.trace_id, trace)
