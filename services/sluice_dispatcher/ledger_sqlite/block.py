"""How events lie in the file: many in one block, never a row an event.

A block is what one commit accepted of one function and shard, one after the other. Its 16-byte ids stand in a column of their own, so that
an event is found without reading bodies. The bodies follow each other as they are, after a small header of what else is needed on the way.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from sluice.event import Event

T = TypeVar("T")

FORMAT = 2
"""Written with each block; this and the one before it can be read."""

ID_BYTES = 16
INDEX_BITS = 16
MAX_EVENTS = 512
MAX_BYTES = 1024 * 1024
"""A block closes at either bound; a larger event has a block of its own."""

_HEADER_LENGTH = 4


class Unreadable(Exception):
    """What is stored cannot be decoded; it is set aside and stops nothing."""


class _Header(msgspec.Struct, array_like=True):
    lengths: list[int]
    lanes: str | list[str]
    """One for all, or one each; so with the others."""
    records: int | list[int]
    traces: str | list[str]
    choices: str | list[str] = ""
    """Since format 2."""
    routes: list[int] = []
    """Since format 2: the number of each event's route, where they are not all the one that stands beside the block."""


_encode_header = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(_Header).decode


def sequence_of(block: int, index: int) -> int:
    return block << INDEX_BITS | index


def block_of(sequence: int) -> int:
    return sequence >> INDEX_BITS


def index_of(sequence: int) -> int:
    return sequence & (1 << INDEX_BITS) - 1


def encode_ids(events: Sequence[Event]) -> bytes:
    return b"".join([event.id for event in events])


def encode_bodies(events: Sequence[Event], routes: list[int] | None = None) -> bytes:
    """`routes` has the number of each event's route, unless all have the same."""
    header = _encode_header(
        _Header(
            [len(event.body) for event in events],
            _one_or_all([event.lane for event in events]),
            _one_or_all([event.records for event in events]),
            _one_or_all([event.trace for event in events]),
            _one_or_all([event.choice for event in events]),
            routes or [],
        )
    )
    return b"".join([len(header).to_bytes(_HEADER_LENGTH, "big"), header, *[event.body for event in events]])


def decode(form: int, ids: bytes, bodies: bytes) -> list[Event]:
    """The events of a block, of this format or the one before. Raises Unreadable."""
    decoder = _DECODERS.get(form)
    if decoder is None:
        raise Unreadable(f"block format {form} is not known")
    try:
        return decoder(ids, bodies)
    except (msgspec.DecodeError, ValueError, IndexError) as error:
        raise Unreadable(str(error)) from error


def routes_in(form: int, bodies: bytes, beside: int) -> list[int]:
    """The number of the route of each event of a block that has `beside` standing beside it. Raises Unreadable."""
    if form not in _DECODERS:
        raise Unreadable(f"block format {form} is not known")
    try:
        header, _ = _header(bodies)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error
    return _each(header.routes or beside, len(header.lengths))


def find_id(ids: bytes, wanted: bytes) -> int:
    """The index of an id among concatenated ones, or -1."""
    at = ids.find(wanted)
    while at >= 0 and at % ID_BYTES:
        at = ids.find(wanted, at + 1)
    return at // ID_BYTES if at >= 0 else -1


def _decode(ids: bytes, bodies: bytes) -> list[Event]:
    header, start = _header(bodies)
    count = len(header.lengths)
    if len(ids) != count * ID_BYTES or len(bodies) != start + sum(header.lengths):
        raise Unreadable("the lengths in its header do not fit")
    lanes, records = _each(header.lanes, count), _each(header.records, count)
    traces, choices = _each(header.traces, count), _each(header.choices, count)
    events = []
    for index, length in enumerate(header.lengths):
        identity = ids[index * ID_BYTES : (index + 1) * ID_BYTES]
        events.append(Event(identity, bodies[start : start + length], lanes[index], records[index], traces[index], choices[index]))
        start += length
    return events


def _header(bodies: bytes) -> tuple[_Header, int]:
    """The header, and where the bodies begin."""
    start = _HEADER_LENGTH + int.from_bytes(bodies[:_HEADER_LENGTH], "big")
    return _decode_header(bodies[_HEADER_LENGTH:start]), start


def _one_or_all(values: list[T]) -> T | list[T]:
    return values[0] if values.count(values[0]) == len(values) else values


def _each(value: T | list[T], count: int) -> list[T]:
    values = value if isinstance(value, list) else [value] * count
    if len(values) != count:
        raise Unreadable("its header has lists of different lengths")
    return values


_DECODERS: dict[int, Callable[[bytes, bytes], list[Event]]] = {1: _decode, 2: _decode}
