"""A publisher of a test's own, and a look at a server from outside: mosquitto's own client would do, were it not for all that it cannot
send. paho, which the trigger does not use."""

import re
from collections.abc import Iterable
from typing import Any

from paho.mqtt.client import Client, MQTTMessageInfo, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.servers import Mosquitto

ANSWER_S = 30.0


class Publisher:
    """Messages are acknowledged by the server when `publish` returns. Nothing stays open between two calls, so the server may be killed
    at any time."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self._mosquitto = mosquitto

    def publish(self, topic: str, *payloads: bytes, qos: int = 1, retain: bool = False, **properties: Any) -> None:
        self.publish_all(((topic, payload) for payload in payloads), qos, retain, _properties(properties))

    def publish_all(
        self, messages: Iterable[tuple[str, bytes]], qos: int = 1, retain: bool = False, properties: Properties | None = None
    ) -> None:
        self._publish((topic, payload, qos, retain, properties) for topic, payload in messages)

    def publish_named(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Each has its payload as the user property `id` too."""
        self._publish((topic, payload, 1, False, _properties({"UserProperty": ("id", payload.decode())})) for topic, payload in messages)

    def _publish(self, messages: Iterable[tuple[str, bytes, int, bool, Properties | None]]) -> None:
        client = self._connected()
        try:
            sent = [client.publish(*message) for message in messages]
            for one in sent:
                _await(one)
        finally:
            client.disconnect()
            client.loop_stop()

    def _connected(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        client.username_pw_set(self._mosquitto.username, self._mosquitto.password)
        client.max_inflight_messages_set(1000)
        host, _, port = self._mosquitto.address.rpartition(":")
        client.connect(host, int(port))
        client.loop_start()
        return client


def answered(mosquitto: Mosquitto, client: str) -> int:
    """How many messages a client has said that it has, by the server's log."""
    lines = (mosquitto.folder / "log").read_text(errors="replace")
    return len(re.findall(rf"Received PUB(?:ACK|REC) from {re.escape(client)} ", lines))


def connections(mosquitto: Mosquitto, client: str) -> int:
    """How often a client has logged in, by the server's log."""
    lines = (mosquitto.folder / "log").read_text(errors="replace")
    return len(re.findall(rf"New client connected from \S+ as {re.escape(client)} ", lines))


def _properties(given: dict[str, Any]) -> Properties:
    """ContentType, UserProperty and so on, by paho's names."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
    for name, value in given.items():
        setattr(properties, name, value)
    return properties


def _await(sent: MQTTMessageInfo) -> None:
    try:
        sent.wait_for_publish(ANSWER_S)
    except RuntimeError as error:  # it was to be sent when the connection had just ended
        raise ConnectionError(str(error)) from error
    if not sent.is_published():
        raise TimeoutError("the server did not acknowledge a message")
