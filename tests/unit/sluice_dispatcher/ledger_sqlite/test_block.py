"""Blocks of events as bytes and back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.event import Event, random_id
from sluice_dispatcher.ledger_sqlite.block import (
    FORMAT,
    Unreadable,
    block_of,
    decode,
    encode_bodies,
    encode_ids,
    find_id,
    index_of,
    routes_in,
    sequence_of,
)

EVENTS = st.lists(
    st.builds(
        Event,
        st.binary(min_size=16, max_size=16),
        st.binary(max_size=50),
        st.sampled_from(["", "a", "ü"]),
        st.integers(0, 10_000),
        st.sampled_from(["", "00-trace-01"]),
        st.sampled_from(["", "v2@512"]),
    ),
    min_size=1,
    max_size=20,
)


@given(EVENTS)
def test_what_was_encoded_is_decoded(events: list[Event]) -> None:
    assert decode(FORMAT, encode_ids(events), encode_bodies(events)) == events


@given(EVENTS, st.data())
def test_changed_bytes_are_another_block_or_unreadable_and_nothing_else(events: list[Event], data: st.DataObject) -> None:
    bodies = bytearray(encode_bodies(events))
    bodies[data.draw(st.integers(0, len(bodies) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decode(FORMAT, encode_ids(events), bytes(bodies))
    except Unreadable:
        return


@pytest.mark.parametrize("form", [0, 3, 99])
def test_a_format_that_is_not_known_is_unreadable(form: int) -> None:
    event = Event(random_id(), b"{}")
    with pytest.raises(Unreadable, match=f"format {form}"):
        decode(form, event.id, encode_bodies([event]))


def test_the_format_before_this_one_is_read() -> None:
    events = [Event(random_id(), b"{}", "lane", 3, "00-trace-01")]
    header = msgspec.msgpack.encode([[2], "lane", 3, "00-trace-01"])
    assert decode(1, encode_ids(events), len(header).to_bytes(4, "big") + header + b"{}") == events


def test_an_id_is_found_at_whole_places_only() -> None:
    first, second = bytes(range(16)), bytes(range(16, 32))
    ids = first + second
    assert find_id(ids, second) == 1
    assert find_id(ids, ids[8:24]) == -1
    assert find_id(ids[8:24] + ids[8:24], ids[8:24]) == 0
    assert find_id(bytes(40) + first, first) == -1


@given(st.integers(1, 2**40), st.integers(0, 2**16 - 1))
def test_a_sequence_names_its_block_and_its_place(block: int, index: int) -> None:
    sequence = sequence_of(block, index)
    assert (block_of(sequence), index_of(sequence)) == (block, index)


@given(EVENTS, st.data())
def test_each_event_of_a_block_has_its_route(events: list[Event], data: st.DataObject) -> None:
    routes = data.draw(st.lists(st.integers(1, 1 << 40), min_size=len(events), max_size=len(events)))
    bodies = encode_bodies(events, routes)
    assert routes_in(FORMAT, bodies, 7) == routes
    assert decode(FORMAT, encode_ids(events), bodies) == events
    assert routes_in(FORMAT, encode_bodies(events), 7) == [7] * len(events)


def test_routes_that_are_too_few_are_unreadable() -> None:
    bodies = encode_bodies([Event(random_id(), b"{}"), Event(random_id(), b"{}")], [1])
    with pytest.raises(Unreadable):
        routes_in(FORMAT, bodies, 1)
    with pytest.raises(Unreadable):
        routes_in(99, bodies, 1)
