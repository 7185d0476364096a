"""From a message as the driver gives it to a Record."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sluice.event import Record
from sluice_kafka.shape import GAP, HEADERS, text

Headers = Sequence[tuple[str, bytes | None]]


class Message(Protocol):
    """What we read of the driver's message."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def record_of(message: Message, source: str, metadata: bool) -> Record:
    """`position` is the message's own offset. A message without a timestamp has time 0."""
    headers = message.headers
    if not headers:
        return Record(message.value, source, str(message.offset), max(message.timestamp or 0, 0), message.key)
    return Record(
        message.value,
        source,
        str(message.offset),
        max(message.timestamp or 0, 0),
        message.key,
        trace=_trace(headers),
        attributes=((HEADERS, _headers_text(headers)),) if metadata else (),
    )


def gap_record(source: str, start: int, to: int, policy: str, time_ms: int) -> Record:
    """Stands for what the log no longer holds: `start` was to be read next, and reading goes on at `to`."""
    partition = int(source.rpartition("/")[2])
    lost = {"partition": partition, "from": start, "to": to, "position_lost": policy}
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
