"""What one request brings: the CloudEvents in it, as records. Pure."""

from collections.abc import Sequence

import msgspec

from sluice.cloudevents import CloudEvent, events, from_http, media_type, short, traceparent
from sluice.event import MAX_EVENT_BYTES, Record
from sluice.push import Request

JSON = "application/json"
MOST_EVENTS = 10_000
"""Events of one request."""


class TooLarge(Exception):
    """An event that no function may receive, or too many of them."""


class _Published(msgspec.Struct):
    """The body of EventGrid's publishing API."""

    events: list[msgspec.Raw]


_published = msgspec.json.Decoder(_Published).decode


def records_of(request: Request, now_ms: int) -> list[Record]:
    """Raises Invalid, NotUnderstood or TooLarge, and then nothing of the request counts."""
    found = _events(request)
    if len(found) > MOST_EVENTS:
        raise TooLarge(f"the request has {len(found)} events, and at most {MOST_EVENTS}")
    trace = traceparent(request.headers.get("traceparent", "")) if len(found) == 1 else ""
    for event in found:
        if len(event.text) > MAX_EVENT_BYTES:
            raise TooLarge(f"the event {event.id[:80]!r} has {len(event.text)} bytes as JSON, and at most {MAX_EVENT_BYTES}")
    return [record_of(event, now_ms, trace) for event in found]


def record_of(event: CloudEvent, now_ms: int, trace: str = "") -> Record:
    """Its source is that of the event, its id what CloudEvents goes by: source and id."""
    return Record(
        event.text,
        short(event.source),
        short(event.id),
        now_ms if event.time_ms is None else event.time_ms,
        event.partition_key.encode() if event.partition_key else None,
        event.identity,
        event.trace or trace,
    )


def _events(request: Request) -> Sequence[CloudEvent]:
    wrapped = _wrapped(request)
    return from_http(request.headers, request.body) if wrapped is None else events(wrapped, "events")


def _wrapped(request: Request) -> list[msgspec.Raw] | None:
    """What the publishing API would be sent; None for anything else."""
    if media_type(request.headers.get("content-type", "")) != JSON or any(name.startswith("ce-") for name in request.headers):
        return None
    try:
        return _published(request.body).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
