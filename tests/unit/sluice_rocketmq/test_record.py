"""From a message to a record."""

import pytest

from sluice_rocketmq.broker import Message
from sluice_rocketmq.record import Recorder
from sluice_rocketmq.settings import RocketSettings

SETTINGS = RocketSettings(endpoints="a:1", topic="jobs")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MESSAGE = Message("m-1", "handle", b"m", "jobs")


def test_a_message_id_names_the_message() -> None:
    assert Recorder(SETTINGS).record(MESSAGE, 3, 1).id == "m-1"


def test_a_publisher_that_uses_ids_twice_can_be_told_apart() -> None:
    settings = RocketSettings(endpoints="a:1", topic="jobs", deduplicate=False)
    one, other = Recorder(settings).record(MESSAGE, 3, 1), Recorder(settings).record(MESSAGE, 3, 1)
    assert (one.id, other.id) == ("", "")
    assert one.position != other.position


@pytest.mark.parametrize(
    ("message", "key"),
    [(MESSAGE._replace(group="g", keys=("k",)), b"g"), (MESSAGE._replace(keys=("k", "l")), b"k"), (MESSAGE, None)],
)
def test_the_key_is_the_message_group_else_its_first_key(message: Message, key: bytes | None) -> None:
    assert Recorder(SETTINGS).record(message, 1, 1).key == key


def test_the_time_is_the_senders_if_it_gave_one() -> None:
    assert Recorder(SETTINGS).record(MESSAGE._replace(born_ms=5), 1, 7).time_ms == 5
    assert Recorder(SETTINGS).record(MESSAGE, 1, 7).time_ms == 7


def test_a_trace_comes_along_as_a_property_or_as_the_protocols_own() -> None:
    assert Recorder(SETTINGS).record(MESSAGE._replace(properties={"traceparent": TRACE}, trace="x"), 1, 7).trace == TRACE
    assert Recorder(SETTINGS).record(MESSAGE._replace(trace=TRACE), 1, 7).trace == TRACE
    assert Recorder(SETTINGS).record(MESSAGE._replace(trace="something else"), 1, 7).trace == ""
