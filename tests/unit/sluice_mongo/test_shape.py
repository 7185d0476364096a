"""The event that a function receives, byte for byte (golden/)."""

import datetime
import json
from pathlib import Path
from typing import Any

import bson
import msgspec
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp, json_util
from hypothesis import given
from hypothesis import strategies as st

from sluice.binding import Binding
from sluice.event import Record
from sluice_mongo.extended_pymongo import changes_of, found_of
from sluice_mongo.position import Position, Time
from sluice_mongo.record import gap_record, record_of
from sluice_mongo.settings import MongoSettings
from sluice_mongo.shape import DOCUMENT, document_of, shape

GOLDEN = Path(__file__).parent / "golden"
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"
DDS = Binding("t1", "p1", "DDS", "mongo", FUNCTION, b"{}")
GAUSS = Binding("t1", "p1", "GAUSSMONGO", "mongo", FUNCTION, b"{}")
SETTINGS = MongoSettings(db_name="shop", instance_addrs=["127.0.0.1:27017"], instance_id="e6065860")
TOKEN = "825D8C8A0D000000012B0229296E04"
ID = ObjectId("5d8c8a0d6f3a8b0001a6f2d3")
PERSON = {"_id": ID, "name": "x", "age": 52.0}
GAP = gap_record("shop.person", Position(Time(1_772_432_000, 7)), Position(Time(1_772_435_600, 1)), "lost (286)", "start_at_time", 0)


def change(operation: str = "insert", document: Any = PERSON, **more: Any) -> Record:
    event = {"_id": {"_data": TOKEN}, "operationType": operation, "clusterTime": Timestamp(1_569_491_469, 1)}
    event |= {"ns": {"db": "shop", "coll": "person"}, "documentKey": {"_id": ID}}
    event |= {"wallTime": datetime.datetime(2019, 9, 26, 9, 51, 9, 7000, tzinfo=datetime.UTC)}
    event |= {} if document is None else {"fullDocument": document}
    return record_of(changes_of(bson.encode(event | more), whole=True, metadata=False)[0], "shop.person", metadata=False)


def with_metadata(operation: str, **more: Any) -> Record:
    event = {"_id": {"_data": TOKEN}, "operationType": operation, "clusterTime": Timestamp(1_569_491_469, 1)}
    return record_of(
        changes_of(bson.encode(event | {"ns": {"db": "shop", "coll": "person"}} | more), False, True)[0], "shop.person", metadata=True
    )


HOSTILE = {
    "_id": 1,
    "long": Int64(2**53 + 1),
    "decimal": Decimal128("1.10"),
    "numbers": [1, -1.5, float("nan"), float("inf"), float("-inf"), 1e300],
    "binary": b"\x00\xff",
    "uuid": Binary(bytes(range(16)), 4),
    "date": datetime.datetime(2026, 3, 2, 2, 23, 45, 259000, tzinfo=datetime.UTC),
    "old": datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC),
    "regex": Regex("^a", "i"),
    "code": Code("f()"),
    "ends": [MinKey(), MaxKey()],
    "reference": DBRef("other", 7),
    "stamp": Timestamp(7, 8),
    "nothing": None,
    "yes": True,
    'quote " \\ \u2028 ☃': "line\nline\x00",
}

