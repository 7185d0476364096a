"""Slices on their way into messages, and out of them. A slice over the size of a message travels in parts."""

from collections import deque
from collections.abc import Iterator, Sequence

from sluice.event import Event
from sluice.ledger import Slice, SourceKey
from sluice.v1 import dispatch_pb2
from sluice.wire.columns import Malformed
from sluice.wire.events import MAX_BODY_BYTES, fitting, pack_events, unpack_events
from sluice.wire.pace import Pace


class Parcel:
    """A slice under way. `number` names it in its outcome, `source` its source on this stream."""

    __slots__ = ("_begun", "_events", "_left", "count", "number", "piece", "size", "source")

    def __init__(self, number: int, source: int, piece: Slice) -> None:
        self.number = number
        self.source = source
        self.piece = piece
        sizes = [len(event.body) for event in piece.events]
        self._events = [fitting(event) for event in piece.events] if max(sizes, default=0) > MAX_BODY_BYTES else piece.events
        self._begun = 0
        self.count = max(1, len(sizes))
        self.size = self._left = sum(sizes)

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
        self._left = sum([len(event.body) for event in left[end:]])
        return left[:end], end == len(left)

    def message(self, count: int, *, more: bool) -> dispatch_pb2.Slice:
        if more:
            return dispatch_pb2.Slice(number=self.number, count=count, more=True)
        piece = self.piece
        return dispatch_pb2.Slice(
            number=self.number,
            source=self.source,
            epoch=piece.epoch,
            start=piece.start,
            to=piece.to,
            filtered=piece.filtered,
            count=count,
        )


def fill(ready: deque[Parcel], pace: Pace) -> dispatch_pb2.SliceBatch:
    """Take from the front what one message holds; an event larger than a message goes alone."""
    slices: list[dispatch_pb2.Slice] = []
    taken: list[Event] = []
    events, size = pace.events, pace.size
    while ready and events > 0:
        parcel = ready[0]
        part, whole = parcel.part(events, size, alone=not slices)
        if not part and not whole:
            break
        slices.append(parcel.message(len(part), more=not whole))
        taken.extend(part)
        events -= max(1, len(part))
        size -= sum([len(event.body) for event in part])
        if not whole:
            break
        ready.popleft()
    return dispatch_pb2.SliceBatch(slices=slices, events=pack_events(taken) if taken else None)


class Assembly:
    """The receiving end: sources by their numbers, and slices whole."""

    def __init__(self) -> None:
        self._sources: dict[int, SourceKey] = {}
        self._parts: dict[int, list[Event]] = {}

    def name(self, source: dispatch_pb2.Source) -> SourceKey:
        key = SourceKey(source.key.trigger, source.key.incarnation, source.key.source)
        self._sources[source.number] = key
        return key

    def take(self, batch: dispatch_pb2.SliceBatch) -> Iterator[tuple[int, Slice]]:
        """The slices whose last part is here, by number. Raises Malformed."""
        events = unpack_events(batch.events)
        begun = 0
        for packed in batch.slices:
            end = begun + packed.count
            piece = self._take(packed, events[begun:end])
            begun = end
            if piece is not None:
                yield packed.number, piece
        if begun != len(events):
            raise Malformed(f"{len(events)} events for slices of {begun}")

    def _take(self, packed: dispatch_pb2.Slice, events: list[Event]) -> Slice | None:
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
