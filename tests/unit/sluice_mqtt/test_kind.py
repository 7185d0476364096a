"""What the mesh is told of the kind."""

import json
from typing import Any

import msgspec
import pytest

from sluice.binding import Binding
from sluice_mqtt import KIND
from sluice_mqtt.settings import MqttSettings

BINDING = Binding("t1", "p1", "IOTDA", "mqtt", "urn:fss:local-1:p1:function:default:f:latest", b"{}")


def settings(**changes: Any) -> MqttSettings:
    return msgspec.convert({"connect_address": "a:1,b:2", "topics": ["a/#", "b"]} | changes, MqttSettings)


def test_it_serves_functiongraphs_type_and_creates_it_active() -> None:
    assert (KIND.name, KIND.types, KIND.created_disabled) == ("mqtt", ("IOTDA",), frozenset())


@pytest.mark.parametrize("changes", [{"connect_address": "c:1"}, {"topics": ["a/#"]}, {"client_id": "c"}, {"share_group": "g"}])
def test_other_topics_are_another_source(changes: dict[str, Any]) -> None:
    assert KIND.source_of(settings()) != KIND.source_of(settings(**changes))


def test_the_same_topics_are_the_same_source_whatever_else_changes() -> None:
    assert KIND.source_of(settings()) == KIND.source_of(settings(connect_address="b:2, a:1", topics=["b", "a/#"], qos=2))


def test_a_sample_is_of_a_topic_that_is_subscribed_to() -> None:
    own = settings(topics=["$oc/devices/+/sys/properties/report"])
    event = json.loads(KIND.shape(BINDING, own, [KIND.sample(own)]))
    assert (event["resource"], event["notify_data"]["header"]["device_id"]) == ("device.property", "sample")
    assert event["notify_data"]["body"] == {"hello": "world"}
