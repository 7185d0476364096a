"""The mqtt kind: over a session in memory, and over a real mosquitto."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from sluice.trigger import Trigger
from sluice_mqtt import KIND
from sluice_mqtt.settings import MqttSettings
from sluice_mqtt.trigger import MqttTrigger
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.mqtt_fake import FakeBroker, FakeServer
from tests.conformance.suite import TriggerConformance
from tests.mqtt import Publisher, answered
from tests.servers import Mosquitto

EXAMPLE: dict[str, Any] = {
    "connect_address": "127.0.0.1:1883",
    "topics": ["$oc/devices/+/sys/properties/report", "sensors/#"],
    "access_user": "sluice",
    "access_password": "sluice-secret",
    "app_id": "a1",
    "topic_map": [{"topic": "sensors/{device_id}/state", "resource": "device.property", "event": "report"}],
}
MOST = 50


class MqttBench(Bench):
    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    window = Window(MOST, MOST * 100_100)
    empty = (b"",)
    cannot: Mapping[str, str] = {
        "it_goes_on_from_the_claimed_position": "a session has no positions: what was acknowledged is gone",
        "a_claim_taken_over_ends_reading": "a claim says who connects; the server itself ends the older connection of a session",
        "gaps_and_empty_records_move_the_position": "a session has no positions",
        "a_position_outside_the_log_obeys_its_policy": "a session has no positions",
    }

    def __init__(self) -> None:
        self.server = FakeServer()

    def trigger(self, **settings: object) -> Trigger:
        return MqttTrigger(msgspec.convert(EXAMPLE | settings, MqttSettings), {"session": FakeBroker(self.server, MOST)})

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.server.publish(value or b"")

    async def confirmed(self) -> int:
        return self.server.done

    async def now_ms(self) -> int:
        return int(time.time() * 1000)

    async def lose_connection(self) -> None:
        self.server.connected = False
        self.server.changed.set()


class RealMqttBench(MqttBench):
    """A topic and a session of its own on the session's server."""

    deadline_s = 30.0
    patience_s = 0.3

    def __init__(self, mosquitto: Mosquitto, protocol: str, qos: int) -> None:
        self.mosquitto = mosquitto
        self.protocol, self.qos = protocol, qos
        self.topic = f"jobs/{secrets.token_hex(4)}"
        self.client = f"client-{secrets.token_hex(4)}"
        self.publisher = Publisher(mosquitto)
        self.killed = False

    def trigger(self, **settings: object) -> Trigger:
        own = {"connect_address": self.mosquitto.address, "topics": [self.topic], "client_id": self.client, "topic_map": []}
        data = EXAMPLE | own | {"protocol": self.protocol, "qos": self.qos, "prefetch": MOST} | settings
        return KIND.build(BINDING, msgspec.json.decode(json.dumps(data), type=KIND.settings))

    async def produce(self, *values: bytes | None) -> None:
        await asyncio.to_thread(self.publisher.publish, self.topic, *(value or b"" for value in values), qos=self.qos)

    async def confirmed(self) -> int:
        return answered(self.mosquitto, self.client)

    async def lose_connection(self) -> None:
        self.killed = True
        await asyncio.to_thread(self.mosquitto.kill)


class TestFake(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> Bench:
        return MqttBench()


@pytest.mark.parametrize(("protocol", "qos"), [("5", 1), ("5", 2), ("3.1.1", 1)])
class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, mosquitto: Mosquitto, protocol: str, qos: int) -> AsyncIterator[Bench]:
        bench = RealMqttBench(mosquitto, protocol, qos)
        yield bench
        if bench.killed:
            await asyncio.to_thread(mosquitto.start)
