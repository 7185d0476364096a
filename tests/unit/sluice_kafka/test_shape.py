"""The event that a function receives, byte for byte (golden/), and its encodings of what JSON cannot hold."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.binding import Binding
from sluice.event import Record
from sluice.text import BINARY, text
from sluice_kafka.record import gap_record
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.shape import shape

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "OPENSOURCEKAFKA", "kafka", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
SETTINGS = KafkaSettings(kafka_connect_address="127.0.0.1:9092", topic_ids=["orders", "returns"], instance_id="81335d56")
WITH_METADATA = KafkaSettings(
    kafka_connect_address="127.0.0.1:9092", topic_ids=["orders", "returns"], instance_id="81335d56", metadata=True
)
TIME_MS = 1_772_432_000_123


def record(value: bytes | None, source: str = "orders/0", offset: int = 7, **more: object) -> Record:
    return Record(value, source, str(offset), TIME_MS, **more)  # type: ignore[arg-type]  # a test's shorthand


CASES = {
    "one": (SETTINGS, [record(b"m1")]),
    "batch": (SETTINGS, [record(b"m1"), record(b"m2")]),
    "quoted": (SETTINGS, [record('{"a":"ü\\"\n\u2028"}'.encode())]),
    "empty": (SETTINGS, [record(b"")]),
    "binary": (SETTINGS, [record(b"\xff\x00")]),
    "tombstone": (SETTINGS, [record(None)]),
    "mixed": (SETTINGS, [record(b"m1"), record(None), record(b"\xff\x00")]),
    "two_topics": (SETTINGS, [record(b"m1"), record(b"m2", "returns/3"), record(b"m3")]),
    "metadata": (
        WITH_METADATA,
        [
            record(b"m1", key=b"k1", attributes=(("headers", '[["trace","1"],["trace",null]]'),)),
            record(None, "orders/0", 8, key=b"\xfe"),
        ],
    ),
    "gap": (SETTINGS, [gap_record("orders/0", 5, 9, "earliest", TIME_MS)]),
    "gap_then_record": (SETTINGS, [gap_record("orders/0", 5, 9, "earliest", TIME_MS), record(b"m9", offset=9)]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    settings, records = CASES[name]
    assert shape(BINDING, settings, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_example_of_the_reference_keeps_its_form() -> None:
    event = json.loads(shape(BINDING, SETTINGS, [record(b"m1"), record(b"m2")]))
    assert list(event) == ["event_version", "event_time", "trigger_type", "region", "instance_id", "records"]
    assert event["event_time"] == TIME_MS // 1000
    assert event["trigger_type"] == "KAFKA"
    assert event["records"] == [{"messages": ["m1", "m2"], "instance_id": "81335d56", "topic_id": "orders"}]


@given(st.binary(max_size=200))
def test_any_bytes_come_back(value: bytes) -> None:
    message = json.loads(shape(BINDING, SETTINGS, [record(value)]))["records"][0]["messages"][0]
    back = base64.b64decode(message.removeprefix(BINARY)) if message.startswith(BINARY) else message.encode()
    assert back == value


@given(st.lists(st.one_of(st.none(), st.binary(max_size=30)), min_size=1, max_size=8))
def test_a_batch_says_the_same_as_its_records_alone(values: list[bytes | None]) -> None:
    alone = [json.loads(shape(BINDING, SETTINGS, [record(value)]))["records"][0]["messages"][0] for value in values]
    assert json.loads(shape(BINDING, SETTINGS, [record(value) for value in values]))["records"][0]["messages"] == alone


def test_a_text_that_looks_like_the_marker_is_encoded_too() -> None:
    assert text(BINARY.encode() + b"aGk=") == BINARY + base64.b64encode(BINARY.encode() + b"aGk=").decode()


@pytest.mark.parametrize("settings", [SETTINGS, WITH_METADATA])
def test_the_same_records_give_the_same_bytes(settings: KafkaSettings) -> None:
    records = [record(b"m1"), record(b"m2")]
    assert shape(BINDING, settings, records) == shape(BINDING, settings, list(records))
