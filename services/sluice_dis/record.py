"""From a message as the driver gives it to a Record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from sluice.event import GAP, Record
from sluice_dis.shape import BEHIND
from sluice_dis.source import shard_of

Message = Mapping[str, Any]
"""`Data` (bytes), `PartitionKey`, `SequenceNumber`, and `ApproximateArrivalTimestamp` (seconds since the epoch), the last where known."""


def records_of(messages: Sequence[Message], source: str, behind_ms: int) -> list[Record]:
    """`position` is the record's own sequence number. All of one read share what it said of how far it was behind."""
    attributes = ((BEHIND, str(behind_ms)),)
    return [
        Record(
            message["Data"],
            source,
            message["SequenceNumber"],
            round(message.get("ApproximateArrivalTimestamp", 0) * 1000),
            message["PartitionKey"].encode(),
            attributes=attributes,
        )
        for message in messages
    ]


def gap_record(source: str, start: str, to: str, policy: str, time_ms: int) -> Record:
    """Stands for what the stream no longer holds: what followed the position `start`, up to `to`."""
    lost = {"shard_id": shard_of(source), "from": start, "to": to, "position_lost": policy}
    return Record(None, source, start, time_ms, id=f"gap:{source}:{start}:{to}", attributes=((GAP, msgspec.json.encode(lost).decode()),))


def pieces(records: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    """The records in parts of at most so many bytes; a larger one is a part alone."""
    start = filled = 0
    for number, record in enumerate(records):
        if number > start and filled + record.size > size:
            yield records[start:number]
            start, filled = number, 0
        filled += record.size
    if records:
        yield records[start:]
