"""Blocks with open events: new ones are filled in the order of the calls, old ones are crossed off event by event.

Sequences of one function grow in the order of the calls, so that its queue may hand over to pages of the store at any of them.
"""

import zlib
from collections.abc import Sequence
from itertools import islice

import apsw

from sluice.event import Event
from sluice.ledger import SHARDS, Pending, Route
from sluice_dispatcher.ledger_sqlite.attempts import attempted_bits
from sluice_dispatcher.ledger_sqlite.block import FORMAT, INDEX_BITS, MAX_BYTES, MAX_EVENTS, encode_bodies, encode_ids, sequence_of
from sluice_dispatcher.ledger_sqlite.routes import Known

REMEMBERED = 32_768
"""Blocks whose open events are kept in memory; the others are read again when one of theirs ends."""
RESERVED = 1_000_000
"""Block numbers are set aside this many at a time, so that none is ever given twice."""

_ADD = """INSERT INTO block (id, function, shard, route, format, count, bytes, accepted_at, ids, bodies)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_READ = "SELECT function, count, (SELECT open FROM partial WHERE block = block.id) FROM block WHERE id = ?"
_DELETE = "DELETE FROM block WHERE id = ?"
_WRITE_PARTIAL = "INSERT OR REPLACE INTO partial (block, open) VALUES (?, ?)"
_DELETE_PARTIAL = "DELETE FROM partial WHERE block = ?"
_READ_NEXT = "SELECT value FROM meta WHERE name = 'next_block'"
_WRITE_NEXT = "INSERT OR REPLACE INTO meta (name, value) VALUES ('next_block', ?)"


def shard_of(source: str) -> int:
    """A block's shard is that of its source, or of the trigger that pushed it; the lanes of a source stay together in it."""
    return zlib.crc32(source.encode("utf-8", "surrogatepass")) % SHARDS


class OpenBlock:
    """Which events of a block have not ended (`open`) and which have a row of attempts (`attempted`), as bits."""

    __slots__ = ("attempted", "count", "function", "open", "partial")

    def __init__(self, function: int, count: int, open_bits: int, attempted: int = 0, partial: bool = False) -> None:
        self.function = function
        self.count = count
        self.open = open_bits
        self.attempted = attempted
        self.partial = partial


class _Draft:
    """A block that the transaction at hand fills. `routes` has the number of each event's route once they are not all the first one's."""

    __slots__ = ("events", "known", "number", "routes", "shard", "size")

    def __init__(self, number: int, known: Known, shard: int) -> None:
        self.number = number
        self.known = known
        self.shard = shard
        self.events: list[Event] = []
        self.routes: list[int] | None = None
        self.size = 0

    def has_room(self, size: int) -> bool:
        return not self.events or (len(self.events) < MAX_EVENTS and self.size + size <= MAX_BYTES)

    def route(self, number: int) -> None:
        """The event that was just added has this route, not the first one's, or comes behind one that has not."""
        if self.routes is None:
            self.routes = [self.known.route] * (len(self.events) - 1)
        self.routes.append(number)


class Blocks:
    """What is open, crossed off with the transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._known: dict[int, OpenBlock] = {}
        self._touched: set[int] = set()
        self._drafts: dict[int, _Draft] = {}
        """The last one of each function."""
        self._filled: list[_Draft] = []
        self._accepted_at = 0.0
        self._next = int(connection.execute(_READ_NEXT).get or 1)
        self._reserved = self._next

    def begin(self, now: float) -> None:
        self._accepted_at = now

    def add(self, route: Route, known: Known, shard: int, events: Sequence[Event]) -> list[Pending]:
        """Open events in their blocks, in order."""
        answer = []
        draft, at = self._draft(known, shard), self._accepted_at
        for event in events:
            size = len(event.body)
            if not draft.has_room(size):
                draft = self._open(known, shard)
            answer.append(Pending(draft.number << INDEX_BITS | len(draft.events), route, event, at))
            draft.events.append(event)
            draft.size += size
            if draft.routes is not None or known.route != draft.known.route:
                draft.route(known.route)
        return answer

    def find(self, block: int) -> OpenBlock | None:
        """None when all its events have ended."""
        known = self._known.get(block)
        return known if known is not None else self._load(block)

    def is_open(self, sequence: int) -> bool:
        known = self.find(sequence >> INDEX_BITS)
        return known is not None and known.open >> (sequence & (1 << INDEX_BITS) - 1) & 1 == 1

    def touch(self, block: int) -> None:
        self._touched.add(block)

    def flush(self) -> None:
        if self._filled:
            self._connection.executemany(_ADD, [self._row(draft) for draft in self._filled])
        if self._next > self._reserved:
            self._reserved = self._next + RESERVED
            self._connection.execute(_WRITE_NEXT, (self._reserved,))
        if self._touched:
            self._cross_off()

    def keep(self) -> None:
        for draft in self._filled:
            count = len(draft.events)
            self._known[draft.number] = OpenBlock(draft.known.function, count, (1 << count) - 1)
        for block in self._touched:
            if not self._known[block].open:
                del self._known[block]
        self._clear()
        self._forget_oldest()

    def drop(self) -> None:
        self._known.clear()
        self._clear()
        self._reserved = int(self._connection.execute(_READ_NEXT).get or 1)

    def _cross_off(self) -> None:
        known = self._known
        ended = [(block,) for block in self._touched if not known[block].open]
        changed = [block for block in self._touched if known[block].open]
        if ended:
            self._connection.executemany(_DELETE, ended)
            partial = [row for row in ended if known[row[0]].partial]
            if partial:
                self._connection.executemany(_DELETE_PARTIAL, partial)
        if changed:
            self._connection.executemany(_WRITE_PARTIAL, [(block, _to_bytes(known[block])) for block in changed])
            for block in changed:
                known[block].partial = True

    def _draft(self, known: Known, shard: int) -> _Draft:
        """The function's last block goes on being filled only by the same shard: its sequences keep the order of the calls."""
        draft = self._drafts.get(known.function)
        if draft is None or draft.shard != shard:
            draft = self._open(known, shard)
        return draft

    def _open(self, known: Known, shard: int) -> _Draft:
        draft = _Draft(self._next, known, shard)
        self._next += 1
        self._drafts[known.function] = draft
        self._filled.append(draft)
        return draft

    def _row(self, draft: _Draft) -> tuple[int | float | bytes, ...]:
        events, known = draft.events, draft.known
        head = (draft.number, known.function, draft.shard, known.route, FORMAT, len(events), draft.size, self._accepted_at)
        return (*head, encode_ids(events), encode_bodies(events, draft.routes))

    def _load(self, block: int) -> OpenBlock | None:
        row = self._connection.execute(_READ, (block,)).get
        if row is None:
            return None
        function, count, partial = row
        bits = (1 << count) - 1 if partial is None else int.from_bytes(partial, "little")
        first = sequence_of(block, 0)
        attempted = attempted_bits(self._connection, first, first + count)
        found = self._known[block] = OpenBlock(function, count, bits, attempted, partial is not None)
        return found

    def _clear(self) -> None:
        self._touched.clear()
        self._drafts.clear()
        self._filled = []

    def _forget_oldest(self) -> None:
        surplus = len(self._known) - REMEMBERED
        for block in list(islice(self._known, max(0, surplus))):
            del self._known[block]


def _to_bytes(block: OpenBlock) -> bytes:
    return block.open.to_bytes((block.count + 7) // 8, "little")
