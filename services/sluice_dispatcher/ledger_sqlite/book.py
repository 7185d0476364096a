"""What the ledger's verbs do to its tables, inside one transaction.

Verbs are judged in the order of the calls and gathered in memory; `flush` writes them in few large statements. After the commit comes
`keep`, after a rollback `drop`; the file is the truth, and what is in memory only saves reading it.
"""

import array
from collections.abc import Sequence

import apsw
import msgspec

from sluice.binding import Mode
from sluice.errors import ClaimLost, PartlyKnown, SluiceError
from sluice.event import Event
from sluice.ledger import Claim, Counts, Dead, End, Ended, Pending, Push, Retry, Route, Slice, SourceKey
from sluice.outcome import FailureKind
from sluice_dispatcher.ledger_sqlite.attempts import Attempts
from sluice_dispatcher.ledger_sqlite.block import ID_BYTES, INDEX_BITS, Unreadable, routes_in, sequence_of
from sluice_dispatcher.ledger_sqlite.blocks import Blocks, OpenBlock, shard_of
from sluice_dispatcher.ledger_sqlite.claims import Claims
from sluice_dispatcher.ledger_sqlite.counters import Counters, Functions
from sluice_dispatcher.ledger_sqlite.dead import DeadLetters
from sluice_dispatcher.ledger_sqlite.ends import EndsRing
from sluice_dispatcher.ledger_sqlite.ids import NO_EVENT, Ids, key_of
from sluice_dispatcher.ledger_sqlite.routes import RouteReader, Routes

_INDEX = (1 << INDEX_BITS) - 1
_WRITE_IN_FLIGHT = "INSERT OR REPLACE INTO meta (name, value) VALUES ('in_flight', ?)"
_READ_STORED = (
    """SELECT route, format, accepted_at, ids, bodies, (SELECT urn FROM function WHERE id = block.function) FROM block WHERE id = ?"""
)
_READ_IN_FLIGHT = "SELECT value FROM meta WHERE name = 'in_flight'"


