"""The event that a function receives, byte for byte (golden/), and as the reference shows it."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice.event import Record
from sluice.host.batching import Batching
from sluice_lts import KIND
from sluice_lts.otlp import of_json
from sluice_lts.records import gap_record, record_of
from sluice_lts.settings import LtsSettings
from sluice_lts.shape import EVENT_BYTES, shape
from tests.unit.sluice_lts.samples import a_log, made, otlp_json

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "LTS", "lts", "urn:fss:local-1:p1:function:default:f:latest", b"{}", batch_size=1000)


def record(message: str, **changes: Any) -> Record:
    return record_of("otlp", a_log(message, **changes))


def structured() -> Record:
    attributes = [{"key": "http.method", "value": {"stringValue": "GET"}}, {"key": "retries", "value": {"intValue": "3"}}]
    (log,) = of_json(otlp_json("slow", severityText="WARN", attributes=attributes), "192.0.2.1")
    log.log_uid = "663d-1"
    return record_of("otlp", log)


CASES: dict[str, tuple[LtsSettings, list[Record]]] = {
    "reference": (made(owner="domain-id"), [record("2026-03-02 [WRN] x", log_uid="663d")]),
    "several": (made(), [record("one", line_no=1), record("two", line_no=2)]),
    "hostile": (made(), [record('"\\\n\u2028 ☃\0'), record(""), record("data:application/octet-stream;base64,/wA=")]),
    "plain": (made(), [structured()]),
    "metadata": (made(metadata=True), [structured(), record("without")]),
    "gap": (made(), [gap_record("/var/log/a", "0:1:2:3:0:0:", "1:1:4:0:0:0:", "earliest", 5), record("after")]),
    "foreign": (made(), [Record(b"hello", "x", "17", 5), Record(b"\xff", "x", "18", 5), Record(None, "x", "19", 5)]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    settings, records = CASES[name]
    assert shape(BINDING, settings, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def decoded(body: bytes) -> dict[str, Any]:
    outer = json.loads(body)
    assert list(outer) == ["lts"]
    assert list(outer["lts"]) == ["data"]
    inner: dict[str, Any] = json.loads(base64.b64decode(outer["lts"]["data"]))
    return inner


def test_the_example_of_the_reference_keeps_its_form() -> None:
    inner = decoded(shape(BINDING, *CASES["reference"]))
    assert list(inner) == ["logs", "owner", "log_group_id", "log_topic_id"]
    assert inner["logs"] == (
        '[{"message":"2026-03-02 [WRN] x","time":1772432000123,"host_name":"vm1","ip":"192.0.2.1","path":"var/log/a.log",'
        '"log_uid":"663d","line_no":1}]'
    )


@pytest.mark.parametrize("value", [b'{"message":"\xff","line_no":1}', b'{"message":"x"', b"[" * 100_000, b'{"message":1,"line_no":1}'])
@pytest.mark.parametrize("metadata", [True, False])
def test_whatever_somebody_tries_out_has_an_event(value: bytes, metadata: bool) -> None:
    decoded(shape(BINDING, made(metadata=metadata), [Record(value, "x", "17", 5)]))


def test_the_owner_is_the_project_unless_it_is_named() -> None:
    assert decoded(shape(BINDING, made(), [record("x")]))["owner"] == "p1"


@pytest.mark.parametrize("message", ["x" * 100, '"' * 100, "☃" * 100])
def test_events_are_split_at_75_kb(message: str) -> None:
    records = [record(message, line_no=number) for number in range(2000)]
    batching = Batching(
        BINDING, lambda some: shape(BINDING, made(), some), None, event_bytes=KIND.event_bytes, batch_bytes=KIND.batch_bytes
    )
    events = batching.events(records)
    assert sum(event.records for event in events) == 2000
    assert max(len(event.body) for event in events) <= EVENT_BYTES
    assert len(events) < 2 * sum(len(event.body) for event in events) / EVENT_BYTES


def test_what_filters_see_is_the_log() -> None:
    value = msgspec.json.decode(structured().value or b"")
    assert (value["message"], value["severity"], value["attributes"]["http"]["method"]) == ("slow", "WARN", "GET")
    assert value["resource"] == {"host": {"name": "vm1"}}
