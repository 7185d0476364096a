"""One log, as filters and functions see it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sluice.text import text

MOST_DOTS = 32
"""Deeper objects than a thousand cannot be written as JSON."""


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


class Nesting:
    """Makes names with dots objects in objects, so that a filter's path finds them: http.method is {"http": {"method": …}}. One for each
    request: most of its logs have the same names, and whatever they are, they are gone with it."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[Sequence[str], str]] = {}
        """Of a name: those of the objects that it is in, and its own."""

    def nested(self, pairs: Mapping[str, Any]) -> dict[str, Any]:
        """A name that has no room beside another one, or over MOST_DOTS, stays as it is."""
        tree: dict[str, Any] = {}
        for name, value in pairs.items():
            steps = self._steps.get(name)
            if steps is None:
                *above, last = name.split(".") if name.count(".") <= MOST_DOTS else [name]
                self._steps[name] = steps = above, last
            inner = tree
            for step in steps[0]:
                if step not in inner:
                    inner[step] = {}
                inner = inner[step]
                if not isinstance(inner, dict):
                    break
            else:
                if steps[1] not in inner:
                    inner[steps[1]] = value
                    continue
            tree.setdefault(name, value)
        return tree


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