class Book:
    """All tables of one ledger, as its one writer sees them."""

    def __init__(self, connection: apsw.Connection, *, keep_ends: int) -> None:
        self._connection = connection
        self.claims = Claims(connection)
        self.counters = Counters(connection)
        self.functions = Functions(connection)
        self.routes = Routes(connection, self.functions)
        self.blocks = Blocks(connection)
        self.attempts = Attempts(connection)
        self.ends = EndsRing(connection, keep_ends)
        self.dead = DeadLetters(connection)
        self.ids = Ids(connection, self.blocks.is_open)
        self.stale_settles = 0
        self._now = 0.0
        self._in_flight: bytes | None = None
        self._in_flight_staged = False
        self._stores = (
            self.claims,
            self.counters,
            self.functions,
            self.routes,
            self.blocks,
            self.attempts,
            self.ends,
            self.dead,
            self.ids,
        )

    def begin(self, now: float) -> None:
        self._now = now
        self.blocks.begin(now)
        self.ids.begin(now)

    def flush(self) -> None:
        self.counters.flush()
        self.functions.flush()
        self.claims.flush()
        self.blocks.flush()
        self.attempts.flush()
        self.ends.flush()
        self.dead.flush()
        self.ids.flush()
        if self._in_flight is not None:
            self._connection.execute(_WRITE_IN_FLIGHT, (self._in_flight,))
            self._in_flight_staged = True

    def keep(self) -> None:
        for store in self._stores:
            store.keep()
        if self._in_flight_staged:
            self._in_flight, self._in_flight_staged = None, False

    def drop(self) -> None:
        for store in self._stores:
            store.drop()
        self._in_flight_staged = False

    def claim(self, key: SourceKey) -> Claim:
        return self.claims.claim(key)

    def seek(self, key: SourceKey, position: str) -> Claim:
        return self.claims.seek(key, position)

    def accept_slice(self, route: Route, piece: Slice) -> list[Pending]:
        self.claims.judge(piece)
        for event, why in piece.refused:
            self._refuse(route, event, why)
        self.claims.advance(piece)
        return self._add_slice(route, piece)

    def _add_slice(self, route: Route, piece: Slice) -> list[Pending]:
        answer = self._add(route, shard_of(piece.key.source), piece.events)
        if piece.filtered:
            self.counters.of(route.trigger).filtered += piece.filtered
        return answer

    def accept_slices(self, slices: Sequence[tuple[Route, Slice]]) -> list[list[Pending] | SluiceError]:
        answer: list[list[Pending] | SluiceError] = []
        moved = self.claims.move([piece for _, piece in slices])
        for index, (route, piece) in enumerate(slices):
            try:
                answer.append(self._add_slice(route, piece) if index in moved else self.accept_slice(route, piece))
            except ClaimLost as lost:
                answer.append(lost)
        return answer

    def accept_push(self, route: Route, push: Push) -> list[Pending]:
        keys = self._fresh(route.trigger, push)
        events = [event for event, fresh in zip(push.events, keys, strict=False) if fresh is not None]
        answer = self._add(route, shard_of(route.trigger), events)
        added = [fresh for fresh in keys[: len(push.events)] if fresh is not None]
        for pending, own in zip(answer, added, strict=True):
            self.ids.add(own, pending.sequence)
        for (event, why), fresh in zip(push.refused, keys[len(push.events) :], strict=True):
            if fresh is not None:
                self._refuse(route, event, why)
                self.ids.add(fresh, NO_EVENT)
        if push.filtered:
            self.counters.of(route.trigger).filtered += push.filtered
        return answer

    def _fresh(self, trigger: str, push: Push) -> list[Sequence[bytes] | None]:
        """For each event, then for each that is refused, the keys of its ids; None where they are all known. Raises PartlyKnown."""
        count = len(push.events) + len(push.refused)
        if not push.dedupe:
            return [()] * count
        judged: list[Sequence[bytes] | None] = []
        given: set[bytes] = set()
        for names in push.dedupe:
            keys = [key_of(trigger, name) for name in names]
            known = [name for name, key in zip(names, keys, strict=True) if self.ids.seen(key)]
            if known and len(known) < len(keys):
                raise PartlyKnown(known)
            again = given.intersection(keys)
            if again and not again.issuperset(keys):
                raise ValueError("two events of one push share some of their records")
            judged.append(None if known or again else keys)
            given.update(keys)
        if len(judged) != count:
            raise ValueError(f"ids for {len(judged)} of {count} events")
        return judged

    def start(self, pending: Sequence[Pending]) -> None:
        for one in pending:
            block = self._open_block(one.sequence)
            if block is None:
                self.stale_settles += 1
                continue
            bit = 1 << (one.sequence & _INDEX)
            self.attempts.start(one, known=bool(block.attempted & bit))
            block.attempted |= bit

    def settle(self, results: Sequence[Ended | Retry]) -> None:
        for result in results:
            sequence = result.pending.sequence
            block = self._open_block(sequence)
            if block is None:
                self.stale_settles += 1
            elif type(result) is Ended:
                self._end(result, block, sequence)
            elif type(result) is Retry:
                bit = 1 << (sequence & _INDEX)
                self.attempts.retry(result, known=bool(block.attempted & bit))
                block.attempted |= bit

    def redrive(self, dead: Sequence[Dead]) -> list[Pending]:
        answer = []
        for one in dead:
            event = self.dead.redrive(one, self._now)
            if event is not None:
                answer += self._add(one.route, shard_of(one.route.trigger), [event])
        return answer

    def purge(self, numbers: Sequence[int]) -> int:
        return self.dead.remove(numbers)

    def prune(self) -> None:
        """Drop ends and dead letters that are too old, a bounded number at a time."""
        self.ends.prune(self._now)
        self.dead.prune(self._now)

    def set_aside(self, number: int, reason: str) -> None:
        """End what is open in a block that cannot be decoded; the first of its dead events keeps what was stored."""
        block = self.blocks.find(number)
        if block is None:
            return
        routes, accepted_at, ids, stored = self._stored(number, block.count)
        for index in range(block.count):
            if block.open >> index & 1:
                event = Event(ids[index * ID_BYTES : (index + 1) * ID_BYTES].ljust(ID_BYTES, b"\0"), stored)
                ended = Ended(
                    Pending(sequence_of(number, index), routes[index], event, accepted_at),
                    End.DISCARD,
                    self._now,
                    failure=FailureKind.UNREADABLE,
                    message=reason,
                )
                self._end(ended, block, ended.pending.sequence)
                stored = b""

    def in_flight(self, sequences: Sequence[int]) -> None:
        """Written with the next flush."""
        self._in_flight = array.array("q", sequences).tobytes()
        self._in_flight_staged = False

    @property
    def unwritten(self) -> bool:
        """Whether `in_flight` said something that no commit has written."""
        return self._in_flight is not None

    def _add(self, route: Route, shard: int, events: Sequence[Event]) -> list[Pending]:
        if not events:
            return []
        known = self.routes.known(route)
        answer = self.blocks.add(route, known, shard, events)
        self.functions.add(known.function, len(answer))
        self.counters.of(route.trigger).received += len(answer)
        return answer

    def _refuse(self, route: Route, event: Event, why: str) -> None:
        known = self.routes.known(route)
        pending = Pending(0, route, event, self._now)
        self.dead.add(Ended(pending, End.DISCARD, self._now, failure=FailureKind.REFUSED, message=why), known.route, b"")
        counts = self.counters.of(route.trigger)
        counts.received += 1
        counts.discarded += 1

    def _stored(self, number: int, count: int) -> tuple[list[Route], float, bytes, bytes]:
        beside, form, accepted_at, ids, stored, urn = self._connection.execute(_READ_STORED, (number,)).get
        try:
            numbers = routes_in(form, stored, beside)
        except Unreadable:
            numbers = []
        if len(numbers) != count:
            numbers = [beside] * count
        reader = RouteReader(self._connection)
        return [_readable(reader, route, urn or "") for route in numbers], accepted_at, ids, stored

    def _open_block(self, sequence: int) -> OpenBlock | None:
        """The block of an event that has not ended."""
        block = self.blocks.find(sequence >> INDEX_BITS)
        return block if block is not None and block.open >> (sequence & _INDEX) & 1 else None

    def _end(self, ended: Ended, block: OpenBlock, sequence: int) -> None:
        bit = 1 << (sequence & _INDEX)
        steps = self.attempts.end(sequence) if block.attempted & bit else b""
        block.open ^= bit
        self.blocks.touch(sequence >> INDEX_BITS)
        self.functions.add(block.function, -1)
        route = ended.pending.route
        _count(self.counters.of(route.trigger), ended.end)
        number = self.routes.known(route).route
        if ended.end is End.SUCCESS:
            self.ends.add(ended, number, steps)
        else:
            self.dead.add(ended, number, steps)


def read_in_flight(connection: apsw.Connection) -> frozenset[int]:
    stored = connection.execute(_READ_IN_FLIGHT).get
    sequences = array.array("q")
    sequences.frombytes(stored or b"")
    return frozenset(sequences)


def _readable(reader: RouteReader, number: int, function: str) -> Route:
    try:
        return reader.route(number)
    except msgspec.DecodeError:
        return Route("", "", function, Mode.ASYNC)


def _count(counts: Counts, end: End) -> None:
    if end is End.SUCCESS:
        counts.success += 1
    elif end is End.FAIL:
        counts.failed += 1
    else:
        counts.discarded += 1
