"""From a message to a record."""

import json

from sluice_kafka.record import gap_record, record_of
from sluice_kafka.shape import HEADERS
from tests.conformance.kafka_fake import FakeMessage

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_record_says_where_it_stands() -> None:
    record = record_of(FakeMessage(7, b"v", b"k", timestamp=123), "orders/3", False)
    assert (record.value, record.source, record.position, record.time_ms, record.key) == (b"v", "orders/3", "7", 123, b"k")
    assert not record.attributes
    assert not record.trace


def test_the_traceparent_is_taken_from_the_headers() -> None:
    assert record_of(FakeMessage(7, b"v", headers=(("a", b"1"), ("traceparent", TRACE.encode()))), "orders/3", False).trace == TRACE
    assert record_of(FakeMessage(7, b"v", headers=(("traceparent", b"\xff"),)), "orders/3", False).trace == ""
    assert record_of(FakeMessage(7, b"v", headers=(("traceparent", None),)), "orders/3", False).trace == ""


def test_headers_are_kept_in_order_when_they_are_asked_for() -> None:
    message = FakeMessage(7, b"v", headers=(("a", b"1"), ("a", None), ("b", b"\xff")))
    headers = dict(record_of(message, "orders/3", True).attributes)[HEADERS]
    assert json.loads(headers) == [["a", "1"], ["a", None], ["b", "data:application/octet-stream;base64,/w=="]]
    assert not record_of(message, "orders/3", False).attributes


def test_a_message_without_a_time_has_time_zero() -> None:
    assert record_of(FakeMessage(7, b"v", timestamp=-1), "orders/3", False).time_ms == 0


def test_a_gap_has_an_id_of_its_own() -> None:
    gap = gap_record("orders/3", 5, 9, "earliest", 123)
    assert gap.value is None
    assert gap.position == "5"
    assert gap.id == "gap:orders/3:5:9"
