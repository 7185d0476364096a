"""What a URN means while others change what it names."""

from typing import Any

import pytest

from sluice_control.fss import Refused
from sluice_control.registry import FunctionRow, VersionRow
from sluice_control.resources.targets import target

SETTINGS: Any = None
"""Nobody reads them."""
OLD, NEW = (FunctionRow(number, "p1", "default", "hello", 0) for number in (1, 2))


class Changing:
    """A registry in which the function that was found first is deleted before its version is read; `then` is there afterwards."""

    def __init__(self, then: FunctionRow | None) -> None:
        self._there: list[FunctionRow | None] = [OLD, then]

    def function(self, project: str, package: str, name: str) -> FunctionRow | None:
        return self._there[0]

    def version(self, function: FunctionRow, name: str) -> VersionRow | None:
        if function is OLD:
            self._there.pop(0)
            return None
        return VersionRow(function, name, 1, 0, SETTINGS)

    def function_numbered(self, project: str, number: int) -> FunctionRow | None:
        now = self._there[0]
        return now if now is not None and now.id == number else None


def test_a_function_that_is_deleted_between_two_readings_is_gone() -> None:
    with pytest.raises(Refused) as refused:
        target("hello", "local-1", "p1").version(Changing(None))  # type: ignore[arg-type]  # as much of a view as is read
    assert refused.value.code == "FSS.1051"


def test_one_that_was_made_anew_meanwhile_counts() -> None:
    assert target("hello", "local-1", "p1").version(Changing(NEW)).function is NEW  # type: ignore[arg-type]


def test_a_version_that_is_not_there_is_not_there() -> None:
    class Still(Changing):
        def version(self, function: FunctionRow, name: str) -> VersionRow | None:
            return None

    with pytest.raises(Refused) as refused:
        target("hello:v1", "local-1", "p1").version(Still(None))  # type: ignore[arg-type]
    assert refused.value.code == "FSS.1052"
