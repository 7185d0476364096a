"""CloudEvents in Kafka's messages: the scenarios of the CNCF's conformance features, the SDK as producer, and what the function gets."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings import kafka as binding
from cloudevents.core.v1.event import CloudEvent as SdkEvent

from sluice.binding import Binding
from sluice.errors import Invalid
from sluice.event import Record
from sluice_kafka.cloudevents import event_record
from sluice_kafka.record import gap_record
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.shape import shape
from tests.conformance.kafka_fake import FakeMessage

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "OPENSOURCEKAFKA", "kafka", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
OWN: dict[str, Any] = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "cloudevents": True}
SCENARIO = {
    "id": "1234-1234-1234",
    "specversion": "1.0",
    "source": "/mycontext/subcontext",
    "type": "com.example.someevent",
    "time": "2018-04-05T03:56:24Z",
}
JSON = "application/json"
HELLO = b'{"message": "Hello World!"}'
WHOLE = SCENARIO | {"datacontenttype": JSON, "data": {"message": "Hello World!"}}


def settings(**changes: Any) -> KafkaSettings:
    return msgspec.convert(OWN | changes, KafkaSettings)


def record(value: bytes | None, headers: dict[str, str | bytes | None], key: bytes | None = b"k") -> Record:
    coded = [(name, text.encode() if isinstance(text, str) else text) for name, text in headers.items()]
    return event_record(FakeMessage(7, value, key, coded, 1_772_453_268_955), "orders#1a2B3c4d/3")


def attributes(content_type: str = JSON, **changes: str | bytes | None) -> dict[str, str | bytes | None]:
    return {f"ce_{name}": value for name, value in (SCENARIO | changes).items()} | {"content-type": content_type}


def told(one: Record) -> Any:
    assert not one.refused
    return json.loads(one.value or b"")


def test_binary_content_mode() -> None:
    one = record(HELLO, attributes())
    assert told(one) == WHOLE
    assert (one.source, one.position, one.key, one.time_ms) == ("orders#1a2B3c4d/3", "7", b"k", 1_772_453_268_955)


@pytest.mark.parametrize("content_type", ["application/cloudevents+json", "application/cloudevents+json; charset=utf-8"])
def test_structured_content_mode(content_type: str) -> None:
    assert told(record(json.dumps(WHOLE).encode(), {"content-type": content_type})) == WHOLE


def test_values_of_headers_are_plain_utf8_and_foreign_headers_are_none_of_the_event() -> None:
    event = told(record(b"", attributes(subject="50%25 ☃") | {"note": b"\xff", "ce_none": None}))
    assert (event["subject"], "note" in event, "none" in event) == ("50%25 ☃", False, False)


@pytest.mark.parametrize("write", [binding.to_binary_event, binding.to_structured_event])
def test_what_the_sdk_produces_is_read(write: Any) -> None:
    given = {"id": "1", "source": "/ä", "type": "t", "datacontenttype": JSON, "note": "☃", "time": datetime(2026, 3, 2, tzinfo=UTC)}
    message = write(SdkEvent(given, {"a": [1, None]}))
    event = told(record(message.value, message.headers))
    expected = given | {"specversion": "1.0", "time": "2026-03-02T00:00:00Z", "data": {"a": [1, None]}}
    assert event == expected


@pytest.mark.parametrize(
    ("value", "headers", "why"),
    [
        (b"hello", {}, "specversion: is mandatory"),
        (None, {}, "specversion: is mandatory"),
        (HELLO, attributes(specversion="0.3"), "specversion: is 1.0, not '0.3'"),
        (HELLO, attributes(time="soon"), "time: is a time"),
        (HELLO, attributes(id=b"\xff"), "ce_id: is not UTF-8"),
        (HELLO, {"content-type": "application/cloudevents+json"}, "specversion: is mandatory"),
        (None, {"content-type": "application/cloudevents+json"}, "is not an object"),
        (b"[]", {"content-type": "application/cloudevents-batch+json"}, "content-type"),
        (b"", {"content-type": "application/cloudevents+avro"}, "content-type"),
    ],
)
def test_what_is_no_event_is_refused_with_its_value_and_the_reason(value: bytes | None, headers: Any, why: str) -> None:
    one = record(value, headers)
    assert one.value == value
    assert one.refused.startswith("it is no CloudEvent: ")
    assert why in one.refused


def test_the_trace_is_that_of_the_event_or_of_the_message() -> None:
    trace, other = ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01")
    assert record(b"", attributes(traceparent=trace) | {"traceparent": other}).trace == trace
    assert record(b"", attributes() | {"traceparent": other}).trace == other


SAMPLE = record(HELLO, attributes())
GAP = gap_record("orders#1a2B3c4d/3", 5, 9, "earliest", 1_772_453_268_955)
CASES = {
    "cloudevent": (settings(), [SAMPLE]),
    "cloudevents": (settings(batch_size=10), [SAMPLE, SAMPLE]),
    "cloudevents_one": (settings(batch_size=10), [SAMPLE]),
    "cloudevents_gap": (settings(), [GAP]),
    "cloudevents_refused": (settings(), [record(b"\xff", attributes(id=""))]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    own, records = CASES[name]
    assert shape(BINDING, own, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_metadata_has_no_place_in_a_cloudevent() -> None:
    with pytest.raises(Invalid, match="metadata"):
        settings(metadata=True)
