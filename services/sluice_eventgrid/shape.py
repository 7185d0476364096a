"""From CloudEvents to the event of FunctionGraph's EventGrid triggers. Pure: the same records give the same bytes."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice_eventgrid.settings import EventGridSettings


def shape(binding: Binding, settings: EventGridSettings, records: Sequence[Record]) -> bytes:
    """A CloudEvent in the JSON format; where the trigger has a `batch_size` over 1, a JSON array of them, even of one."""
    events = [_event(settings, record) for record in records]
    if binding.batch_size == 1 and len(events) == 1:
        return events[0]
    return b"[" + b",".join(events) + b"]"


def _event(settings: EventGridSettings, record: Record) -> bytes:
    text = record.value or b"null"
    return _with_encoded_keys(text) if settings.key_encode else text


def _with_encoded_keys(text: bytes) -> bytes:
    """Untouched if it tells of no object."""
    event = msgspec.json.decode(text)
    objects = [found for found in _objects(_at(event, "data")) if isinstance(found.get("key"), str)]
    for found in objects:
        found["key"] = quote(found["key"], safe="")
    return msgspec.json.encode(event) if objects else text


def _objects(data: object) -> Iterator[dict[str, Any]]:
    """What an event of OBS says of its object: `obs.object`, or `s3.object` of each of its `Records`."""
    records = _at(data, "Records")
    for place in ((data, "obs"), *((record, "s3") for record in (records if isinstance(records, list) else ()))):
        found = _at(_at(*place), "object")
        if isinstance(found, dict):
            yield found


def _at(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
