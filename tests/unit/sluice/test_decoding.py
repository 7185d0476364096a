"""Every fault of plain data, at every depth."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from sluice.decoding import decode, faults_of, understood, without_nulls
from sluice.errors import Fault, Invalid


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1)]

    def __post_init__(self) -> None:
        if self.number == 13:
            raise Invalid([Fault("number", "is unlucky")], "FSS.1113")


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: Inner | None = None
    many: dict[str, Inner] = {}
    rows: list[Inner] = []
    texts: dict[str, list[str]] = {}


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


def test_items_of_lists_are_named_by_their_number() -> None:
    found = told({"name": "x", "rows": [{"number": 1}, {"number": 0}, {"numbr": 1}]})
    assert [line.split(":")[0] for line in found] == ["rows.1.number", "rows.2.numbr", "rows.2.number"]
    assert told({"name": "x", "texts": {"a": ["", 1]}}) == ["texts.a.1: expected `str`, got `int`"]


def test_what_is_right_becomes_the_type() -> None:
    assert decode({"name": "x", "inner": {"number": 2}}, Outer) == Outer("x", Inner(2))


def test_the_code_that_a_type_gives_stays_where_it_is_the_whole() -> None:
    with pytest.raises(Invalid) as refused:
        decode({"number": 13}, Inner)
    assert refused.value.code == "FSS.1113"
    with pytest.raises(Invalid) as refused:
        decode({"name": "x", "inner": {"number": 13}}, Outer)
    assert refused.value.code == "FSS.0400"


def test_a_fault_repeats_only_the_beginning_of_what_was_sent() -> None:
    assert max(len(line) for line in told({"name": "x", "n" * 10_000: 1, "many": {"m" * 10_000: 1}})) < 11_000
    assert len(told({"n" * 10_000: 1})[0]) < 200


def test_a_null_is_as_good_as_nothing_but_in_a_filter() -> None:
    assert without_nulls({"a": None, "b": {"c": None, "filter": {"d": None}}}) == {"b": {"filter": {"d": None}}}


class Lenient(msgspec.Struct, forbid_unknown_fields=True):
    number: int = 1
    inner: dict[str, int] = {}
    part: Inner | None = None
    words: list[str] = []


def test_what_is_wrong_is_left_out_of_what_is_understood() -> None:
    given = {"number": "x", "colour": 1, "inner": {"a": 1, "b": "x"}, "words": ["a", 2]}
    assert understood(given, Lenient) == Lenient(inner={"a": 1})
    assert given["inner"] == {"a": 1, "b": "x"}


def test_a_part_that_cannot_be_without_what_is_wrong_is_left_out_whole() -> None:
    assert understood({"number": 3, "part": {"number": "x"}}, Lenient) == Lenient(number=3)
    assert understood({"number": 3, "part": {"number": 13}}, Lenient) == Lenient(number=3)
    assert understood({1: 2, "number": 3}, Lenient) == Lenient(number=3)
