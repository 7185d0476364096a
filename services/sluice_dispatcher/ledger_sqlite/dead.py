"""FAIL and DISCARD as they are kept: a row each, with the body, for 14 days."""

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from sluice.binding import Mode
from sluice.event import Event, random_id
from sluice.ledger import Dead, DeadFilter, End, Ended, Route
from sluice_dispatcher.ledger_sqlite.block import FORMAT, Unreadable, decode, encode_bodies
from sluice_dispatcher.ledger_sqlite.routes import RouteReader

KEEP_S = 14 * 86_400.0
PRUNE_ROWS = 500

_ADD = """INSERT INTO dead (id, project, trigger, function, route, end, failure, message, status, accepted_at, ended_at,
attempts, executions, redriven, format, steps, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, x'', ?, ?, ?)"""
_SELECT = """SELECT number, id, route, end, failure, message, status, accepted_at, ended_at, attempts, executions, redriven, format, event,
project, trigger, function, steps FROM dead WHERE"""
_SELECT_NUMBERS = "SELECT number FROM dead WHERE"
_DELETE = "DELETE FROM dead WHERE number = ?"
_REDRIVEN = "SELECT redriven FROM dead WHERE number = ? AND id = ?"
_MARK = "UPDATE dead SET redriven = ? WHERE number = ?"
_NAME = "INSERT INTO redrive (id, old, at) VALUES (?, ?, ?)"
_PRUNE = "DELETE FROM dead WHERE number IN (SELECT number FROM dead ORDER BY number LIMIT ?) AND ended_at < ?"
_PRUNE_NAMES = "DELETE FROM redrive WHERE id IN (SELECT id FROM redrive WHERE at < ? LIMIT ?)"

Row = tuple[Any, ...]


def condition(which: DeadFilter) -> tuple[str, list[Any]]:
    """The filter as SQL and what it binds."""
    terms: list[str] = []
    values: list[Any] = []
    for term, value in (
        ("project = ?", which.project),
        ("trigger = ?", which.trigger),
        ("failure = ?", which.failure),
        ("ended_at >= ?", which.since),
        ("ended_at < ?", which.until),
    ):
        if value:
            terms.append(term)
            values.append(value)
    if which.function:
        # ';' follows ':', so this range holds the function with each of its qualifiers.
        terms.append("(function = ? OR (function >= ? AND function < ?))")
        values += [which.function, f"{which.function}:", f"{which.function};"]
    if which.ids:
        terms.append(f"id IN ({', '.join('?' * len(which.ids))})")
        values += which.ids
    return " AND ".join(terms) or "1", values


class DeadLetters:
    """The writer's side."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: list[Row] = []

    def add(self, ended: Ended, route: int, steps: bytes) -> None:
        pending = ended.pending
        known, event = pending.route, pending.event
        failure = ended.failure.value if ended.failure else ""
        names = (event.id, known.project, known.trigger, known.function, route, ended.end.value, failure, ended.message, ended.status)
        counts = (pending.accepted_at, ended.at, pending.attempts, pending.executions)
        self._rows.append((*names, *counts, FORMAT, steps, encode_bodies([event])))

    def redrive(self, dead: Dead, now: float) -> Event | None:
        """The event that takes its place; None if that has happened before, or it is gone."""
        redriven = self._connection.execute(_REDRIVEN, (dead.sequence, dead.event.id)).get
        if redriven is None or redriven:
            return None
        event = msgspec.structs.replace(dead.event, id=random_id())
        self._connection.execute(_MARK, (event.id, dead.sequence))
        self._connection.execute(_NAME, (event.id, dead.event.id, now))
        return event

    def remove(self, numbers: Sequence[int]) -> int:
        """For good; how many of them were still there."""
        before = self._connection.total_changes()
        self._connection.executemany(_DELETE, [(number,) for number in numbers])
        return int(self._connection.total_changes() - before)

    def prune(self, now: float) -> None:
        self._connection.execute(_PRUNE, (PRUNE_ROWS, now - KEEP_S))
        self._connection.execute(_PRUNE_NAMES, (now - KEEP_S, PRUNE_ROWS))

    def flush(self) -> None:
        if self._rows:
            self._connection.executemany(_ADD, self._rows)

    def keep(self) -> None:
        self._rows = []

    def drop(self) -> None:
        self._rows = []


def dead_numbers(connection: apsw.Connection, which: DeadFilter, after: int, limit: int) -> list[int]:
    where, values = condition(which)
    sql = f"{_SELECT_NUMBERS} {where} AND number > ? ORDER BY number LIMIT ?"
    return [number for (number,) in connection.execute(sql, (*values, after, limit))]


def read_dead(connection: apsw.Connection, routes: RouteReader, which: DeadFilter, after: int, limit: int) -> list[Dead]:
    """Rows with a number above `after`, in their order."""
    where, values = condition(which)
    sql = f"{_SELECT} {where} AND number > ? ORDER BY number LIMIT ?"
    return [_dead(row, routes) for row in connection.execute(sql, (*values, after, limit))]


def newest_dead(
    connection: apsw.Connection, routes: RouteReader, which: DeadFilter, limit: int, below: int = 1 << 62
) -> list[tuple[Dead, bytes]]:
    """The last rows first, each with its encoded story."""
    where, values = condition(which)
    sql = f"{_SELECT} {where} AND number < ? ORDER BY number DESC LIMIT ?"
    return [(_dead(row, routes), row[-1]) for row in connection.execute(sql, (*values, below, limit))]


def _dead(row: Row, routes: RouteReader) -> Dead:
    number, identity, route, end, failure, message, status, accepted_at, ended_at, attempts, executions, redriven, form, event = row[:14]
    return Dead(
        sequence=number,
        event=_event(form, identity, event),
        route=_route(route, row[14:17], routes),
        end=End(end),
        failure=failure,
        message=message,
        status=status,
        accepted_at=accepted_at,
        ended_at=ended_at,
        attempts=attempts,
        executions=executions,
        redriven=redriven,
    )


def _event(form: int, identity: bytes, stored: bytes) -> Event:
    try:
        return decode(form, identity, stored)[0]
    except (Unreadable, IndexError):
        return Event(identity, stored)


def _route(number: int, names: tuple[str, str, str], routes: RouteReader) -> Route:
    try:
        return routes.route(number)
    except msgspec.DecodeError:
        project, trigger, function = names
        return Route(project, trigger, function, Mode.ASYNC)
