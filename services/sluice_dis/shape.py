"""From records to the event of FunctionGraph's DIS triggers. Pure: the same records give the same bytes."""

import base64
from collections.abc import Sequence

import msgspec

from sluice.binding import Binding
from sluice.event import GAP, Record
from sluice_dis.settings import DisSettings
from sluice_dis.source import shard_of, stream_of

BEHIND = "behind"
"""Attribute with how much older than now the last record of the read was, in milliseconds."""


class _Element(msgspec.Struct, gc=False):
    partition_key: str
    data: bytes
    """JSON has it in base64."""
    sequence_number: str


class _Message(msgspec.Struct, omit_defaults=True, gc=False):
    next_partition_cursor: str
    millis_behind_latest: str
    records: list[_Element]
    gaps: list[msgspec.Raw] = []


class _Event(msgspec.Struct, gc=False):
    ShardID: str
    Tag: str
    StreamName: str
    Message: _Message


def shape(binding: Binding, settings: DisSettings, records: Sequence[Record]) -> bytes:
    """The event of one batch, all of one shard. `next_partition_cursor` says where it ends, `Tag` where the first start began."""
    last = records[-1]
    real = [record for record in records if record.value is not None]
    shard = shard_of(last.source)
    message = _Message(
        base64.b64encode(f"{shard}:{last.position}".encode()).decode(),
        dict(last.attributes).get(BEHIND, ""),
        [_Element((record.key or b"").decode(errors="replace"), record.value or b"", record.position) for record in real],
        [] if len(real) == len(records) else [_gap(record) for record in records if record.value is None],
    )
    return msgspec.json.encode(_Event(shard, settings.sharditerator_type.lower(), stream_of(last.source), message))


def _gap(record: Record) -> msgspec.Raw:
    return msgspec.Raw(dict(record.attributes)[GAP].encode())
