"""Test events: what one must be, and the steps that keep them."""

import base64
import binascii
import re
from collections.abc import Callable
from uuid import uuid4

import msgspec

from sluice.errors import Fault, Invalid
from sluice_control.fss import Refused
from sluice_control.registry import Edit, EventRow, FunctionRow, View
from sluice_control.resources.limits import Limits
from sluice_control.resources.targets import Target

MOST_BYTES = 4096
"""Of the JSON, before Base64."""
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,23}[A-Za-z0-9])?")


class SampleEvents:
    """Steps on the test events of a function; they belong to all its versions."""

    def __init__(self, limits: Limits, now_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._now_ms = now_ms

    def create(self, target: Target, name: str, content: str) -> Callable[[Edit], EventRow]:
        if not _NAME.fullmatch(name):
            rule = "has 1-25 letters, digits, _ or -, starts with a letter and ends with a letter or digit"
            raise Invalid([Fault("name", rule)], "FSS.1074")
        check(content)

        def step(edit: Edit) -> EventRow:
            function = target.function(edit)
            known = edit.test_events(function)
            if any(row.name == name for row in known):
                raise Refused("FSS.1073")
            if len(known) >= self._limits.test_events:
                raise Refused("FSS.1068", f"A function has at most {self._limits.test_events}.")
            return self._put(edit, function, EventRow(str(uuid4()), name, content, self._now_ms()))

        return step

    def update(self, target: Target, event: str, content: str) -> Callable[[Edit], EventRow]:
        check(content)

        def step(edit: Edit) -> EventRow:
            row = find(edit, target, event)
            return self._put(edit, target.function(edit), msgspec.structs.replace(row, content=content, modified_ms=self._now_ms()))

        return step

    def delete(self, target: Target, event: str) -> Callable[[Edit], None]:
        return lambda edit: edit.remove_test_event(target.function(edit), find(edit, target, event).name)

    def _put(self, edit: Edit, function: FunctionRow, row: EventRow) -> EventRow:
        edit.put_test_event(function, row)
        return row


def find(view: View, target: Target, event: str) -> EventRow:
    """By id, or by name, which nothing else of the function has. Raises Refused (FSS.1051, FSS.1070)."""
    rows = view.test_events(target.function(view))
    found = next((row for row in rows if event in (row.id, row.name)), None)
    if found is None:
        raise Refused("FSS.1070")
    return found


def check(content: str) -> None:
    """Raises Invalid (FSS.1074) for what is not JSON in Base64, Refused (FSS.1069) for too much of it."""
    try:
        event = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid([Fault("content", "is not Base64")], "FSS.1074") from None
    if len(event) > MOST_BYTES:
        raise Refused("FSS.1069", f"It has {len(event)} bytes.")
    try:
        msgspec.json.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid([Fault("content", "is Base64 of something that is not JSON")], "FSS.1074") from None
