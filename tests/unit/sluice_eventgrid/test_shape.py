"""The event that a function receives, byte for byte (golden/)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice.event import Record
from sluice.push import Request
from sluice_eventgrid.delivery import records_of
from sluice_eventgrid.settings import EventGridSettings
from sluice_eventgrid.shape import shape

GOLDEN = Path(__file__).parent / "golden"
ONE = Binding("t1", "p1", "EVENTGRID", "eventgrid", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
MANY = msgspec.structs.replace(ONE, batch_size=10)
PLAIN, ENCODING = EventGridSettings(), EventGridSettings(key_encode=True)
HEADERS = {
    "ce-id": "4b26115b-778e-11ed-a1eb-0242ac120002",
    "ce-specversion": "1.0",
    "ce-source": "HC.OBS",
    "ce-type": "object:put",
    "ce-subject": "cat.jpg",
    "ce-time": "2026-03-02T12:07:48.955Z",
}
OBS = {"eventName": "ObjectCreated:Put", "obs": {"bucket": {"name": "photos"}, "object": {"key": "in/ä cat.png", "size": 823596}}}
S3 = {"Records": [{"s3": {"object": {"key": "in/cat.png"}}}, {"s3": {"object": {"key": "b c"}}}, {"s3": None}]}


def sent(body: bytes, content_type: str = "application/json", **more: str) -> list[Record]:
    return records_of(Request(headers=HEADERS | more | {"content-type": content_type}, body=body), 1)


def with_data(data: Any) -> list[Record]:
    return sent(json.dumps(data, ensure_ascii=False).encode())


STRUCTURED = json.dumps(
    {
        "data": {"name": "test01"},
        "zone": "a",
        "time": "2026-03-02T12:07:48.955Z",
        "subject": "cat.jpg",
        "type": "object:put",
        "source": "HC.OBS",
        "specversion": "1.0",
        "dataschema": "https://example.org/schema",
        "count": 3,
        "id": "4b26115b-778e-11ed-a1eb-0242ac120002",
    }
).encode()

CASES: dict[str, tuple[Binding, EventGridSettings, list[Record]]] = {
    "reference": (ONE, PLAIN, sent(b'{"name":"test01"}')),
    "structured": (ONE, PLAIN, sent(STRUCTURED, "application/cloudevents+json")),
    "text": (ONE, PLAIN, sent('two\nlines "quoted" ☃\u2028'.encode(), "text/plain; charset=utf-8")),
    "invalid_utf8": (ONE, PLAIN, sent(b"\xff\x00", "text/plain")),
    "binary": (ONE, PLAIN, sent(bytes(range(8)), "application/octet-stream")),
    "not_the_json_it_says": (ONE, PLAIN, sent(b'{"a":')),
    "empty": (ONE, PLAIN, sent(b"")),
    "extensions": (ONE, PLAIN, sent(b"1", **{"ce-partitionkey": "k%201", "ce-traceparent": "00-aa-bb-01"})),
    "batch": (MANY, PLAIN, [*sent(b"1"), *sent(b"2")]),
    "batch_of_one": (MANY, PLAIN, sent(b"1")),
    "encoded_key": (ONE, ENCODING, with_data(OBS)),
    "encoded_keys_of_s3": (ONE, ENCODING, with_data(S3)),
    "nothing_to_encode": (ONE, ENCODING, sent(b'{"obs":{"object":{"key":1.10}}}')),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    binding, settings, records = CASES[name]
    assert shape(binding, settings, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_every_golden_file_is_json_and_has_its_case() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(CASES)
    for file in GOLDEN.iterdir():
        json.loads(file.read_bytes())


def test_the_example_of_the_reference_keeps_its_form() -> None:
    text = b'"subject":"cat.jpg","time":"2026-03-02T12:07:48.955Z","data":{"name":"test01"}}'
    assert shape(ONE, PLAIN, CASES["reference"][2]).endswith(text)


def test_a_huge_event_passes_whole() -> None:
    (record,) = sent(b"x" * 5_000_000, "text/plain")
    assert len(json.loads(shape(ONE, PLAIN, [record]))["data"]) == 5_000_000
