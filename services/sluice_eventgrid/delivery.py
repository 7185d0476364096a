"""What one request brings: the CloudEvents in it, as records. Pure."""

from collections.abc import Sequence

import msgspec

from sluice.cloudevents import CloudEvent, NotUnderstood, events, from_http, media_type
from sluice.errors import Fault, Invalid
from sluice.event import MAX_EVENT_BYTES, Record
from sluice.push import Request

JSON = "application/json"
_TRACE = "traceparent"


class TooLarge(Exception):
    """An event that no function may receive."""


class _Published(msgspec.Struct):
    """The body of EventGrid's publishing API."""

    events: list[msgspec.Raw]


_published = msgspec.json.Decoder(_Published).decode


def records_of(request: Request, now_ms: int) -> list[Record]:
    """Raises Invalid, NotUnderstood or TooLarge, and then nothing of the request counts."""
    found = _events(request)
    trace = request.headers.get(_TRACE, "") if len(found) == 1 else ""
    for event in found:
        if len(event.text) > MAX_EVENT_BYTES:
            raise TooLarge(f"the event {event.id[:80]!r} has {len(event.text)} bytes as JSON, and at most {MAX_EVENT_BYTES}")
    return [record_of(event, now_ms, trace) for event in found]


def record_of(event: CloudEvent, now_ms: int, trace: str = "") -> Record:
    """Its source is that of the event, its id what CloudEvents goes by: source and id."""
    trace = event.trace or trace
    return Record(
        event.text,
        event.source,
        event.id,
        now_ms if event.time_ms is None else event.time_ms,
        event.partition_key.encode() if event.partition_key else None,
        event.identity,
        trace if trace.isascii() else "",
    )


def _events(request: Request) -> Sequence[CloudEvent]:
    if media_type(request.headers.get("content-type", "")) != JSON or "ce-specversion" in request.headers:
        return from_http(request.headers, request.body)
    try:
        wrapped = _published(request.body).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    else:
        return events(wrapped, "events")
    if any(name.startswith("ce-") for name in request.headers):
        raise Invalid([Fault("specversion", "is mandatory")])
    raise NotUnderstood('it is no CloudEvent: there are no ce- headers, and the body is not {"events":[…]}')
