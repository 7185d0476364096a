"""The rabbitmq kind: over a queue in memory, and over a real RabbitMQ."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from sluice.trigger import Trigger
from sluice_rabbitmq import KIND
from sluice_rabbitmq.settings import RabbitSettings
from sluice_rabbitmq.trigger import RabbitTrigger
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.rabbitmq_fake import FakeQueue, FakeServer
from tests.conformance.suite import TriggerConformance
from tests.rabbitmq import Publisher
from tests.servers import RabbitMq

EXAMPLE: dict[str, Any] = {
    "connect_address": "127.0.0.1:5672",
    "exchange_name": "jobs",
    "access_user": "sluice",
    "access_password": "sluice-secret",
    "vhost": "test",
    "batch_size": 10,
}
MOST = 50


class RabbitBench(Bench):
    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    window = Window(MOST, MOST * 100_100)
    empty = (b"",)
    cannot: Mapping[str, str] = {
        "it_goes_on_from_the_claimed_position": "a queue has no positions: what was acknowledged is gone",
        "a_claim_taken_over_ends_reading": "a queue gives each message to one consumer by itself",
        "gaps_and_empty_records_move_the_position": "a queue has no positions",
        "a_position_outside_the_log_obeys_its_policy": "a queue has no positions",
    }

    def __init__(self) -> None:
        self.server = FakeServer()

    def trigger(self, **settings: object) -> Trigger:
        own = RabbitSettings(**(EXAMPLE | {"prefetch": MOST} | settings))
        return RabbitTrigger(own, FakeQueue(self.server), "jobs")

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.server.publish(value or b"")

    async def confirmed(self) -> int:
        return self.server.acknowledged

    async def now_ms(self) -> int:
        return int(time.time() * 1000)

    async def lose_connection(self) -> None:
        self.server.connected = False
        self.server.changed.set()


class RealRabbitBench(RabbitBench):
    """An exchange of its own on the session's server."""

    deadline_s = 30.0
    patience_s = 0.3

    def __init__(self, rabbitmq: RabbitMq, queue_type: str) -> None:
        self.rabbitmq = rabbitmq
        self.publisher = Publisher(rabbitmq, f"jobs-{secrets.token_hex(4)}")
        self.queue = f"queue-{secrets.token_hex(4)}"
        self.queue_type = queue_type
        self.killed = False
        self.acknowledged_before = self.publisher.acknowledged()

    def trigger(self, **settings: object) -> Trigger:
        own = {"connect_address": self.rabbitmq.address, "exchange_name": self.publisher.exchange, "queue_name": self.queue}
        data = EXAMPLE | own | {"queue_type": self.queue_type, "prefetch": MOST} | settings
        return KIND.build(BINDING, msgspec.json.decode(json.dumps(data), type=KIND.settings))

    async def produce(self, *values: bytes | None) -> None:
        await asyncio.to_thread(self.publisher.publish, *(value or b"" for value in values))

    async def confirmed(self) -> int:
        return await asyncio.to_thread(self.publisher.acknowledged) - self.acknowledged_before

    async def lose_connection(self) -> None:
        self.killed = True
        await asyncio.to_thread(self.rabbitmq.kill)


class TestFake(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> Bench:
        return RabbitBench()


@pytest.mark.parametrize("queue_type", ["quorum", "classic"])
class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, rabbitmq: RabbitMq, queue_type: str) -> AsyncIterator[Bench]:
        bench = RealRabbitBench(rabbitmq, queue_type)
        yield bench
        if bench.killed:
            await asyncio.to_thread(rabbitmq.start)
