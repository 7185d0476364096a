"""From messages to the event of FunctionGraph's RocketMQ trigger. Pure: the same records give the same bytes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice.text import text
from sluice_rocketmq.settings import RocketSettings

METADATA = "metadata"
"""Attribute with what is known beside the body, as JSON text; there when the settings ask for it."""

_json = msgspec.json.encode


def shape(binding: Binding, settings: RocketSettings, records: Sequence[Record]) -> bytes:
    """The event of one batch: one element of `records` for each topic, in the order in which they first appear."""
    topics: dict[str, list[Record]] = {}
    for record in records:
        topics.setdefault(record.source, []).append(record)
    event: dict[str, Any] = {
        "event_version": "v1.0",
        "event_time": records[-1].time_ms // 1000,
        "trigger_type": "ROCKETMQ",
        "region": binding.function.split(":")[2],
        "instance_id": settings.instance_id,
        "records": [_element(settings, topic, its) for topic, its in topics.items()],
    }
    return _json(event)


def _element(settings: RocketSettings, topic: str, records: Sequence[Record]) -> dict[str, Any]:
    element: dict[str, Any] = {
        "messages": [text(record.value or b"") for record in records],
        "instance_id": settings.instance_id,
        "topic_id": topic,
    }
    if settings.metadata:
        element["metadata"] = [msgspec.Raw(dict(record.attributes).get(METADATA, "{}").encode()) for record in records]
    return element
