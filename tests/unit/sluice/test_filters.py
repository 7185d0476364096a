"""Filters: what matches, what does not and why, and what is refused before it is used."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import Invalid
from sluice.event import Record
from sluice.filters import both, parse


def record(value: object) -> Record:
    return Record(msgspec.json.encode(value), "s", "1", 0)


@pytest.mark.parametrize(
    ("text", "value", "clause"),
    [
        ('{"a": 1}', {"a": 1}, ""),
        ('{"a": 1}', {"a": True}, "a"),
        ('{"a": true}', {"a": True}, ""),
        ('{"a": null}', {"a": None}, ""),
        ('{"a": null}', {}, "a"),
        ('{"a.b": "x"}', {"a": {"b": "x"}}, ""),
        ('{"a.b": "x"}', {"a": "x"}, "a.b"),
        ('{"a": {"equals": {"b": 1}}}', {"a": {"b": 1}}, ""),
        ('{"a": {"prefix": "ab"}}', {"a": "abc"}, ""),
        ('{"a": {"prefix": "ab"}}', {"a": 5}, "a"),
        ('{"a": {"any": ["x", 2]}}', {"a": 2}, ""),
        ('{"a": {"any": ["x", 2]}}', {"a": 3}, "a"),
        ('{"a": {"exists": true}}', {"a": None}, ""),
        ('{"a": {"exists": false}}', {}, ""),
        ('{"a": {"exists": false}}', {"a": 1}, "a"),
        ('{"a": {"numeric": [">", 1, "<=", 3]}}', {"a": 3}, ""),
        ('{"a": {"numeric": [">", 1, "<=", 3]}}', {"a": 1}, "a"),
        ('{"a": {"numeric": ["=", 1]}}', {"a": True}, "a"),
        ('{"a": 1, "b": 2}', {"a": 1, "b": 3}, "b"),
    ],
)
def test_a_record_matches_or_names_the_clause_that_failed(text: str, value: object, clause: str) -> None:
    match = parse(text)
    assert match is not None
    assert match(record(value)) == clause


@pytest.mark.parametrize(
    "text", ["[1]", "{", '{"a": {"b": 1}}', '{"a": {"numeric": [">"]}}', '{"a": {"numeric": ["~", 1]}}', '{"a": {"any": "x"}}']
)
def test_a_filter_that_does_not_parse_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.faults[0].field.startswith("filter")


def test_no_filter_is_no_work() -> None:
    assert parse("") is None


@given(st.binary())
def test_arbitrary_bytes_never_raise(value: bytes) -> None:
    match = parse('{"a": 1}')
    assert match is not None
    assert isinstance(match(Record(value, "s", "1", 0)), str)


def test_a_record_without_a_value_does_not_match() -> None:
    match = parse('{"a": {"exists": true}}')
    assert match is not None
    assert match(Record(None, "s", "1", 0)) == "a"


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


def test_a_record_that_is_nested_without_end_does_not_match() -> None:
    match = parse('{"a": 1}')
    assert match
    assert match(Record(DEEP, "s", "1", 0)) == "the value is nested too deeply"
    assert match(Record(b"[" * 100_000, "s", "1", 0))


def test_a_filter_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(Invalid, match="nested too deeply"):
        parse(DEEP.decode())


def test_of_two_filters_both_have_to_hold_and_the_first_that_does_not_is_told() -> None:
    one, other = parse('{"a": 1}'), parse('{"b": 2}')
    together = both(one, other)
    assert together is not None
    values = (b'{"a": 1, "b": 2}', b'{"a": 1}', b"{}")
    assert [together(Record(value, "s", "", 0)) for value in values] == ["", "b", "a"]
    assert both(one, None) is one
    assert both(None, other) is other
    assert both(None, None) is None
