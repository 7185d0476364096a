"""The event that a function receives, byte for byte (golden/)."""

import json
from pathlib import Path

import pytest

from sluice.binding import Binding
from sluice.event import Record
from sluice_rocketmq.broker import Message
from sluice_rocketmq.record import Recorder
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.shape import shape

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "ROCKETMQ", "rocketmq", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
TIME_MS = 1_772_432_000_123
OWN = {"endpoints": "a:1", "topic": "orders", "instance_id": "81335d56"}
PLAIN, FULL = RocketSettings(**OWN), RocketSettings(**OWN, metadata=True)  # type: ignore[arg-type]  # a test's shorthand


def record(body: bytes, settings: RocketSettings = PLAIN, topic: str = "orders", **more: object) -> Record:
    message = Message("m-1", "handle", body, topic, born_ms=TIME_MS, **more)  # type: ignore[arg-type]
    return Recorder(settings).record(message, 1, 1)


CASES = {
    "one": (PLAIN, [record(b"m1")]),
    "batch": (PLAIN, [record(b"m1"), record(b"m2")]),
    "two_topics": (PLAIN, [record(b"m1"), record(b"m2", topic="refunds"), record(b"m3")]),
    "binary_and_empty": (PLAIN, [record(b"\xff\x00"), record(b""), record(b"data:application/octet-stream;base64,")]),
    "quotes_and_unicode": (PLAIN, [record('{"a":"\\"\u2028 ☃"}'.encode())]),
    "metadata": (
        FULL,
        [
            record(b"m1", FULL, tag="new", keys=("k1", "k2"), group="g", attempt=3, properties={"colour": "röt", "n": "1"}),
            record(b"m2", FULL),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    settings, records = CASES[name]
    assert shape(BINDING, settings, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_form_of_the_reference_is_kept() -> None:
    event = json.loads(shape(BINDING, PLAIN, [record(b"m1"), record(b"m2")]))
    assert event == {
        "event_version": "v1.0",
        "event_time": 1_772_432_000,
        "trigger_type": "ROCKETMQ",
        "region": "local-1",
        "instance_id": "81335d56",
        "records": [{"messages": ["m1", "m2"], "instance_id": "81335d56", "topic_id": "orders"}],
    }


def test_a_huge_message_is_whole() -> None:
    body = b"\x00" * 4_000_000
    (element,) = json.loads(shape(BINDING, PLAIN, [record(body)]))["records"]
    assert element["messages"] == [body.decode()]
