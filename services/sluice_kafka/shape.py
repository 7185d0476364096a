"""From records to the event of FunctionGraph's Kafka triggers. Pure: the same records give the same bytes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import GAP, Record
from sluice.text import text
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.source import partition_of, topic_of

HEADERS = "headers"
"""Attribute with the headers as JSON text, present when the settings ask for metadata."""

_json = msgspec.json.encode


def shape(binding: Binding, settings: KafkaSettings, records: Sequence[Record]) -> bytes:
    """The event of one batch. `event_time` is the time of the last record, in seconds. CloudEvents are the event themselves."""
    if settings.cloudevents and not records[0].refused:
        return _cloudevents(settings, records)
    last = records[-1]
    before, after, end = _frame(binding.function, settings.instance_id, last.source)
    time = b"%d" % (last.time_ms // 1000)
    if len(records) == 1 and last.value is not None and not settings.metadata:
        # The hot path: one text between parts that were made before.
        return b"".join((before, time, after, b'{"messages":[', _json(text(last.value)), b"]", end))
    if not settings.metadata and not any(record.attributes for record in records) and _one_source(records):
        return b"".join((before, time, after, b'{"messages":', _json(_messages(records)), end))
    return b"".join((before, time, after, b",".join(_elements(settings, records)), b"]}"))


def _cloudevents(settings: KafkaSettings, records: Sequence[Record]) -> bytes:
    """One event, or with a `batch_size` over 1 an array, even of one."""
    events = [_gap_event(record) if _is_gap(record) else record.value or b"null" for record in records]
    return events[0] if settings.batch_size == 1 and len(events) == 1 else b"[" + b",".join(events) + b"]"


def _gap_event(record: Record) -> bytes:
    moment = datetime.fromtimestamp(record.time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    known = {"id": record.id, "specversion": "1.0", "source": record.source, "type": "sluice.gap", "time": moment}
    return _json({**known, "data": {"gap": msgspec.Raw(dict(record.attributes)[GAP].encode())}})


@lru_cache(maxsize=4096)
def _frame(function: str, instance_id: str, source: str) -> tuple[bytes, bytes, bytes]:
    """What stands before the time, between the time and the records, and behind the messages of the only topic."""
    region = function.split(":")[2]
    after = b',"trigger_type":"KAFKA","region":' + _json(region) + b',"instance_id":' + _json(instance_id) + b',"records":['
    return b'{"event_version":"v1.0","event_time":', after, _names(instance_id, topic_of(source)) + b"}]}"


def _names(instance_id: str, topic: str) -> bytes:
    return b',"instance_id":' + _json(instance_id) + b',"topic_id":' + _json(topic)


def _one_source(records: Sequence[Record]) -> bool:
    return records[0].source == records[-1].source and len({record.source for record in records}) == 1


def _messages(records: Iterable[Record]) -> list[str | None]:
    return [None if record.value is None else text(record.value) for record in records]


def _elements(settings: KafkaSettings, records: Sequence[Record]) -> Iterator[bytes]:
    """One element of `records` for each topic, in the order in which they first appear."""
    topics: dict[str, list[Record]] = {}
    for record in records:
        topics.setdefault(topic_of(record.source), []).append(record)
    for topic, its in topics.items():
        gaps = [dict(record.attributes)[GAP].encode() for record in its if _is_gap(record)]
        real = [record for record in its if not _is_gap(record)]
        element = b'{"messages":' + _json(_messages(real)) + _names(settings.instance_id, topic)
        if settings.metadata:
            element += b',"metadata":' + _json([_metadata(record) for record in real])
        yield element + (b',"gaps":[' + b",".join(gaps) + b"]}" if gaps else b"}")


def _is_gap(record: Record) -> bool:
    return bool(record.attributes) and record.attributes[0][0] == GAP


def _metadata(record: Record) -> dict[str, Any]:
    return {
        "partition": partition_of(record.source),
        "offset": int(record.position),
        "timestamp": record.time_ms,
        "key": None if record.key is None else text(record.key),
        "headers": msgspec.Raw(dict(record.attributes).get(HEADERS, "[]").encode()),
    }
