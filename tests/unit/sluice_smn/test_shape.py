"""The event that a function receives, byte for byte (golden/)."""

import json
from pathlib import Path

import pytest

from sluice.binding import Binding
from sluice.event import Record
from sluice_smn.notice import Notice
from sluice_smn.settings import SmnSettings
from sluice_smn.shape import shape
from tests.smn import URN

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "SMN", "smn", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
PLAIN, FULL = SmnSettings(topic_urn=URN), SmnSettings(topic_urn=URN, outer_fields=True)
AT_MS = 1_772_435_500_000


def record(message: bytes, identifier: str = "9fcb1b", **more: str) -> Record:
    return Notice(id=identifier, message=message, time_ms=AT_MS, **more).record(URN)


CASES = {
    "one": (PLAIN, [record(b"disk full", subject="host-3")]),
    "outer_fields": (FULL, [record(b"disk full", subject="host-3")]),
    "no_subject_and_its_own_time": (PLAIN, [record(b"disk full", time="2026-03-02T07:11:40.655Z")]),
    "attributes": (PLAIN, [record(b"disk full", attributes='{"severity":"high","hosts":["a","b"]}')]),
    "batch": (PLAIN, [record(b"1", "a"), record(b"2", "b")]),
    "binary_and_empty": (PLAIN, [record(b"\xff\x00", "a"), record(b"", "b")]),
    "what_wants_escaping": (PLAIN, [record('"\\\n\u2028 ☃'.encode(), subject='"é')]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    settings, records = CASES[name]
    assert shape(BINDING, settings, records) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_example_of_the_reference_keeps_its_form() -> None:
    event = json.loads(shape(BINDING, FULL, [record(b"disk full", subject="host-3")]))
    assert event == {
        "record": [
            {
                "event_version": "1.0",
                "event_source": "smn",
                "event_subscription_urn": "urn:fss:local-1:p1:function:default:f:latest",
                "smn": {
                    "topic_urn": URN,
                    "timestamp": "2026-03-02T07:11:40Z",
                    "message_attributes": None,
                    "message": "disk full",
                    "type": "notification",
                    "message_id": "9fcb1b",
                    "subject": "host-3",
                },
            }
        ],
        "functionname": "f",
        "requestId": "9fcb1b",
        "timestamp": "Mon Mar 02 2026 07:11:40 GMT+0000 (UTC)",
    }


def test_a_huge_message_passes_whole() -> None:
    message = b"x" * 1_000_000
    event = json.loads(shape(BINDING, PLAIN, [record(message)]))
    assert event["record"][0]["smn"]["message"] == message.decode()
