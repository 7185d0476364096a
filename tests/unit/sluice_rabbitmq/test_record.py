"""From a message to a record."""

from sluice_rabbitmq.queue import Message
from sluice_rabbitmq.record import Recorder
from sluice_rabbitmq.settings import RabbitSettings

SETTINGS = RabbitSettings(connect_address="a:1", exchange_name="jobs", access_password="p")


def test_a_message_id_names_the_message() -> None:
    message = Message(3, b"m", "jobs", "k", message_id="m-1")
    assert Recorder(SETTINGS, "q").record(message, 1).id == "m-1"


def test_a_publisher_that_uses_ids_twice_can_be_told_apart() -> None:
    settings = RabbitSettings(connect_address="a:1", exchange_name="jobs", access_password="p", deduplicate=False)
    assert Recorder(settings, "q").record(Message(3, b"m", "jobs", "k", message_id="m-1"), 1).id == ""


def test_without_an_id_the_same_tag_on_another_connection_is_another_message() -> None:
    message = Message(3, b"m", "jobs", "k")
    one, other = Recorder(SETTINGS, "q").record(message, 1), Recorder(SETTINGS, "q").record(message, 1)
    assert (one.id, other.id) == ("", "")
    assert one.position != other.position


def test_the_time_is_the_senders_if_it_gave_one() -> None:
    assert Recorder(SETTINGS, "q").record(Message(1, b"", "jobs", "k", time_s=5), 7).time_ms == 5000
    assert Recorder(SETTINGS, "q").record(Message(1, b"", "jobs", "k"), 7).time_ms == 7


def test_a_trace_comes_along_whether_it_is_text_or_bytes() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for header in (trace, trace.encode()):
        assert Recorder(SETTINGS, "q").record(Message(1, b"", "jobs", "k", headers={"traceparent": header}), 7).trace == trace
    assert Recorder(SETTINGS, "q").record(Message(1, b"", "jobs", "k", headers={"traceparent": 7}), 7).trace == ""