CASES: dict[str, tuple[Binding, list[Record]]] = {
    "insert": (DDS, [change()]),
    "update": (DDS, [change("update", updateDescription={"updatedFields": {"age": 52.0}})]),
    "replace": (DDS, [change("replace")]),
    "delete": (DDS, [change("delete", None)]),
    "batch": (DDS, [change(), change("delete", None)]),
    "empty": (DDS, [change(document={})]),
    "hostile": (DDS, [change(document=HOSTILE)]),
    "dropped": (DDS, [with_metadata("drop")]),
    "metadata": (
        DDS,
        [
            with_metadata(
                "update",
                documentKey={"_id": ID},
                updateDescription={"updatedFields": {"age": 53}, "removedFields": []},
                fullDocumentBeforeChange=PERSON,
            )
        ],
    ),
    "snapshot": (DDS, [record_of(found_of(bson.encode(PERSON), "shop", "person", Time(5, 1), False), "shop.person", metadata=True)]),
    "gap": (DDS, [GAP]),
    "gap_then_change": (DDS, [GAP, change()]),
    "gauss": (GAUSS, [change(), change("delete", None)]),
    "gauss_gap": (GAUSS, [GAP]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    binding, records = CASES[name]
    assert shape(binding, SETTINGS, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_example_of_the_reference_keeps_its_form() -> None:
    (element,) = json.loads(shape(DDS, SETTINGS, [change()]))["records"]
    assert list(element) == ["event_source", "event_name", "region", "event_version", "event_source_id", "dds"]
    assert [element[name] for name in list(element)[:5]] == ["dds", "insert", "local-1", "1.0", "e6065860"]
    assert list(element["dds"]) == ["size_bytes", "token", "full_document", "ns"]
    assert all(isinstance(value, str) for value in element["dds"].values())
    assert json.loads(element["dds"]["token"]) == {"_data": TOKEN}
    assert json.loads(element["dds"]["full_document"]) == {"_id": {"$oid": str(ID)}, "name": "x", "age": {"$numberDouble": "52.0"}}
    assert json.loads(element["dds"]["ns"]) == {"db": "shop", "coll": "person"}
    assert element["dds"]["size_bytes"] == str(len(element["dds"]["full_document"]))


def test_the_other_type_has_its_own_words() -> None:
    event = json.loads(shape(GAUSS, SETTINGS, [change()]))
    (element,) = event["records"]
    assert (element["event_source"], element["event_name"]) == ("gauss_mongo", '"insert"')
    assert event["vernier"] == element["gauss_mongo"]["token"]


def test_canonical_and_relaxed_are_the_drivers_own() -> None:
    record = change(document=HOSTILE)
    document: dict[str, Any] = bson.decode(bson.encode(HOSTILE), bson.CodecOptions(datetime_conversion=bson.DatetimeConversion.DATETIME_MS))
    assert json.loads(document_of(record)) == json.loads(json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS))
    relaxed = json.loads(record.value or b"")["fullDocument"]
    assert relaxed == json.loads(json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS))


def test_what_is_not_utf8_is_shown_with_a_mark() -> None:
    raw = bson.encode({"_id": {"_data": TOKEN}, "operationType": "insert", "fullDocument": {"name": "xx"}}).replace(b"xx", b"\xff\xfe")
    record = record_of(changes_of(raw, False, False)[0], "shop.person", metadata=False)
    assert json.loads(document_of(record)) == {"name": "\ufffd\ufffd"}
    json.loads(shape(DDS, SETTINGS, [record]))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary() | st.text(), st.lists
    )
)
def test_any_value_comes_back(value: Any) -> None:
    record = change(document={"v": value})
    element = json.loads(shape(DDS, SETTINGS, [record]))["records"][0]
    back = json_util.loads(element["dds"]["full_document"])
    assert bson.encode(back) == bson.encode({"v": value})


@pytest.mark.parametrize("binding", [DDS, GAUSS])
def test_the_same_records_give_the_same_bytes(binding: Binding) -> None:
    records = [change(), change("update")]
    assert shape(binding, SETTINGS, records) == shape(binding, SETTINGS, list(records))


@pytest.mark.parametrize("name", ["insert", "update", "delete", "hostile"])
def test_a_filter_changes_nothing_of_the_event(name: str) -> None:
    (filtered,) = CASES[name][1]
    alone = msgspec.structs.replace(
        filtered, value=document_of(filtered), attributes=tuple(pair for pair in filtered.attributes if pair[0] != DOCUMENT)
    )
    assert shape(DDS, SETTINGS, [alone]) == shape(DDS, SETTINGS, [filtered])
