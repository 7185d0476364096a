"""From a message as the queue gives it to a Record."""

import secrets
from datetime import datetime
from typing import Any

import msgspec

from sluice.event import Record
from sluice.text import text
from sluice_rabbitmq.queue import Message
from sluice_rabbitmq.settings import RabbitSettings
from sluice_rabbitmq.shape import EXCHANGE, METADATA

_json = msgspec.json.Encoder(enc_hook=str).encode


class Recorder:
    """Makes records of one connection's messages. A message without an id of its own is named by connection and tag: it is another one
    when it is given out again."""

    def __init__(self, settings: RabbitSettings, source: str) -> None:
        self._settings = settings
        self._source = source
        self._connection = secrets.token_hex(6)

    def record(self, message: Message, now_ms: int) -> Record:
        settings = self._settings
        return Record(
            message.body,
            self._source,
            f"{self._connection}-{message.tag}",
            message.time_s * 1000 or now_ms,
            key=message.routing_key.encode(),
            id=message.message_id if settings.deduplicate else "",
            trace=_trace(message),
            attributes=_attributes(message, settings),
        )


def _attributes(message: Message, settings: RabbitSettings) -> tuple[tuple[str, str], ...]:
    exchange = () if message.exchange == settings.exchange_name else ((EXCHANGE, message.exchange),)
    return (*exchange, (METADATA, _metadata(message))) if settings.metadata else exchange


def _metadata(message: Message) -> str:
    told = {
        "routing_key": message.routing_key,
        "message_id": message.message_id,
        "timestamp": message.time_s,
        "redeliveries": message.redeliveries,
        "content_type": message.content_type,
        "headers": _plain(dict(message.headers)),
    }
    return _json(told).decode()


def _plain(value: Any) -> Any:
    """A header's value as JSON can hold it."""
    match value:
        case bytes():
            return text(value)
        case dict():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case datetime():
            return value.isoformat()
        case _:
            return value


def _trace(message: Message) -> str:
    found = message.headers.get("traceparent", "")
    if isinstance(found, bytes):
        found = found.decode("ascii", "replace")
    return found if isinstance(found, str) and found.isascii() else ""
