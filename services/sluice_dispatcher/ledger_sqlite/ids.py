"""Ids of what was pushed, so that the same one is accepted once: one table a minute, dropped whole after 10 minutes.

What is still open by then moves to a table of its own, so that an id stays known as long as its event is pending.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b

import apsw

from sluice_dispatcher.ledger_sqlite.block import INDEX_BITS

KEEP_MINUTES = 10
NO_EVENT = 0
"""Stands for an event that is not open."""
REMEMBERED = 100_000
"""Ids kept in memory, the newest minutes; the others are looked up in their tables."""

_TABLES = "SELECT substr(name, 5) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'ids_[0-9]*'"
_CREATE = "CREATE TABLE ids_MINUTE (key BLOB PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID"
_ADD = "INSERT OR REPLACE INTO ids_MINUTE (key, sequence) VALUES (?, ?)"
_FIND = "SELECT sequence FROM ids_MINUTE WHERE key = ?"
_PAGE = "SELECT key, sequence FROM ids_MINUTE WHERE key > ? ORDER BY key LIMIT ?"
_DROP = "DROP TABLE ids_MINUTE"
_FIND_PENDING = "SELECT sequence FROM id_pending WHERE key = ?"
_ANY_PENDING = "SELECT EXISTS (SELECT 1 FROM id_pending)"
_OLDEST = "SELECT ifnull(min(id), 1 << 47) FROM block"
_MOVE = "INSERT OR REPLACE INTO id_pending (key, sequence) VALUES (?, ?)"


def key_of(trigger: str, dedupe: str) -> bytes:
    """Ids of one trigger mean nothing to another."""
    return blake2b(f"{trigger}\0{dedupe}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Ids:
    """Which ids were seen; written with the transaction."""

    def __init__(self, connection: apsw.Connection, is_open: Callable[[int], bool]) -> None:
        self._connection = connection
        self._is_open = is_open
        self._staged: dict[bytes, int] = {}
        self._minute = 0
        self._remembered: dict[int, dict[bytes, int]] = {}
        """Minutes that are whole in memory."""
        self._moved = False
        """Whether the table of ids that outlived their minute has rows."""
        self._tables = self._load()

    def begin(self, now: float) -> None:
        self._minute = int(now // 60)

    def seen(self, key: bytes) -> bool:
        if key in self._staged:
            return True
        oldest = self._minute - KEEP_MINUTES
        for minute in reversed(self._tables):
            remembered = self._remembered.get(minute)
            sequence = remembered.get(key) if remembered is not None else self._find(minute, key)
            if sequence is not None and (minute >= oldest or self._is_open(sequence)):
                return True
        if not self._moved:
            return False
        sequence = self._connection.execute(_FIND_PENDING, (key,)).get
        return sequence is not None and self._is_open(sequence)

    def add(self, keys: Sequence[bytes], sequence: int) -> None:
        """The event that they came with, or NO_EVENT."""
        for key in keys:
            self._staged[key] = sequence

    def flush(self) -> None:
        if not self._staged:
            return
        if self._minute not in self._tables:
            self._connection.execute(_of(_CREATE, self._minute))
            self._tables.append(self._minute)
            self._remembered[self._minute] = {}
        self._connection.executemany(_of(_ADD, self._minute), self._staged.items())

    def keep(self) -> None:
        if not self._staged:
            return
        remembered = self._remembered.get(self._minute)
        if remembered is not None:
            remembered.update(self._staged)
        self._staged = {}
        while sum(map(len, self._remembered.values())) > REMEMBERED:
            del self._remembered[min(self._remembered)]

    def drop(self) -> None:
        self._staged = {}
        self._remembered = {}
        self._tables = self._load()

    def expired(self) -> list[int]:
        """Minutes whose tables may go."""
        return [minute for minute in self._tables if minute < self._minute - KEEP_MINUTES]

    def retire(self, minute: int, after: bytes, limit: int) -> bytes | None:
        """Move what is still open out of a minute's table, `limit` ids at a time from `after` on; drops the table when it is through.
        The key to go on from, or None."""
        if minute not in self._tables:
            return None
        rows = list(self._connection.execute(_of(_PAGE, minute), (after, limit)))
        oldest = int(self._connection.execute(_OLDEST).get) << INDEX_BITS
        still_open = [row for row in rows if row[1] >= oldest and self._is_open(row[1])]
        self._connection.executemany(_MOVE, still_open)
        self._moved = self._moved or bool(still_open)
        if len(rows) == limit:
            return bytes(rows[-1][0])
        self._connection.execute(_of(_DROP, minute))
        self._tables.remove(minute)
        self._remembered.pop(minute, None)
        return None

    def sweep(self, after: bytes, limit: int) -> bytes | None:
        """Forget moved ids whose events have ended, `limit` at a time; the key to go on from, or None."""
        rows = list(self._connection.execute("SELECT key, sequence FROM id_pending WHERE key > ? ORDER BY key LIMIT ?", (after, limit)))
        ended = [(key,) for key, sequence in rows if not self._is_open(sequence)]
        self._connection.executemany("DELETE FROM id_pending WHERE key = ?", ended)
        self._moved = bool(self._connection.execute(_ANY_PENDING).get)
        return bytes(rows[-1][0]) if len(rows) == limit else None

    def _find(self, minute: int, key: bytes) -> int | None:
        found = self._connection.execute(_of(_FIND, minute), (key,)).get
        return None if found is None else int(found)

    def _load(self) -> list[int]:
        self._moved = bool(self._connection.execute(_ANY_PENDING).get)
        return sorted(int(minute) for (minute,) in self._connection.execute(_TABLES))


def _of(sql: str, minute: int) -> str:
    return sql.replace("MINUTE", str(minute))
