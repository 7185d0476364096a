"""One log, as filters and functions see it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from sluice.text import text


class Log(msgspec.Struct, omit_defaults=True, gc=False):
    """The first seven are FunctionGraph's, and its functions get these; the others are ours. The order is that of the JSON."""

    message: str
    time: int
    """Milliseconds since the epoch; 0 while the sender gave none."""
    host_name: str
    ip: str
    path: str
    log_uid: str
    line_no: int
    severity: str = ""
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    trace: str = ""
    """A W3C traceparent, "" for none."""


class Shown(msgspec.Struct, gc=False):
    """FunctionGraph's part of it."""

    message: str
    time: int
    host_name: str
    ip: str
    path: str
    log_uid: str
    line_no: int


def nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Names with dots as objects in objects, so that a filter's path finds them: http.method is {"http": {"method": …}}. A name that has no
    room beside another one stays as it is."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        above, last = _steps(name)
        inner = tree
        for step in above:
            within = inner.setdefault(step, {})
            if not isinstance(within, dict):
                inner = _NO_ROOM
                break
            inner = within
        if last in inner or inner is _NO_ROOM:
            tree.setdefault(name, value)
        else:
            inner[last] = value
    return tree


_NO_ROOM: dict[str, Any] = {}


@lru_cache(4096)
def _steps(name: str) -> tuple[tuple[str, ...], str]:
    """The names of the objects that it is in, and its own."""
    *above, last = name.split(".")
    return tuple(above), last


def first_text(pairs: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of these that is a text, or a list that begins with one; "" if there is none."""
    for name in names:
        value = pairs.get(name)
        if value is None:
            continue
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value:
            return value
    return ""


def message_of(line: bytes) -> str:
    """A line as JSON can hold it, without the carriage return of other systems."""
    return text(line.removesuffix(b"\r"))
