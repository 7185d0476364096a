"""Reading what is open beside the writer: a connection of its own, short pages, in a thread that is not the event loop's."""

from collections.abc import Iterator
from typing import NamedTuple

import apsw
import msgspec

from sluice.event import Event
from sluice.ledger import Page, Pending, Route
from sluice_dispatcher.ledger_sqlite.attempts import read_range
from sluice_dispatcher.ledger_sqlite.block import Unreadable, block_of, decode, index_of, routes_in, sequence_of
from sluice_dispatcher.ledger_sqlite.routes import RouteReader

_AFTER = """SELECT id, route, format, count, accepted_at, ids, bodies, (SELECT open FROM partial WHERE block = block.id) FROM block
WHERE function = (SELECT id FROM function WHERE urn = ?1) AND id >= ?2 AND (id > ?2 OR count > ?3) ORDER BY id"""
_NEWEST = """SELECT id, route, format, count, accepted_at, ids, bodies, (SELECT open FROM partial WHERE block = block.id) FROM block
WHERE function = (SELECT id FROM function WHERE urn = ?) ORDER BY id DESC"""
_ONE = """SELECT id, route, format, count, accepted_at, ids, bodies, (SELECT open FROM partial WHERE block = block.id) FROM block
WHERE id = ?"""


class StoredBlock(NamedTuple):
    number: int
    route: int
    format: int
    size: int
    accepted_at: float
    ids: bytes
    bodies: bytes
    partial: bytes | None

    @property
    def open(self) -> int:
        """One bit for each event that has not ended."""
        return (1 << self.size) - 1 if self.partial is None else int.from_bytes(self.partial, "little")


class UnreadableBlock(Exception):
    """A block that has to be set aside."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason


class PendingReader:
    """Open events in order, whole blocks at a time."""

    def __init__(self, connection: apsw.Connection, routes: RouteReader) -> None:
        self._connection = connection
        self._routes = routes

    def page(self, function: str, after: int, limit: int, limit_bytes: int) -> Page:
        """At least one event if there is one. Raises UnreadableBlock when it comes upon one before it has found anything."""
        found: list[Pending] = []
        size = 0
        for block in self._blocks(function, after):
            try:
                pendings = self.events(block)
            except UnreadableBlock:
                if found:
                    return Page(found, found[-1].sequence)
                raise
            for pending in pendings:
                if pending.sequence <= after:
                    continue
                if found and size + len(pending.event.body) > limit_bytes:
                    return Page(found, found[-1].sequence)
                found.append(pending)
                size += len(pending.event.body)
                if len(found) >= limit:
                    return Page(found, pending.sequence)
        return Page(found, 0)

    def newest(self, function: str) -> Iterator[Pending]:
        """Open events of a function, newest first; blocks that cannot be read are passed over."""
        for row in self._connection.execute(_NEWEST, (function,)):
            try:
                yield from reversed(self.events(StoredBlock(*row)))
            except UnreadableBlock:
                continue

    def one(self, sequence: int) -> Pending | None:
        """An open event by its sequence. Raises UnreadableBlock."""
        row = self._connection.execute(_ONE, (block_of(sequence),)).get
        pendings = self.events(StoredBlock(*row)) if row is not None else []
        return next((pending for pending in pendings if pending.sequence == sequence), None)

    def events(self, block: StoredBlock) -> list[Pending]:
        """The open events of a block. Raises UnreadableBlock."""
        try:
            events = decode(block.format, block.ids, block.bodies)
            routes = [self._routes.route(number) for number in routes_in(block.format, block.bodies, block.route)]
        except (Unreadable, msgspec.DecodeError) as error:
            raise UnreadableBlock(block.number, str(error)) from error
        first, bits = sequence_of(block.number, 0), block.open
        pendings = [_pending(first + index, routes[index], event, block) for index, event in enumerate(events) if bits >> index & 1]
        attempts = read_range(self._connection, first, first + block.size)
        for pending in pendings if attempts else ():
            if pending.sequence in attempts:
                attempts[pending.sequence].apply(pending)
        return pendings

    def _blocks(self, function: str, after: int) -> Iterator[StoredBlock]:
        """One at a time: bodies are large, and whoever has enough stops. A block whose last event is `after` is passed over."""
        where = (function, block_of(after), index_of(after) + 1)
        return (StoredBlock(*row) for row in self._connection.execute(_AFTER, where))


def _pending(sequence: int, route: Route, event: Event, block: StoredBlock) -> Pending:
    return Pending(sequence, route, event, block.accepted_at)
