"""From messages to the event of FunctionGraph's RabbitMQ trigger. Pure: the same records give the same bytes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice.text import text
from sluice_rabbitmq.settings import RabbitSettings

EXCHANGE = "exchange"
"""Attribute with the exchange that a message was sent to."""
METADATA = "metadata"
"""Attribute with what is known beside the body, as JSON text; there when the settings ask for it."""

_json = msgspec.json.encode


def shape(binding: Binding, settings: RabbitSettings, records: Sequence[Record]) -> bytes:
    """The event of one batch: one element of `records` for each exchange, in the order in which they first appear."""
    exchanges: dict[str, list[Record]] = {}
    for record in records:
        exchanges.setdefault(dict(record.attributes).get(EXCHANGE, settings.exchange_name), []).append(record)
    event: dict[str, Any] = {
        "event_version": "v1.0",
        "event_time": records[-1].time_ms // 1000,
        "trigger_type": "RABBITMQ",
        "region": binding.function.split(":")[2],
        "records": [_element(settings, exchange, its) for exchange, its in exchanges.items()],
    }
    return _json(event)


def _element(settings: RabbitSettings, exchange: str, records: Sequence[Record]) -> dict[str, Any]:
    element: dict[str, Any] = {
        "messages": [text(record.value or b"") for record in records],
        "instance_id": settings.instance_id,
        "exchange": exchange,
    }
    if settings.metadata:
        element["metadata"] = [msgspec.Raw(dict(record.attributes).get(METADATA, "{}").encode()) for record in records]
    return element
