"""From records to events: filter, cut into batches, name and place each. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from sluice.binding import Binding, Ordering
from sluice.event import MAX_BATCH_BYTES, MAX_EVENT_BYTES, Event, Record, event_ids, random_id
from sluice.filters import Match
from sluice.tracing import NoTraces, Traces

LONGEST_KEY = 64
MOST_SOURCES = 1024
"""Sources of one trigger whose id maker is kept ready."""

ShapeOf = Callable[[Sequence[Record]], bytes]


class Batching:
    """The batches of one binding. A process may have a hundred thousand of these, so they are small until records come."""

    __slots__ = ("_binding", "_ids", "_make_own", "_match", "_new_trace", "_shape", "batch_bytes", "event_bytes")

    def __init__(
        self,
        binding: Binding,
        shape: ShapeOf,
        match: Match | None,
        traces: Traces | None = None,
        *,
        event_bytes: int = MAX_EVENT_BYTES,
        batch_bytes: int = MAX_BATCH_BYTES,
    ) -> None:
        """`event_bytes` and `batch_bytes` are those of the kind (sluice.trigger.TriggerKind)."""
        self._binding = binding
        self._shape = shape
        self._match = match
        self.event_bytes = event_bytes
        self.batch_bytes = batch_bytes
        self._new_trace = (traces or NoTraces()).sampled
        self._make_own: Callable[[str | bytes], bytes] | None = None
        self._ids: dict[str, Callable[[str | bytes], bytes]] = {}

    def kept(self, records: Sequence[Record]) -> Sequence[Record]:
        """Those that match the filter; and whatever it says, those that are refused, and those that tell of a gap."""
        match = self._match
        return records if match is None else [record for record in records if not match(record) or record.refused or record.is_gap]

    def cut(self, records: Sequence[Record]) -> list[Sequence[Record]]:
        """Batches of at most `batch_size` records and `batch_bytes`; by key where keys are the lanes. A larger record is a batch alone,
        and so is one that is refused."""
        if self._binding.batch_size == 1:
            return [(record,) for record in records]
        if self._binding.ordering is not Ordering.KEY:
            return list(self._cut(records))
        by_key: dict[bytes | None, list[Record]] = {}
        for record in records:
            by_key.setdefault(record.key, []).append(record)
        return [batch for same in by_key.values() for batch in self._cut(same)]

    def _cut(self, records: Sequence[Record]) -> Iterable[Sequence[Record]]:
        batch: list[Record] = []
        size = 0
        for record in records:
            alone = bool(record.refused or (batch and batch[0].refused))
            if batch and (alone or len(batch) >= self._binding.batch_size or size + record.size > self.batch_bytes):
                yield batch
                batch, size = [], 0
            batch.append(record)
            size += record.size
        if batch:
            yield batch

    def events(self, records: Sequence[Record]) -> list[Event]:
        """The events of records of a source, cut into batches."""
        if self._binding.batch_size == 1:
            return [self.event((record,)) for record in records]
        return [event for batch in self.cut(records) for event in self._fitting(batch)]

    def _fitting(self, batch: Sequence[Record]) -> Iterable[Event]:
        """One event, or several if their shape makes the records together too large for one."""
        event = self.event(batch)
        if len(event.body) <= self.event_bytes or len(batch) == 1:
            return (event,)
        middle = len(batch) // 2
        return (*self._fitting(batch[:middle]), *self._fitting(batch[middle:]))

    def event(self, batch: Sequence[Record]) -> Event:
        """The event of one batch. Its id comes from the first record's own id, or from where that record stands."""
        first = batch[0]
        return self._event(self._own(first.id) if first.id else self._maker(first.source)(first.position), first, batch)

    def delivered(self, batch: Sequence[Record]) -> Event:
        """The event of one batch of a source without positions. A first record without an id of its own gives it a random one: it may come
        again, in another batch, although it was accepted, and no two events may have one id."""
        first = batch[0]
        return self._event(self._own(first.id) if first.id else random_id(), first, batch)

    def _event(self, name: bytes, first: Record, batch: Sequence[Record]) -> Event:
        return Event(name, self._shape(batch), self.lane(first), len(batch), first.trace or self._new_trace(), "", first.refused)

    def _own(self, name: str) -> bytes:
        make = self._make_own
        if make is None:
            make = self._make_own = event_ids(self._binding.trigger, self._binding.incarnation)
        return make(name)

    def _maker(self, source: str) -> Callable[[str | bytes], bytes]:
        """From a position of the source to the id of the event there."""
        make = self._ids.get(source)
        if make is None:
            if len(self._ids) >= MOST_SOURCES:
                self._ids.clear()
            make = self._ids[source] = event_ids(self._binding.trigger, self._binding.incarnation, "", source)
        return make

    def lane(self, record: Record) -> str:
        """Events of one lane run one after another; "" for no lane."""
        ordering = self._binding.ordering
        if ordering is Ordering.NONE:
            return ""
        if ordering is Ordering.SOURCE or record.key is None:
            return f"{self._binding.trigger}/{record.source}"
        key = record.key if len(record.key) <= LONGEST_KEY else hashlib.sha1(record.key, usedforsecurity=False).digest()
        return f"{self._binding.trigger}#{key.hex()}"
