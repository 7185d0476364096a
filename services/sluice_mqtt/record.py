"""From a message as the server gives it to a Record."""

import secrets
from collections.abc import Mapping

import msgspec

from sluice.event import Record
from sluice.text import text
from sluice_mqtt.broker import Message
from sluice_mqtt.settings import MqttSettings
from sluice_mqtt.shape import EVENT, METADATA, RESOURCE, TOPIC
from sluice_mqtt.topics import Template, device

IOTDA: Mapping[str, tuple[str, str]] = {
    "$oc/devices/{device_id}/sys/properties/report": ("device.property", "report"),
    "$oc/devices/{device_id}/sys/messages/up": ("device.message", "report"),
    "$oc/devices/{device_id}/user/#": ("device.message", "report"),
}
"""What IoTDA's own topics mean."""
TRACE = "traceparent"
"""W3C's name of a trace's user property."""


class Recorder:
    """Makes records of one connection's messages. A message without an id of its own is named by connection and tag: it is another one
    when it is given out again."""

    def __init__(self, settings: MqttSettings, source: str) -> None:
        self._settings = settings
        self._source = source
        self._connection = secrets.token_hex(6)
        own = [(Template(meaning.topic), meaning.resource, meaning.event) for meaning in settings.topic_map]
        self._meanings = [*own, *((Template(topic), *meaning) for topic, meaning in IOTDA.items())]

    def record(self, message: Message, now_ms: int) -> Record:
        resource, event, found = self._meaning(message.topic)
        who = tuple(device(found))
        user = dict(message.user) if message.user else {}
        meaning = ((RESOURCE, resource), (EVENT, event), (TOPIC, message.topic), *who)
        return Record(
            message.payload,
            self._source,
            f"{self._connection}-{message.tag}",
            now_ms,
            key=(who[0][1] or message.topic).encode(),
            id=user.get(self._settings.id_property, "") if self._settings.id_property else "",
            trace=user.get(TRACE, "") if user.get(TRACE, "").isascii() else "",
            attributes=(*meaning, (METADATA, _metadata(message))) if self._settings.metadata else meaning,
        )

    def _meaning(self, topic: str) -> tuple[str, str, Mapping[str, str]]:
        for template, resource, event in self._meanings:
            if (found := template.match(topic)) is not None:
                return resource, event, found
        return self._settings.resource, self._settings.event, {}


def _metadata(message: Message) -> str:
    told = {
        "topic": message.topic,
        "qos": message.qos,
        "retained": message.retained,
        "duplicate": message.duplicate,
        "content_type": message.content_type,
        "response_topic": message.response_topic,
        "correlation_data": text(message.correlation),
        "user_properties": message.user,
    }
    return msgspec.json.encode(told).decode()
