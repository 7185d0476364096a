"""From a message as the server gives it to a Record."""

import re
import secrets

import msgspec

from sluice.event import Record
from sluice_rocketmq.broker import Message
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.shape import METADATA

TRACE = "traceparent"
"""W3C's name of a trace's user property."""
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Recorder:
    """Makes records of one run's messages. A message without an id of its own is named by run and tag: it is another one when it is given
    out again."""

    def __init__(self, settings: RocketSettings) -> None:
        self._settings = settings
        self._run = secrets.token_hex(6)

    def record(self, message: Message, tag: int, now_ms: int) -> Record:
        settings = self._settings
        key = message.group or (message.keys[0] if message.keys else "")
        return Record(
            message.body,
            message.topic,
            f"{self._run}-{tag}",
            message.born_ms or now_ms,
            key=key.encode() if key else None,
            id=message.id if settings.deduplicate else "",
            trace=_trace(message),
            attributes=((METADATA, _metadata(message)),) if settings.metadata else (),
        )


def _metadata(message: Message) -> str:
    told = {
        "message_id": message.id,
        "tag": message.tag,
        "keys": message.keys,
        "message_group": message.group,
        "timestamp": message.born_ms,
        "attempt": message.attempt,
        "properties": message.properties,
    }
    return msgspec.json.encode(told).decode()


def _trace(message: Message) -> str:
    """Its own property, else what the protocol has for it."""
    found = message.properties.get(TRACE) or message.trace
    return found if _TRACE.fullmatch(found) else ""
