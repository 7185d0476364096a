"""The rocketmq kind: over a topic in memory, and over a real RocketMQ."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from sluice.trigger import Trigger
from sluice_rocketmq import KIND
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.trigger import RocketTrigger
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.rocketmq_fake import FakeBroker, FakeServer
from tests.conformance.suite import TriggerConformance
from tests.rocketmq import Topic
from tests.servers import RocketMq

EXAMPLE: dict[str, Any] = {
    "endpoints": "127.0.0.1:8081",
    "topic": "jobs",
    "enable_acl": True,
    "access_key": "sluice",
    "secret_key": "sluice-secret",
    "batch_size": 10,
}
MOST = 50


class RocketBench(Bench):
    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    window = Window(MOST, 20 * 1024 * 1024)
    empty = (b"",)
    cannot: Mapping[str, str] = {
        "it_goes_on_from_the_claimed_position": "a group has no positions that we could name: what was acknowledged is gone",
        "a_claim_taken_over_ends_reading": "the server gives each message to one member of a group by itself",
        "gaps_and_empty_records_move_the_position": "a group has no positions that we could name",
        "a_position_outside_the_log_obeys_its_policy": "a group has no positions that we could name",
    }

    def __init__(self) -> None:
        self.server = FakeServer()

    def trigger(self, **settings: object) -> Trigger:
        return RocketTrigger(RocketSettings(**(EXAMPLE | {"prefetch": MOST} | settings)), FakeBroker(self.server))

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.server.publish(value or b"")

    async def confirmed(self) -> int:
        return self.server.acknowledged

    async def now_ms(self) -> int:
        return int(time.time() * 1000)

    async def lose_connection(self) -> None:
        self.server.disconnect()


class RealRocketBench(RocketBench):
    """A topic with one queue, on the session's server, and a group in which order counts: its offset tells what was acknowledged."""

    deadline_s = 60.0
    patience_s = 0.3

    def __init__(self, rocketmq: RocketMq) -> None:
        self.rocketmq = rocketmq
        self.topic = Topic(rocketmq, ordered=True)
        self.killed = False

    def trigger(self, **settings: object) -> Trigger:
        own = {"endpoints": self.rocketmq.address, "topic": self.topic.name, "consumer_group": self.topic.group}
        data = EXAMPLE | own | {"prefetch": MOST} | settings
        return KIND.build(BINDING, msgspec.json.decode(json.dumps(data), type=KIND.settings))

    async def produce(self, *values: bytes | None) -> None:
        await asyncio.to_thread(self.topic.publish, *(value or b"" for value in values), group="g")

    async def confirmed(self) -> int:
        return await asyncio.to_thread(self.topic.confirmed)

    async def lose_connection(self) -> None:
        self.killed = True
        await asyncio.to_thread(self.rocketmq.kill)


class TestFake(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> Bench:
        return RocketBench()


class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, rocketmq: RocketMq) -> AsyncIterator[Bench]:
        bench = RealRocketBench(rocketmq)
        yield bench
        if bench.killed:
            await asyncio.to_thread(rocketmq.start)
