"""Numbers for routes, so that blocks and ends name theirs in a few bytes."""

from typing import NamedTuple

import apsw
import msgspec

from sluice.binding import Mode
from sluice.ledger import Route
from sluice_dispatcher.ledger_sqlite.counters import Functions

REMEMBERED = 131_072
"""Triggers whose route is kept in memory, about 110 bytes each; the others are looked up again."""
READ_REMEMBERED = 16_384

_FIND = "SELECT id FROM route WHERE body = ?"
_ADD = "INSERT INTO route (body) VALUES (?) RETURNING id"
_READ = "SELECT body FROM route WHERE id = ?"


class Known(NamedTuple):
    """A route's number and that of its function."""

    route: int
    function: int


def encode(route: Route) -> bytes:
    return msgspec.msgpack.encode((route.project, route.trigger, route.function, route.mode, route.kind))


def decode(body: bytes) -> Route:
    """Raises msgspec.DecodeError."""
    project, trigger, function, mode, kind = msgspec.msgpack.decode(body, type=tuple[str, str, str, str, str])
    return msgspec.convert({"project": project, "trigger": trigger, "function": function, "mode": mode, "kind": kind}, Route)


def function_of(urn: str) -> str:
    """A full URN without its version or alias."""
    return urn.rsplit(":", 1)[0] if urn.count(":") == 7 else urn


class _Family:
    """Routes that differ in their trigger only: a hundred thousand timers of one function."""

    __slots__ = ("function", "numbers", "one")

    def __init__(self, one: Route, function: int) -> None:
        self.one = one
        self.function = function
        self.numbers: dict[str, int] = {}

    def has(self, route: Route) -> bool:
        one = self.one
        same = route.function == one.function and route.project == one.project
        return same and route.kind == one.kind and route.mode is one.mode


class Routes:
    """The writer's side: numbers are given with the transaction."""

    def __init__(self, connection: apsw.Connection, functions: Functions) -> None:
        self._connection = connection
        self._functions = functions
        self._families: dict[tuple[str, str, Mode, str], _Family] = {}
        self._family: _Family | None = None
        self._last: Route | None = None
        self._last_known = Known(0, 0)
        self._remembered = 0

    def known(self, route: Route) -> Known:
        if route is self._last:
            return self._last_known
        family = self._family if self._family is not None and self._family.has(route) else self._family_of(route)
        number = family.numbers.get(route.trigger)
        if number is None:
            number = family.numbers[route.trigger] = self._number(encode(route))
            self._remembered += 1
        self._last, self._last_known = route, Known(number, family.function)
        return self._last_known

    def keep(self) -> None:
        if self._remembered > REMEMBERED:
            self._forget()

    def drop(self) -> None:
        self._forget()

    def _family_of(self, route: Route) -> _Family:
        name = (route.project, route.function, route.mode, route.kind)
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = _Family(route, self._functions.number(function_of(route.function)))
        self._family = family
        return family

    def _forget(self) -> None:
        self._families.clear()
        self._family = None
        self._last = None
        self._remembered = 0

    def _number(self, body: bytes) -> int:
        found = self._connection.execute(_FIND, (body,)).get
        return int(found if found is not None else self._connection.execute(_ADD, (body,)).get)


class RouteReader:
    """The readers' side: what a number means."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._known: dict[int, Route] = {}

    def route(self, number: int) -> Route:
        """Raises msgspec.DecodeError for one that cannot be read."""
        route = self._known.get(number)
        if route is None:
            body = self._connection.execute(_READ, (number,)).get
            if body is None:
                raise msgspec.DecodeError(f"route {number} is not there")
            if len(self._known) > READ_REMEMBERED:
                self._known.clear()
            route = self._known[number] = decode(body)
        return route
