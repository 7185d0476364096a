"""What is known of events that did not end at their first attempt. All others have no row here."""

from collections.abc import Iterable
from typing import NamedTuple

import apsw
import msgspec

from sluice.ledger import Pending, Retry, Step

MAX_STEPS = 32
"""Attempts of one event that its story keeps; the oldest go first."""

_READ_STEPS = "SELECT steps FROM attempt WHERE sequence = ?"
_READ_RANGE = """SELECT sequence, attempts, executions, losses, due, version, reason, steps FROM attempt WHERE sequence BETWEEN ? AND ?"""
_WRITE = """INSERT OR REPLACE INTO attempt (sequence, attempts, executions, losses, due, version, reason, steps)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_DELETE = "DELETE FROM attempt WHERE sequence = ?"

_encode_steps = msgspec.msgpack.Encoder().encode
_decode_steps = msgspec.msgpack.Decoder(list[tuple[float, str, str]]).decode


class Attempt(NamedTuple):
    """A row: the counts of the next attempt, and the story so far."""

    sequence: int
    attempts: int
    executions: int
    losses: int
    due: float
    version: str
    reason: str
    steps: bytes

    def apply(self, pending: Pending) -> None:
        pending.attempts, pending.executions, pending.losses = self.attempts, self.executions, self.losses
        pending.due, pending.version, pending.reason = self.due, self.version, self.reason


def steps_of(encoded: bytes) -> list[Step]:
    """The attempts as steps of a story; none if they cannot be read."""
    if not encoded:
        return []
    try:
        return [Step(*step) for step in _decode_steps(encoded)]
    except msgspec.DecodeError:
        return []


def read_range(connection: apsw.Connection, first: int, last: int) -> dict[int, Attempt]:
    return {row[0]: Attempt(*row) for row in connection.execute(_READ_RANGE, (first, last))}


class Attempts:
    """Rows to be written and removed with the transaction."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._written: dict[int, Attempt] = {}
        self._removed: set[int] = set()

    def retry(self, retry: Retry, known: bool) -> None:
        """`known`: the event may have a row already."""
        pending = retry.pending
        before = steps_of(self._steps(pending.sequence)) if known else []
        steps = [*before, Step(retry.at, "attempt", _detail(retry))][-MAX_STEPS:]
        self._write(pending, pending.executions, _encode_steps([(step.at, step.what, step.detail) for step in steps]))

    def start(self, pending: Pending, known: bool) -> None:
        self._write(pending, pending.executions + 1, self._steps(pending.sequence) if known else b"")

    def end(self, sequence: int) -> bytes:
        """Removes the row; the answer is its story, encoded."""
        steps = self._steps(sequence)
        self._written.pop(sequence, None)
        self._removed.add(sequence)
        return steps

    def flush(self) -> None:
        if self._removed:
            self._connection.executemany(_DELETE, [(sequence,) for sequence in self._removed])
        if self._written:
            self._connection.executemany(_WRITE, self._written.values())

    def keep(self) -> None:
        self._written.clear()
        self._removed.clear()

    def drop(self) -> None:
        self.keep()

    def _write(self, pending: Pending, executions: int, steps: bytes) -> None:
        self._removed.discard(pending.sequence)
        self._written[pending.sequence] = Attempt(
            pending.sequence, pending.attempts, executions, pending.losses, pending.due, pending.version, pending.reason, steps
        )

    def _steps(self, sequence: int) -> bytes:
        staged = self._written.get(sequence)
        if staged is not None:
            return staged.steps
        return self._connection.execute(_READ_STEPS, (sequence,)).get or b""


def attempted_bits(connection: apsw.Connection, first: int, last: int) -> int:
    """Which events of a block have a row, as bits."""
    rows: Iterable[tuple[int]] = connection.execute("SELECT sequence FROM attempt WHERE sequence BETWEEN ? AND ?", (first, last))
    bits = 0
    for (sequence,) in rows:
        bits |= 1 << (sequence - first)
    return bits


def _detail(retry: Retry) -> str:
    return f"{retry.failure.value}: {retry.message}" if retry.message else retry.failure.value
