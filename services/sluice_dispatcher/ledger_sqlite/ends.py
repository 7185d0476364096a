"""The ring of plain successes: one encoded block a commit, the oldest dropped by the block."""

import apsw
import msgspec

from sluice.ledger import Ended
from sluice_dispatcher.ledger_sqlite.block import Unreadable

FORMAT = 1
KEEP_S = 86_400.0
PRUNE_EVERY = 64
"""Blocks written between two looks at the old end of the ring."""

_ADD = "INSERT INTO ends (format, count, total, last_at, ids, detail) VALUES (?, ?, ?, ?, ?, ?)"
_LAST = "SELECT total FROM ends ORDER BY id DESC LIMIT 1"
_PRUNE = """DELETE FROM ends WHERE id IN (
SELECT id FROM (SELECT id, total, last_at FROM ends ORDER BY id LIMIT ?) WHERE total <= ? OR last_at < ?)"""


class Entry(msgspec.Struct, array_like=True, gc=False):
    """One success; its id stands in the block's `ids` at the same index."""

    route: int
    accepted_at: float
    at: float
    duration_ms: float
    attempts: int
    status: int
    steps: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Entry]).decode


def decode(form: int, detail: bytes) -> list[Entry]:
    """Raises Unreadable."""
    if form != FORMAT:
        raise Unreadable(f"format {form} of ends is not known")
    try:
        return _decode(detail)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


class EndsRing:
    """Successes of the transaction at hand, written as one block."""

    def __init__(self, connection: apsw.Connection, keep_events: int) -> None:
        self._connection = connection
        self._keep_events = keep_events
        self._ids: list[bytes] = []
        self._entries: list[Entry] = []
        self._newest = 0.0
        self._written = 0
        self._load()

    def add(self, ended: Ended, route: int, steps: bytes) -> None:
        pending = ended.pending
        self._ids.append(pending.event.id)
        self._entries.append(Entry(route, pending.accepted_at, ended.at, ended.duration_ms, pending.attempts, ended.status, steps))

    def flush(self) -> None:
        if not self._ids:
            return
        self._total += len(self._ids)
        self._newest = max(entry.at for entry in self._entries)
        row = (FORMAT, len(self._ids), self._total, self._newest, b"".join(self._ids), _encode(self._entries))
        self._connection.execute(_ADD, row)
        self._written += 1
        if self._written % PRUNE_EVERY == 0:
            self.prune(self._newest)

    def prune(self, now: float) -> None:
        """Drop what is too old or too much, a bounded number of blocks at a time."""
        self._connection.execute(_PRUNE, (PRUNE_EVERY * 2, self._total - self._keep_events, now - KEEP_S))

    def keep(self) -> None:
        self._ids, self._entries = [], []

    def drop(self) -> None:
        self.keep()
        self._load()

    def _load(self) -> None:
        self._total: int = self._connection.execute(_LAST).get or 0
