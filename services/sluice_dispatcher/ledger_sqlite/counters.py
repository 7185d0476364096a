"""Durable counts: per trigger what came and how it ended, per function how much is open.

A commit that changes many triggers' counts (a thousand timers of one instant) writes them into one row of `counted`, because their own
rows lie on as many pages. Now and then they are folded into `counter`, in order. Counts only grow, so of two of a trigger the larger is
the newer.
"""

from collections.abc import Iterable

import apsw
import msgspec
import structlog

from sluice.ledger import Counts

MANY = 32
"""So many triggers' counts are written into one row."""
FOLD_ROWS = 512
"""So many such rows are folded."""

_READ_TRIGGERS = "SELECT trigger, received, success, failed, discarded, filtered FROM counter"
_WRITE_TRIGGER = """INSERT INTO counter (trigger, received, success, failed, discarded, filtered) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET received = excluded.received, success = excluded.success, failed = excluded.failed,
discarded = excluded.discarded, filtered = excluded.filtered"""
_ADD_COUNTED = "INSERT INTO counted (counts) VALUES (?)"
_READ_COUNTED = "SELECT counts FROM counted ORDER BY id"
_STATE_COUNTED = "SELECT count(*), max(id) FROM counted"
_DELETE_COUNTED = "DELETE FROM counted WHERE id <= ?"
_READ_FUNCTIONS = "SELECT urn, id, open FROM function"
_WRITE_FUNCTION = "INSERT INTO function (urn, id, open) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open"


_Row = tuple[str, int, int, int, int, int]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Row]).decode

_log = structlog.get_logger(__name__)


class _Fold:
    """Counts on their way from `counted`, up to a row, into rows of their own."""

    def __init__(self, names: list[str], last: int) -> None:
        self.names = names
        self.last = last
        self.at = 0


class Counters:
    """By trigger. `committed` is as of the last commit; `of` is what the transaction at hand will make of it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._staged: dict[str, Counts] = {}
        self._counted: set[str] = set()
        """Triggers in rows of `counted`, but for those of the fold."""
        self._fold: _Fold | None = None
        self.committed: dict[str, Counts] = self._load()

    def of(self, trigger: str) -> Counts:
        """To be changed in place."""
        counts = self._staged.get(trigger)
        if counts is None:
            known = self.committed.get(trigger) or Counts()
            counts = Counts(known.received, known.success, known.failed, known.discarded, known.filtered)
            self._staged[trigger] = counts
        return counts

    def flush(self) -> None:
        rows = _rows(self._staged.items())
        if len(rows) >= MANY:
            self._connection.execute(_ADD_COUNTED, (_encode(rows),))
        elif rows:
            self._connection.executemany(_WRITE_TRIGGER, rows)

    def keep(self) -> None:
        if len(self._staged) >= MANY:
            self._counted.update(self._staged)
        self.committed.update(self._staged)
        self._staged = {}
        if self._fold is not None and self._fold.at >= len(self._fold.names):
            self._fold = None

    def drop(self) -> None:
        self._staged = {}
        if self._fold is not None:
            self._counted.update(self._fold.names)
            self._fold = None

    def fold(self, limit: int) -> bool:
        """Write the counts of `limit` triggers into their own rows, if that is worth it; whether there are more."""
        fold = self._fold = self._fold or self._begin_fold()
        if fold is None:
            return False
        names = fold.names[fold.at : fold.at + limit]
        self._connection.executemany(_WRITE_TRIGGER, _rows((name, self.committed[name]) for name in names))
        fold.at += limit
        if fold.at < len(fold.names):
            return True
        self._connection.execute(_DELETE_COUNTED, (fold.last,))
        return False

    def _begin_fold(self) -> _Fold | None:
        rows, last = next(self._connection.execute(_STATE_COUNTED))
        if rows < FOLD_ROWS:
            return None
        names, self._counted = sorted(self._counted), set()
        return _Fold(names, last)

    def _load(self) -> dict[str, Counts]:
        found = {row[0]: Counts(*row[1:]) for row in self._connection.execute(_READ_TRIGGERS)}
        for (encoded,) in self._connection.execute(_READ_COUNTED):
            try:
                counted = _decode(encoded)
            except msgspec.DecodeError as error:
                _log.error("ledger counts unreadable", reason=str(error))
                continue
            for name, *counts in counted:
                known = found.get(name, Counts())
                found[name] = Counts(*map(max, _values(known), counts))
                self._counted.add(name)
        return found


def _values(counts: Counts) -> tuple[int, int, int, int, int]:
    return counts.received, counts.success, counts.failed, counts.discarded, counts.filtered


def _rows(counts: Iterable[tuple[str, Counts]]) -> list[_Row]:
    return [(name, c.received, c.success, c.failed, c.discarded, c.filtered) for name, c in counts]


class Functions:
    """Numbers for functions (URN without qualifier), and how many of their events are open."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._changed: dict[str, int] = {}
        self._load()

    def number(self, urn: str) -> int:
        """The number of a function; a new one is written with the transaction."""
        number = self._numbers.get(urn)
        if number is None:
            number = self._next
            self._next += 1
            self._numbers[urn], self._urns[number] = number, urn
            self._changed[urn] = 0
        return number

    def urn(self, number: int) -> str:
        return self._urns[number]

    def find(self, urn: str) -> int | None:
        return self._numbers.get(urn)

    def add(self, number: int, events: int) -> None:
        urn = self._urns[number]
        self._changed[urn] = self._changed.get(urn, self._open.get(urn, 0)) + events

    def waiting(self) -> dict[str, int]:
        return {urn: count for urn, count in self._open.items() if count > 0}

    def flush(self) -> None:
        if self._changed:
            rows = [(urn, self._numbers[urn], count) for urn, count in self._changed.items()]
            self._connection.executemany(_WRITE_FUNCTION, rows)

    def keep(self) -> None:
        self._open.update(self._changed)
        self._changed = {}

    def drop(self) -> None:
        self._changed = {}
        self._load()

    def _load(self) -> None:
        rows = list(self._connection.execute(_READ_FUNCTIONS))
        self._numbers: dict[str, int] = {urn: number for urn, number, _ in rows}
        self._urns: dict[int, str] = {number: urn for urn, number, _ in rows}
        self._open: dict[str, int] = {urn: count for urn, _, count in rows}
        self._next = max(self._urns, default=0) + 1
