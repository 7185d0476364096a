"""The event that a function receives, byte for byte (golden/)."""

import json
from pathlib import Path

import pytest

from sluice.binding import Binding
from sluice.event import Record
from sluice_rabbitmq.queue import Message
from sluice_rabbitmq.record import Recorder
from sluice_rabbitmq.settings import RabbitSettings
from sluice_rabbitmq.shape import shape

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "RABBITMQ", "rabbitmq", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
TIME_S = 1_772_432_000
OWN = {"connect_address": "a:1", "exchange_name": "jobs", "access_password": "p", "instance_id": "81335d56"}
PLAIN, FULL = RabbitSettings(**OWN), RabbitSettings(**OWN, metadata=True)  # type: ignore[arg-type]  # a test's shorthand


def record(body: bytes, settings: RabbitSettings = PLAIN, exchange: str = "jobs", **more: object) -> Record:
    message = Message(1, body, exchange, "new", time_s=TIME_S, **more)  # type: ignore[arg-type]
    return Recorder(settings, "queue").record(message, 1)


CASES = {
    "one": (PLAIN, [record(b"m1")]),
    "batch": (PLAIN, [record(b"m1"), record(b"m2")]),
    "two_exchanges": (PLAIN, [record(b"m1"), record(b"m2", exchange="other"), record(b"m3")]),
    "binary_and_empty": (PLAIN, [record(b"\xff\x00"), record(b"")]),
    "metadata": (
        FULL,
        [
            record(
                b"m1",
                FULL,
                message_id="m-1",
                redeliveries=2,
                content_type="text/plain",
                headers={"priority": 1, "raw": b"\xff", "x-death": [{"count": 3, "queue": "q"}], "flag": True, "none": None},
            )
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    settings, records = CASES[name]
    assert shape(BINDING, settings, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_example_of_the_reference_keeps_its_form() -> None:
    event = json.loads(shape(BINDING, PLAIN, [record(b"m1"), record(b"m2")]))
    assert event == {
        "event_version": "v1.0",
        "event_time": TIME_S,
        "trigger_type": "RABBITMQ",
        "region": "local-1",
        "records": [{"messages": ["m1", "m2"], "instance_id": "81335d56", "exchange": "jobs"}],
    }
