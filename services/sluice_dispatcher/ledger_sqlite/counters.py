"""Durable counts: per trigger what came and how it ended, per function how much is open."""

import apsw

from sluice.ledger import Counts

_READ_TRIGGERS = "SELECT trigger, received, success, failed, discarded, filtered FROM counter"
_WRITE_TRIGGER = """INSERT INTO counter (trigger, received, success, failed, discarded, filtered) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET received = excluded.received, success = excluded.success, failed = excluded.failed,
discarded = excluded.discarded, filtered = excluded.filtered"""
_READ_FUNCTIONS = "SELECT urn, id, open FROM function"
_WRITE_FUNCTION = "INSERT INTO function (urn, id, open) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open"


class Counters:
    """By trigger. `committed` is as of the last commit; `of` is what the transaction at hand will make of it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._staged: dict[str, Counts] = {}
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
        if self._staged:
            rows = [(name, c.received, c.success, c.failed, c.discarded, c.filtered) for name, c in self._staged.items()]
            self._connection.executemany(_WRITE_TRIGGER, rows)

    def keep(self) -> None:
        self.committed.update(self._staged)
        self._staged = {}

    def drop(self) -> None:
        self._staged = {}

    def _load(self) -> dict[str, Counts]:
        return {row[0]: Counts(*row[1:]) for row in self._connection.execute(_READ_TRIGGERS)}


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
