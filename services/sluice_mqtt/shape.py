"""From a message to IoTDA's notification. Pure: the same record gives the same bytes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice.text import text
from sluice_mqtt.settings import MqttSettings

RESOURCE, EVENT, TOPIC = "resource", "event", "topic"
"""Attributes with what a message means; those of the device are named as in the event."""
METADATA = "metadata"
"""Attribute with what is known beside the payload, as JSON text; there when the settings ask for it."""
MESSAGE = "device.message"
"""The resource whose body says the topic too."""

_json = msgspec.json.encode


def shape(binding: Binding, settings: MqttSettings, records: Sequence[Record]) -> bytes:
    """The event of a message is the notification. Several together, which no setting asks for, are a list of them."""
    notifications = [_notification(settings, record) for record in records]
    return _json(notifications[0] if len(notifications) == 1 else notifications)


def _notification(settings: MqttSettings, record: Record) -> dict[str, Any]:
    known = dict(record.attributes)
    moment = datetime.fromtimestamp(record.time_ms // 1000, UTC)
    notification: dict[str, Any] = {
        "resource": known.get(RESOURCE, settings.resource),
        "event": known.get(EVENT, settings.event),
        "event_time": f"{moment:%Y%m%dT%H%M%SZ}",
        "event_time_ms": f"{moment:%Y-%m-%dT%H:%M:%S}.{record.time_ms % 1000:03}Z",
        "request_id": record.id or record.position,
        "notify_data": {"header": _header(settings, known), "body": _body(known, record.value or b"")},
    }
    if METADATA in known:
        notification["metadata"] = msgspec.Raw(known[METADATA].encode())
    return notification


def _header(settings: MqttSettings, known: Mapping[str, str]) -> dict[str, Any]:
    return {
        "app_id": settings.app_id,
        "device_id": known.get("device_id", ""),
        "node_id": known.get("node_id", ""),
        "product_id": known.get("product_id", ""),
        "gateway_id": known.get("gateway_id", ""),
        "tags": [],
    }


def _body(known: Mapping[str, str], payload: bytes) -> Any:
    """IoTDA's body of a device's message holds its topic; everything else is the payload itself."""
    if known.get(RESOURCE, MESSAGE) == MESSAGE:
        return {"topic": known.get(TOPIC, ""), "content": _content(payload)}
    return _content(payload)


def _content(payload: bytes) -> Any:
    """JSON as it is, anything else as text. What is nested deeper than can be followed counts as text."""
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return text(payload)
    return msgspec.Raw(payload)
