"""Every fault of plain data, at every depth."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice_cli.decoding import faults_of


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1)]

    def __post_init__(self) -> None:
        if self.number == 13:
            raise Invalid([Fault("number", "is unlucky")])


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: Inner | None = None
    many: dict[str, Inner] = {}


def told(value: Any) -> list[str]:
    return [str(fault) for fault in faults_of(value, Outer)]


def test_what_is_right_has_no_faults() -> None:
    assert told({"name": "x", "inner": {"number": 1}, "many": {"a": {"number": 2}}}) == []
    assert told({"name": "x", "inner": None}) == []


def test_all_faults_come_at_once_and_by_path() -> None:
    found = told({"nam": 1, "inner": {"number": "1"}, "many": {"a": {"number": 0}, "b": {"x": 1}}})
    assert [line.split(":")[0] for line in found] == ["nam", "name", "inner.number", "many.a.number", "many.b.x", "many.b.number"]


def test_faults_that_a_type_finds_itself_keep_their_place() -> None:
    assert told({"name": "x", "inner": {"number": 13}}) == ["inner.number: is unlucky"]


def test_something_else_than_an_object_is_said() -> None:
    assert "object" in told(None)[0]
    assert "object" in told([1])[0]


def test_a_key_that_is_no_text_is_said() -> None:
    assert told({"name": "x", "many": {1: {"number": 1}}}) == ["many.1: is not a text: put it in quotes"]
