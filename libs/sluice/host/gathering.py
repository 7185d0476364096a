"""Records of sources without positions, gathered into events. Whoever delivers a record is answered for it alone."""

import asyncio
import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sluice.binding import Binding
from sluice.dispatch import Dispatch
from sluice.event import Record
from sluice.host.batching import Batching
from sluice.outcome import DONE, Outcome, Verdict

_CONFUSED = Outcome(Verdict.RETRY, "the dispatcher knows records of another event", 1.0)
_CLOSING = Outcome(Verdict.RETRY, "the dispatcher is being closed", 1.0)


class _Entry(NamedTuple):
    """A record, and what its deliverer waits for. An answer that is done before the record was pushed means that nobody waits any more."""

    record: Record
    answer: asyncio.Future[Outcome]


class _Lane:
    """What is gathered of one lane. `busy` while an event of an ordered one is under way: what comes behind it waits, because a part of
    that event may have to be pushed again. `late`: it has waited long enough but for that."""

    __slots__ = ("busy", "entries", "late", "size")

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self.size = 0
        self.busy = False
        self.late = False

    def put_back(self, entries: list[_Entry]) -> None:
        """In front, to go on with at once."""
        self.entries[:0] = entries
        self.size += sum(entry.record.size for entry in entries)
        self.late = bool(self.entries)


class Gathering:
    """Events of what is delivered in one turn of the event loop, or within the binding's `linger`: at most `batch_size` records and
    `Batching.batch_bytes` each, and none of two lanes."""

    __slots__ = ("_batching", "_dispatch", "_due", "_lanes", "_linger_s", "_loop", "_most", "_pushing", "_trigger", "_wait_s")

    def __init__(self, binding: Binding, dispatch: Dispatch, batching: Batching, wait_s: float = math.inf) -> None:
        self._trigger = binding.trigger
        self._most = binding.batch_size
        self._linger_s = binding.linger_s
        self._dispatch = dispatch
        self._batching = batching
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[str, _Lane] = {}
        self._due: asyncio.Handle | None = None
        self._wait_s = wait_s
        self._pushing: set[asyncio.Future[Outcome]] = set()

    def deliver(self, record: Record) -> "asyncio.Future[Outcome]":
        """The outcome of the event that the record becomes a part of. Cancelling it takes the record out, if it was not yet pushed."""
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        name = self._batching.lane(record)
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane()
        lane.entries.append(_Entry(record, answer))
        lane.size += record.size
        if len(lane.entries) >= self._most or lane.size >= self._batching.batch_bytes:
            self._flush(name, lane)
        elif self._due is None:
            self._due = self._later()
        return answer

    def close(self) -> None:
        """Nobody is answered any more. What was pushed comes to its end, but for what still waits for room: it is taken back."""
        if self._due is not None:
            self._due.cancel()
        for lane in self._lanes.values():
            for entry in lane.entries:
                entry.answer.cancel()
        self._lanes.clear()
        for pushing in self._pushing:
            pushing.cancel()

    def _later(self) -> asyncio.Handle:
        return self._loop.call_later(self._linger_s, self._flush_all) if self._linger_s else self._loop.call_soon(self._flush_all)

    def _flush_all(self) -> None:
        self._due = None
        for name, lane in list(self._lanes.items()):
            self._flush(name, lane)

    def _flush(self, name: str, lane: _Lane) -> None:
        if lane.busy:
            lane.late = True
            return
        entries = [entry for entry in lane.entries if not entry.answer.done()]
        lane.entries, lane.size, lane.late = [], 0, False
        if not name or not entries:
            del self._lanes[name]
            for batch in self._cut(entries):
                self._push(name, batch)
            return
        lane.busy = True
        batch, *rest = self._cut(entries)
        lane.put_back([entry for later in rest for entry in later])
        self._push(name, batch)

    def _cut(self, entries: list[_Entry]) -> list[list[_Entry]]:
        """They are all of one lane, so batches are runs of them."""
        batches, begun = [], 0
        for records in self._batching.cut([entry.record for entry in entries]):
            batches.append(entries[begun : begun + len(records)])
            begun += len(records)
        return batches

    def _push(self, name: str, entries: list[_Entry]) -> None:
        try:
            records, ids = _apart([entry.record for entry in entries])
            event = self._batching.delivered(records)
            if len(event.body) > self._batching.event_bytes and len(entries) > 1:
                self._halve(name, entries)
                return
            pushing = asyncio.ensure_future(self._dispatch.push(self._trigger, event, ids, self._wait_s))
        except Exception as error:
            self._tell(name, entries, error)
        else:
            self._pushing.add(pushing)
            pushing.add_done_callback(partial(self._answered, name, entries))

    def _halve(self, name: str, entries: list[_Entry]) -> None:
        """Together they are too large for an event only in the shape that their kind gives them."""
        middle = len(entries) // 2
        lane = self._lanes.get(name)
        if lane is None or not lane.busy:
            self._push(name, entries[:middle])
            self._push(name, entries[middle:])
            return
        lane.put_back(entries[middle:])
        self._push(name, entries[:middle])

    def _answered(self, name: str, entries: list[_Entry], pushing: "asyncio.Future[Outcome]") -> None:
        self._pushing.discard(pushing)
        if pushing.cancelled():
            self._tell(name, entries, _CLOSING)
        elif error := pushing.exception():
            self._tell(name, entries, error)
        elif known := frozenset(pushing.result().known):
            self._push_others(name, entries, known)
        else:
            self._tell(name, entries, pushing.result())

    def _push_others(self, name: str, entries: list[_Entry], known: frozenset[str]) -> None:
        """Of what was redelivered in other batches some had been accepted: that is done."""
        others = []
        for entry in entries:
            if entry.record.id not in known:
                others.append(entry)
            elif not entry.answer.done():
                entry.answer.set_result(DONE)
        if others and len(others) < len(entries):
            self._push(name, others)
        else:
            self._tell(name, others, _CONFUSED if others else DONE)

    def _tell(self, name: str, entries: Sequence[_Entry], what: Outcome | BaseException) -> None:
        lane = self._lanes.get(name) if name else None
        if lane is not None and not (isinstance(what, Outcome) and what.verdict is not Verdict.RETRY):
            # those behind must not overtake it
            entries = [*entries, *lane.entries]
            lane.entries, lane.size = [], 0
        for entry in entries:
            if entry.answer.done():
                continue
            if isinstance(what, BaseException):
                entry.answer.set_exception(what)
            else:
                entry.answer.set_result(what)
        if lane is not None:
            lane.busy = False
            if lane.late or not lane.entries:
                self._flush(name, lane)


def _apart(records: list[Record]) -> tuple[Sequence[Record], tuple[str, ...]]:
    """The records, one of each id, and the ids."""
    ids = [record.id for record in records if record.id]
    once = dict.fromkeys(ids)
    if len(once) == len(ids):
        return records, tuple(ids)
    given: set[str] = set()
    kept = []
    for record in records:
        if record.id not in given:
            kept.append(record)
        if record.id:
            given.add(record.id)
    return kept, tuple(once)
