"""The event that a function receives, byte for byte (golden/), and what it makes of any bytes."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.binding import Binding
from sluice.event import Record
from sluice_dis.record import gap_record
from sluice_dis.settings import DisSettings
from sluice_dis.shape import BEHIND, shape

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "DIS", "dis", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
SETTINGS = DisSettings(stream_name="clicks", sharditerator_type="LATEST", endpoint="http://a:1", access_key="a", secret_key="s")
SOURCE = "clicks#1772432000123/shardId-0000000000"
TIME_MS = 1_772_432_000_123


def record(value: bytes, sequence: int = 0, key: bytes = b"k1", behind: str = "") -> Record:
    return Record(value, SOURCE, str(sequence), TIME_MS, key, attributes=((BEHIND, behind),))


CASES = {
    "one": [record(b"hello")],
    "batch": [record(b"hello"), record(b"you", 1, 'ü"\n\u2028'.encode(), "1200")],
    "empty": [record(b"")],
    "binary": [record(b"\xff\x00")],
    "gap": [gap_record(SOURCE, "5@1772345600000", "TRIM_HORIZON", "earliest", TIME_MS)],
    "gap_then_record": [gap_record(SOURCE, "5@1772345600000", "TRIM_HORIZON", "earliest", TIME_MS), record(b"hello", 9)],
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    assert shape(BINDING, SETTINGS, CASES[name]) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_example_of_the_reference_keeps_its_form() -> None:
    event = json.loads(shape(BINDING, SETTINGS, [record(b"hello")]))
    assert event == {
        "ShardID": "shardId-0000000000",
        "Tag": "latest",
        "StreamName": "clicks",
        "Message": {
            "next_partition_cursor": base64.b64encode(b"shardId-0000000000:0").decode(),
            "millis_behind_latest": "",
            "records": [{"partition_key": "k1", "data": "aGVsbG8=", "sequence_number": "0"}],
        },
    }
    assert list(event) == ["ShardID", "Tag", "StreamName", "Message"]


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_any_bytes_come_back(values: list[bytes]) -> None:
    event = json.loads(shape(BINDING, SETTINGS, [record(value, number) for number, value in enumerate(values)]))
    assert [base64.b64decode(one["data"]) for one in event["Message"]["records"]] == values


def test_a_large_record_is_whole() -> None:
    (told,) = json.loads(shape(BINDING, SETTINGS, [record(bytes(10 << 20))]))["Message"]["records"]
    assert len(base64.b64decode(told["data"])) == 10 << 20


def test_the_same_records_give_the_same_bytes() -> None:
    assert shape(BINDING, SETTINGS, CASES["batch"]) == shape(BINDING, SETTINGS, list(CASES["batch"]))
