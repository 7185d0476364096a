"""What tells records apart, and which are wanted."""

from typing import Any

import pytest

from sluice.event import Record
from sluice_obs.record import Recorder, match_of
from sluice_obs.selection import Selection
from tests.s3 import TIME_MS, ceph, told, whole

RECORDER = Recorder("local-1", "t1", "auto")
NOW_MS = 7


def record(one: dict[str, Any]) -> Record:
    (made,) = RECORDER.records(whole(one), NOW_MS)
    return made


def test_a_record_has_its_bucket_its_key_and_its_time() -> None:
    made = record(told("in%2Fa+b.png"))
    assert (made.source, made.key, made.time_ms) == ("photos", b"in/a b.png", TIME_MS)
    assert made.position == "00000000198506E6B5B60E6B30000000"


@pytest.mark.parametrize("when", ["", "yesterday", "9999999-01-01"])
def test_a_store_without_a_time_gets_ours(when: str) -> None:
    assert record(told("a", when=when)).time_ms == NOW_MS


def test_the_same_thing_told_again_has_the_same_id() -> None:
    assert record(told("a")).id == record(told("a")).id
    assert record(told("a", when="later")).id == record(told("a")).id


@pytest.mark.parametrize(
    "other",
    [
        told("b"),
        told("a", bucket="other"),
        told("a", "ObjectRemoved:Delete"),
        told("a", sequencer="2"),
        told("a", versionId="v2"),
    ],
)
def test_another_thing_has_another_id(other: dict[str, Any]) -> None:
    assert record(other).id != record(told("a")).id


def test_without_sequencer_and_version_time_and_request_tell_apart() -> None:
    bare: dict[str, Any] = {"sequencer": None, "versionId": None}
    one = record(told("a", **bare))
    assert one.id == record(told("a", **bare)).id
    assert one.id != record(told("a", when="2026-03-02T00:47:50.353Z", **bare)).id
    assert one.id != record(told("a", **bare, eTag="other")).id
    assert one.position == one.id


def test_stores_that_write_s3_before_the_event_mean_the_same() -> None:
    assert record(told("a", "s3:ObjectCreated:Put")).id == record(told("a")).id


@pytest.mark.parametrize(
    ("one", "missed"),
    [
        (told("in%2Fa.png"), ""),
        (ceph("in/a.png", "s3:ObjectCreated:Put"), ""),
        (told("in%2Fa.png", bucket="other"), "bucket"),
        (told("in%2Fa.png", "ObjectRemoved:Delete"), "events"),
        (told("out%2Fa.png"), "prefix"),
        (told("in%2Fa.jpg"), "suffix"),
        (told("in%2Fa%2Epng"), ""),
        (told("in%2Fa%252Epng"), "suffix"),
    ],
)
def test_only_what_is_asked_for_is_wanted(one: dict[str, Any], missed: str) -> None:
    match = match_of("photos", Selection(frozenset({"ObjectCreated:*"}), b"in/", b".png"))
    assert match(record(one)) == missed


@pytest.mark.parametrize("value", [None, b"", b"hello", b"{}", b"\xff", b'{"eventName": "x", "s3": {}}'])
def test_what_is_no_record_of_a_notification_is_not_wanted(value: bytes | None) -> None:
    match = match_of("photos", Selection(frozenset({"ObjectCreated:*"})))
    assert match(Record(value, "s", "p", 0)) == "the value is no record of a notification"
