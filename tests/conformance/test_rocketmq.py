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
from sluice_rocketmq.broker import Place, Receipt
from sluice_rocketmq.broker_grpc import GrpcBroker
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.trigger import RocketTrigger
from tests.conformance.bench import Bench, Window
from tests.conformance.rocketmq_fake import FakeBroker, FakeServer
from tests.conformance.suite import TriggerConformance, order_is_kept
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


class CountingBroker(GrpcBroker):
    """Counts what it hides anew."""

    hidden = 0

    async def hide(self, place: Place, receipt: Receipt, for_s: float) -> Receipt | None:
        CountingBroker.hidden += 1
        return await super().hide(place, receipt, for_s)


class RealRocketBench(RocketBench):
    """A topic with one queue and a group of its own, on the session's server."""

    deadline_s = 60.0
    patience_s = 0.3
    cannot: Mapping[str, str] = {
        **RocketBench.cannot,
        "order_is_kept": "what is given back to a group without order comes again in any; see TestOrdered",
    }

    def __init__(self, rocketmq: RocketMq, *, ordered: bool = False) -> None:
        self.rocketmq = rocketmq
        self.topic = Topic(rocketmq, ordered=ordered)
        self.group = "g" if ordered else ""
        self.killed = False
        self.hidden_before = CountingBroker.hidden

    def trigger(self, **settings: object) -> Trigger:
        own = {"endpoints": self.rocketmq.address, "topic": self.topic.name, "consumer_group": self.topic.group}
        data = EXAMPLE | own | {"prefetch": MOST} | settings
        decoded = msgspec.json.decode(json.dumps(data), type=RocketSettings)
        return RocketTrigger(decoded, CountingBroker(decoded, self.topic.group))

    async def produce(self, *values: bytes | None) -> None:
        await asyncio.to_thread(self.topic.publish, *(value or b"" for value in values), group=self.group)

    async def confirmed(self) -> int:
        """The broker counts a message that is hidden anew as answered, and once more later."""
        return await asyncio.to_thread(self.topic.answered) - (CountingBroker.hidden - self.hidden_before)

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


class TestOrdered:
    async def test_an_ordered_group_keeps_order(self, rocketmq: RocketMq) -> None:
        """What such a group was not told all about, it gives again from the first open message on, so that the rest of the suite sees
        messages twice that the mesh would know by their ids; tests/integration has what is given back."""
        await order_is_kept(RealRocketBench(rocketmq, ordered=True))
