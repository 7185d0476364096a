"""From a message to a record."""

import msgspec
import pytest

from sluice_mqtt.broker import Message
from sluice_mqtt.record import Recorder
from sluice_mqtt.settings import MqttSettings

LEAST = {"connect_address": "a:1", "topics": ["#"]}


def recorder(**changes: object) -> Recorder:
    return Recorder(msgspec.convert(LEAST | changes, MqttSettings), "session")


@pytest.mark.parametrize(
    ("topic", "resource", "event", "device"),
    [
        ("$oc/devices/p_n/sys/properties/report", "device.property", "report", "p_n"),
        ("$oc/devices/p_n/sys/messages/up", "device.message", "report", "p_n"),
        ("$oc/devices/p_n/user/a/b", "device.message", "report", "p_n"),
        ("plain/topic", "device.message", "report", ""),
    ],
)
def test_the_topic_says_what_a_message_is(topic: str, resource: str, event: str, device: str) -> None:
    known = dict(recorder().record(Message(1, topic, b""), 0).attributes)
    assert (known["resource"], known["event"], known["device_id"], known["topic"]) == (resource, event, device, topic)


def test_templates_of_the_settings_come_before_iotdas_and_in_their_order() -> None:
    own = [
        {"topic": "$oc/devices/{device_id}/sys/messages/up", "resource": "mine", "event": "first"},
        {"topic": "#", "resource": "mine", "event": "second"},
    ]
    made = recorder(topic_map=own, resource="never", event="never")
    assert dict(made.record(Message(1, "$oc/devices/d/sys/messages/up", b""), 0).attributes)["event"] == "first"
    assert dict(made.record(Message(1, "a", b""), 0).attributes)["event"] == "second"


def test_what_no_template_knows_is_what_the_settings_say() -> None:
    known = dict(recorder(resource="device.status", event="update").record(Message(1, "a", b""), 0).attributes)
    assert (known["resource"], known["event"]) == ("device.status", "update")


def test_messages_of_a_device_have_its_key_and_others_that_of_their_topic() -> None:
    assert recorder().record(Message(1, "$oc/devices/d/sys/messages/up", b""), 0).key == b"d"
    assert recorder().record(Message(1, "a/b", b""), 0).key == b"a/b"


def test_a_property_that_names_messages_gives_the_id() -> None:
    message = Message(1, "a", b"", user=(("id", "m-1"),))
    assert recorder(id_property="id").record(message, 0).id == "m-1"
    assert recorder(id_property="other").record(message, 0).id == ""
    assert recorder().record(message, 0).id == ""


def test_without_an_id_the_same_tag_on_another_connection_is_another_message() -> None:
    message = Message(1, "a", b"")
    one, other = recorder().record(message, 0), recorder().record(message, 0)
    assert (one.id, other.id) == ("", "")
    assert one.position != other.position


def test_a_trace_comes_along() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert recorder().record(Message(1, "a", b"", user=(("traceparent", trace),)), 0).trace == trace
    assert recorder().record(Message(1, "a", b"", user=(("traceparent", "ü"),)), 0).trace == ""
