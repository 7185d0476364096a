"""Ids: the same for the same thing, different for different things, and shaped as UUIDs."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.event import Record, event_id, event_ids, id_bytes, id_text, random_id

parts = st.lists(st.text() | st.binary(), min_size=1, max_size=5)


@given(parts)
def test_the_same_parts_give_the_same_id(names: list[str | bytes]) -> None:
    assert event_id(*names) == event_id(*names) == event_ids(*names[:-1])(names[-1])


def test_moving_a_boundary_gives_another_id() -> None:
    assert event_id("ab", "c") != event_id("a", "bc") != event_id("abc")


@given(st.binary(min_size=1))
def test_ids_are_uuids(name: bytes) -> None:
    made = uuid.UUID(bytes=event_id(name))
    assert (made.version, made.variant) == (5, uuid.RFC_4122)
    assert str(made) == id_text(made.bytes)
    assert id_bytes(str(made)) == made.bytes
    assert uuid.UUID(bytes=random_id()).version == 4


@pytest.mark.parametrize("text", ["", "12", "zz" * 16, "00" * 17])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"id|hex"):
        id_bytes(text)


def test_a_record_without_a_value_has_only_its_keys_size() -> None:
    assert Record(None, "s", "1", 0, key=b"abc").size == 3
