"""OTLP's logs, in protobuf and in JSON."""

import base64
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sluice.errors import Invalid
from sluice_lts.log import Log
from sluice_lts.otlp import of_json, of_protobuf
from sluice_lts.records import record_of
from tests.unit.sluice_lts.samples import TIME_MS, TIME_NS, otlp_json, otlp_protobuf

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
VALUES: dict[str, tuple[Any, str]] = {
    "text": ({"stringValue": "x ☃"}, "x ☃"),
    "integer": ({"intValue": "9007199254740993"}, "9007199254740993"),
    "number": ({"doubleValue": 1.5}, "1.5"),
    "truth": ({"boolValue": False}, "false"),
    "bytes": ({"bytesValue": base64.b64encode(b"\xff").decode()}, "/w=="),
    "list": ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}}, '[1,"b"]'),
    "object": ({"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}}, '{"a":true}'),
    "nothing": ({}, ""),
}


def both(body: dict[str, Any], **record: Any) -> list[Log]:
    """What JSON and protobuf make of the same; they are the same."""
    sent = otlp_json(body, **record)
    (by_json,) = of_json(sent, "192.0.2.9")
    request = ParseDict(json.loads(sent), ExportLogsServiceRequest())
    (by_protobuf,) = of_protobuf(request.SerializeToString(), "192.0.2.9")
    assert by_json == by_protobuf
    return [by_json]


@pytest.mark.parametrize("name", VALUES)
def test_a_body_of_any_kind_is_a_message(name: str) -> None:
    body, message = VALUES[name]
    assert both(body)[0].message == message


def test_a_log_has_its_time_and_its_place() -> None:
    (log,) = both({"stringValue": "x"}, attributes=[{"key": "log.file.path", "value": {"stringValue": "/var/log/a"}}])
    assert (log.time, log.host_name, log.ip, log.path, log.line_no) == (TIME_MS, "vm1", "192.0.2.9", "/var/log/a", 1)


def test_without_a_time_of_its_own_it_has_that_of_its_observation() -> None:
    (log,) = of_json(otlp_json("x", timeUnixNano="0", observedTimeUnixNano=str(TIME_NS)), "")
    assert log.time == TIME_MS
    (log,) = of_json(otlp_json("x", timeUnixNano=0), "")
    assert log.time == 0


@pytest.mark.parametrize(
    ("number", "name"), [(0, ""), (1, "TRACE"), (9, "INFO"), (12, "INFO"), (17, "ERROR"), (24, "FATAL"), (99, "FATAL")]
)
def test_a_severity_without_a_text_has_the_name_of_its_number(number: int, name: str) -> None:
    assert of_json(otlp_json("x", severityNumber=number), "")[0].severity == name


def test_a_log_continues_its_trace() -> None:
    (log,) = of_json(otlp_json("x", traceId=TRACE.upper(), spanId=SPAN, flags=1), "")
    assert log.trace == f"00-{TRACE}-{SPAN}-01"
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN))
    assert of_protobuf(request.SerializeToString(), "")[0].trace == f"00-{TRACE}-{SPAN}-00"
    assert of_json(otlp_json("x", traceId="short"), "")[0].trace == ""


def test_names_with_dots_are_objects_where_there_is_room() -> None:
    pairs = [{"key": key, "value": {"intValue": 1}} for key in ("a.b", "a.c", "a.b.d", "e", "e.f")]
    (log,) = of_json(otlp_json("x", attributes=pairs), "")
    assert log.attributes == {"a": {"b": 1, "c": 1}, "a.b.d": 1, "e": 1, "e.f": 1}


def test_a_name_of_many_dots_stays_as_it_is() -> None:
    name = "a." * 10_000 + "b"
    (log,) = both({"stringValue": "x"}, attributes=[{"key": name, "value": {"stringValue": "y"}}])
    assert json.loads(record_of("otlp", log).value or b"")["attributes"] == {name: "y"}


def test_names_of_a_request_are_gone_with_it() -> None:
    """Whoever may send must not fill the memory with names that never come again."""
    tracemalloc.start()
    try:
        for number in range(16):
            of_json(otlp_json("x", attributes=[{"key": f"{number}." + "x" * 1024 * 1024, "value": {"stringValue": "y"}}]), "192.0.2.1")
        assert tracemalloc.get_traced_memory()[0] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (of_json, b""),
        (of_json, b"[]"),
        (of_json, b'{"resourceLogs": 1}'),
        (of_json, otlp_json("x", timeUnixNano="soon")),
        (of_json, otlp_json({"intValue": "many"})),
        (of_json, b'{"a":' + b"[" * 100_000),
        (of_protobuf, b"\xff\xff"),
    ],
)
def test_what_is_no_request_is_refused(read: Callable[[bytes, str], list[Log]], body: bytes) -> None:
    with pytest.raises(Invalid, match="ExportLogsServiceRequest"):
        read(body, "")


def test_lines_are_numbered_within_their_request() -> None:
    assert [log.line_no for log in of_protobuf(otlp_protobuf("a", "b", "c"), "")] == [1, 2, 3]
