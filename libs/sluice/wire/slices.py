"""Slices on their way into messages, and out of them. A slice over the size of a message travels in parts."""

from collections import deque
from collections.abc import Sequence

from sluice.event import Event
from sluice.ledger import Slice, SourceKey
from sluice.v1 import dispatch_pb2
from sluice.wire.columns import Malformed
from sluice.wire.events import fitting, pack_events, unpack_events
from sluice.wire.pace import Pace


class Parcel:
    """A slice under way. `number` names it in its outcome, `source` its source on this stream."""

    __slots__ = ("_begun", "_events", "_left", "count", "number", "piece", "size", "source")

    def __init__(self, number: int, source: int, piece: Slice) -> None:
        self.number = number
        self.source = source
        self.piece = piece
        self._events = [fitting(event) for event in piece.events]
        self._begun = 0
        self.count = max(1, len(self._events))
        self.size = self._left = sum([len(event.body) for event in self._events])

    def part(self, events: int, size: int, *, alone: bool) -> tuple[Sequence[Event], bool]:
        """The next of its events that fit into `events` and `size`, and whether it is the rest. `alone`: at least one."""
        begun = self._begun
        left = self._events[begun:] if begun else self._events
        if len(left) <= events and self._left <= size:
            return left, True
        end = 0
        for event in left:
            size -= len(event.body)
            if end >= events or (size < 0 and not (alone and end == 0)):
                break
            end += 1
        self._begun = begun + end
        self._left -= sum([len(event.body) for event in left[:end]])
        return left[:end], end == len(left)

    def message(self, events: Sequence[Event], *, more: bool) -> dispatch_pb2.Slice:
        packed = pack_events(events) if events else None
        if more:
            return dispatch_pb2.Slice(number=self.number, events=packed, more=True)
        piece = self.piece
        return dispatch_pb2.Slice(
            number=self.number,
            source=self.source,
            epoch=piece.epoch,
            start=piece.start,
            to=piece.to,
            filtered=piece.filtered,
            events=packed,
        )


def fill(ready: deque[Parcel], pace: Pace) -> list[dispatch_pb2.Slice]:
    """Take from the front what one message holds; an event larger than a message goes alone."""
    slices: list[dispatch_pb2.Slice] = []
    events, size = pace.events, pace.size
    while ready and events > 0:
        parcel = ready[0]
        part, whole = parcel.part(events, size, alone=not slices)
        if not part and not whole:
            break
        slices.append(parcel.message(part, more=not whole))
        events -= max(1, len(part))
        size -= sum([len(event.body) for event in part])
        if not whole:
            break
        ready.popleft()
    return slices


class Assembly:
    """The receiving end: sources by their numbers, and slices whole."""

    def __init__(self) -> None:
        self._sources: dict[int, SourceKey] = {}
        self._parts: dict[int, list[Event]] = {}

    def name(self, source: dispatch_pb2.Source) -> SourceKey:
        key = SourceKey(source.key.trigger, source.key.incarnation, source.key.source)
        self._sources[source.number] = key
        return key

    def take(self, packed: dispatch_pb2.Slice) -> Slice | None:
        """The slice, once its last part is here. Raises Malformed."""
        events = unpack_events(packed.events) if packed.HasField("events") else []
        if packed.more or packed.number in self._parts:
            events = [*self._parts.pop(packed.number, ()), *events]
        if packed.more:
            self._parts[packed.number] = events
            return None
        key = self._sources.get(packed.source)
        if key is None:
            raise Malformed(f"source {packed.source} was never named")
        start = packed.start if packed.HasField("start") else None
        return Slice(key, packed.epoch, start, packed.to, events, packed.filtered)
