"""From a message as the driver gives it to a Record."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sluice.event import GAP, Record
from sluice.text import text
from sluice_kafka.shape import HEADERS
from sluice_kafka.source import partition_of

Headers = Sequence[tuple[str, bytes | None]]


class Message(Protocol):
    """What we read of the driver's message."""

    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers


def record_of(message: Message, source: str, metadata: bool) -> Record:
    """`position` is the message's own offset. A message without a timestamp has time 0."""
    headers, time_ms = message.headers, message.timestamp
    if time_ms is None or time_ms < 0:
        time_ms = 0
    if not headers:
        return Record(message.value, source, str(message.offset), time_ms, message.key)
    attributes = ((HEADERS, _headers_text(headers)),) if metadata else ()
    return Record(message.value, source, str(message.offset), time_ms, message.key, "", _trace(headers), attributes)


def gap_record(source: str, start: int, to: int, policy: str, time_ms: int) -> Record:
    """Stands for what the log no longer holds: `start` was to be read next, and reading goes on at `to`."""
    lost = {"partition": partition_of(source), "from": start, "to": to, "position_lost": policy}
    return Record(
        None, source, str(start), time_ms, id=f"gap:{source}:{start}:{to}", attributes=((GAP, msgspec.json.encode(lost).decode()),)
    )


def _trace(headers: Headers) -> str:
    for name, value in headers:
        if name == "traceparent" and value is not None and value.isascii():
            return value.decode()
    return ""


def _headers_text(headers: Headers) -> str:
    pairs = [(name, None if value is None else text(value)) for name, value in headers]
    return msgspec.json.encode(pairs).decode()
