"""Which events of which keys a trigger wants, and when two want the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_obs.selection import KNOWN, Selection, canonical, event_faults


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("s3:ObjectCreated:*", "ObjectCreated:*"),
        ("ObjectCreated:Put", "ObjectCreated:Put"),
        ("ObjectRemoved", "ObjectRemoved:*"),
        ("CompleteMultipartUpload", "ObjectCreated:CompleteMultipartUpload"),
        ("DeleteMarkerCreated", "ObjectRemoved:DeleteMarkerCreated"),
        ("s3:Delete", "ObjectRemoved:Delete"),
        ("objectcreated:put", ""),
        ("ObjectAccessed:Get", ""),
        ("*", ""),
        ("", ""),
        ("s3:s3:Put", ""),
    ],
)
def test_an_event_has_one_name_however_it_is_written(written: str, name: str) -> None:
    assert canonical(written) == name


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], "at least one"),
        (["ObjectAccessed:Get"], "'ObjectAccessed:Get' is none of s3:ObjectCreated:*, s3:ObjectCreated:Put"),
        (["Put", "s3:ObjectCreated:Put"], "s3:ObjectCreated:Put is there twice"),
        (["ObjectCreated:*", "Put"], "s3:ObjectCreated:* is all of them, and leaves no place for s3:ObjectCreated:Put"),
    ],
)
def test_what_is_wrong_with_events_is_said(events: list[str], said: str) -> None:
    (fault,) = event_faults(events)
    assert fault.field == "events"
    assert said in fault.rule


def test_a_star_of_one_family_stands_beside_members_of_the_other() -> None:
    assert list(event_faults(["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"])) == []


def a_selection(*events: str, prefix: str = "", suffix: str = "") -> Selection:
    return Selection(frozenset(map(canonical, events)), prefix.encode(), suffix.encode())


@pytest.mark.parametrize(
    ("event", "key", "missed"),
    [
        ("ObjectCreated:Put", "in/a.png", ""),
        ("ObjectCreated:PutRetention", "in/a.png", ""),
        ("ObjectRemoved:Delete", "in/a.png", ""),
        ("ObjectRemoved:DeleteMarkerCreated", "in/a.png", "events"),
        ("ObjectAccessed:Get", "in/a.png", "events"),
        ("ObjectCreated:Put", "out/a.png", "prefix"),
        ("ObjectCreated:Put", "in/a.txt", "suffix"),
        ("ObjectCreated:Put", "in/.pn", "suffix"),
    ],
)
def test_what_leaves_an_event_out_is_named(event: str, key: str, missed: str) -> None:
    assert a_selection("ObjectCreated:*", "Delete", prefix="in/", suffix=".png").misses(event, key.encode()) == missed


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (a_selection("Put"), a_selection("Put"), True),
        (a_selection("Put"), a_selection("Post"), False),
        (a_selection("Put"), a_selection("ObjectCreated"), True),
        (a_selection("ObjectRemoved"), a_selection("ObjectCreated"), False),
        (a_selection("Put", prefix="a/"), a_selection("Put", prefix="b/"), False),
        (a_selection("Put", prefix="a/"), a_selection("Put", prefix="a/b"), True),
        (a_selection("Put", prefix="a/"), a_selection("Put", suffix=".png"), True),
        (a_selection("Put", suffix=".png"), a_selection("Put", suffix=".jpg"), False),
        (a_selection("Put", suffix="g"), a_selection("Put", suffix=".jpg"), True),
        (a_selection("Put", prefix="a", suffix=".png"), a_selection("Put", prefix="a", suffix=".jpg"), False),
    ],
)
def test_two_overlap_when_one_event_of_one_key_could_be_for_both(one: Selection, other: Selection, overlap: bool) -> None:
    assert one.overlaps(other) is other.overlaps(one) is overlap


SELECTIONS = st.builds(
    Selection,
    st.frozensets(st.sampled_from(KNOWN), min_size=1),
    st.text("ab", max_size=2).map(str.encode),
    st.text("ab", max_size=2).map(str.encode),
)
EVENTS = [name for name in KNOWN if not name.endswith("*")]


@given(SELECTIONS, SELECTIONS, st.sampled_from(EVENTS), st.text("ab", max_size=6).map(str.encode))
def test_what_both_want_is_an_overlap(one: Selection, other: Selection, event: str, key: bytes) -> None:
    if not one.misses(event, key) and not other.misses(event, key):
        assert one.overlaps(other)


@given(SELECTIONS, SELECTIONS)
def test_an_overlap_has_a_key_that_both_want(one: Selection, other: Selection) -> None:
    if one.overlaps(other):
        key = max(one.prefix, other.prefix, key=len) + max(one.suffix, other.suffix, key=len)
        assert any(not one.misses(event, key) and not other.misses(event, key) for event in EVENTS)
