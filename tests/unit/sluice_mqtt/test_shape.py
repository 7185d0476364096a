"""The event that a function receives, byte for byte (golden/)."""

import json
from pathlib import Path

import msgspec
import pytest

from sluice.binding import Binding
from sluice.event import Record
from sluice_mqtt.broker import Message
from sluice_mqtt.record import Recorder
from sluice_mqtt.settings import MqttSettings
from sluice_mqtt.shape import shape

GOLDEN = Path(__file__).parent / "golden"
BINDING = Binding("t1", "p1", "IOTDA", "mqtt", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
TIME_MS = 1_772_435_500_120
OWN = {"connect_address": "a:1", "topics": ["#"], "app_id": "a1"}
REPORT = b'{"services": [{"service_id": "Battery", "properties": {"level": 80}, "event_time": "20260302T071140Z"}]}'


def made(**changes: object) -> MqttSettings:
    return msgspec.convert(OWN | changes, MqttSettings)


def record(topic: str, payload: bytes, settings: MqttSettings, **more: object) -> Record:
    message = Message(17, topic, payload, **more)  # type: ignore[arg-type]  # a test's shorthand
    return msgspec.structs.replace(Recorder(settings, "session").record(message, TIME_MS), position="9f2c51d0a7b3-17")


PLAIN, FULL = made(), made(metadata=True, id_property="id")
MAPPED = made(topic_map=[{"topic": "sites/{gateway_id}/{product_id}/{node_id}", "resource": "device.status", "event": "update"}])
CASES = {
    "property_report": (PLAIN, record("$oc/devices/p1_n1/sys/properties/report", REPORT, PLAIN)),
    "message_up": (PLAIN, record("$oc/devices/d1/sys/messages/up", b'{"name": "m", "content": [1, 2.50]}', PLAIN)),
    "plain_topic": (PLAIN, record("sensors/kitchen", b"21.5", PLAIN)),
    "text": (PLAIN, record("sensors/kitchen", "warm ☃".encode(), PLAIN)),
    "binary": (PLAIN, record("sensors/kitchen", b"\xff\x00", PLAIN)),
    "empty": (PLAIN, record("sensors/kitchen", b"", PLAIN)),
    "mapped": (MAPPED, record("sites/g1/p1/n1", b'{"status": "ONLINE"}', MAPPED)),
    "metadata": (
        FULL,
        record("a", b"{}", FULL, qos=2, retained=True, duplicate=True, content_type="x/y", correlation=b"\xff", user=(("id", "m-1"),)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_event_is_golden(name: str) -> None:
    settings, one = CASES[name]
    assert shape(BINDING, settings, [one]) + b"\n" == (GOLDEN / f"{name}.json").read_bytes()


def test_the_example_of_the_reference_keeps_its_form() -> None:
    event = json.loads(shape(BINDING, *(CASES["property_report"][0], [CASES["property_report"][1]])))
    assert list(event) == ["resource", "event", "event_time", "event_time_ms", "request_id", "notify_data"]
    assert (event["resource"], event["event"]) == ("device.property", "report")
    assert (event["event_time"], event["event_time_ms"]) == ("20260302T071140Z", "2026-03-02T07:11:40.120Z")
    assert list(event["notify_data"]["header"]) == ["app_id", "device_id", "node_id", "product_id", "gateway_id", "tags"]
    assert event["notify_data"]["body"] == json.loads(REPORT)


def test_several_messages_are_a_list() -> None:
    one, two = (record("a", payload, PLAIN) for payload in (b"1", b"2"))
    alone = [json.loads(shape(BINDING, PLAIN, [only])) for only in (one, two)]
    assert json.loads(shape(BINDING, PLAIN, [one, two])) == alone


@pytest.mark.parametrize("payload", [b"[" * 100_000, b"{\xff}", b'"\xff"', b"nan", b"{} {}", b"\xef\xbb\xbf{}"])
def test_what_is_not_quite_json_is_text(payload: bytes) -> None:
    event = json.loads(shape(BINDING, PLAIN, [record("a", payload, PLAIN)]))
    assert isinstance(event["notify_data"]["body"]["content"], str)
