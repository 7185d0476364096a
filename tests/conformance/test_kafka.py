"""The kafka kind: over a cluster in memory, and over a real broker."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings import kafka as binding
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition

from sluice.event import Record
from sluice.trigger import Trigger
from sluice_kafka import KIND
from sluice_kafka.broker import Place
from sluice_kafka.partition import MOST_BYTES, MOST_RECORDS
from sluice_kafka.reader import READ_BYTES, READ_RECORDS
from sluice_kafka.trigger import KafkaTrigger
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.by_data import ByData, restored
from tests.conformance.kafka_fake import FakeBroker, FakeCluster
from tests.conformance.suite import TriggerConformance
from tests.servers import Kafka

EXAMPLE = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "batch_size": 100, "instance_id": "i-1"}


class KafkaBench(Bench):
    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    window = Window(MOST_RECORDS + READ_RECORDS, MOST_BYTES + READ_BYTES)

    async def now_ms(self) -> int:
        return int(time.time() * 1000)


class FakeKafkaBench(KafkaBench):
    patience_s = 0.1

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.log = self.cluster.logs[Place("orders", 0)]

    def trigger(self, **settings: Any) -> Trigger:
        chosen = msgspec.json.decode(json.dumps(EXAMPLE | settings), type=KIND.settings)
        return KafkaTrigger(chosen, FakeBroker(self.cluster), tick_s=0.01)  # type: ignore[arg-type]  # decoded by the kind's own type

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.log.append(value)

    async def confirmed(self) -> int:
        return self.cluster.offsets.get(Place("orders", 0), 0)

    async def lose_connection(self) -> None:
        self.cluster.connected = False

    async def leave_gap(self) -> None:
        self.log.end += 2

    async def end(self) -> str:
        return str(self.log.end)

    async def lose_position(self) -> tuple[str, str]:
        await self.produce(b"1", b"2", b"3")
        self.log.delete_before(2)
        return "orders/0", "1"


class RealKafkaBench(KafkaBench):
    """A topic and a group of its own on the session's broker."""

    deadline_s = 30.0
    patience_s = 2.5

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = kafka
        self.topic = kafka.create_topic()
        self.group = f"group-{secrets.token_hex(4)}"
        self.killed = False
        self._servers: dict[str, str | int | float | bool] = {"bootstrap.servers": kafka.bootstrap}
        self.producer = Producer({**self._servers, "linger.ms": 1, "queue.buffering.max.messages": 1_000_000})

    def trigger(self, **settings: Any) -> Trigger:
        own = {"kafka_connect_address": self.kafka.bootstrap, "topic_ids": [self.topic], "group_id": self.group}
        return KIND.build(BINDING, msgspec.json.decode(json.dumps(EXAMPLE | own | settings), type=KIND.settings))

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.producer.produce(self.topic, value)
        await asyncio.to_thread(self.producer.flush, 30)

    async def confirmed(self) -> int:
        return await asyncio.to_thread(self._asked, lambda consumer, partition: max(consumer.committed([partition], 10)[0].offset, 0))

    async def lose_connection(self) -> None:
        self.killed = True
        await asyncio.to_thread(self.kafka.kill)

    async def leave_gap(self) -> None:
        """An aborted transaction: a record that is not read, and its marker."""
        await asyncio.to_thread(self._abort)

    def _abort(self) -> None:
        producer = Producer({**self._servers, "transactional.id": self.topic})
        producer.init_transactions(20)
        producer.begin_transaction()
        producer.produce(self.topic, b"never happened")
        producer.flush(20)
        producer.abort_transaction(20)

    async def end(self) -> str:
        return await asyncio.to_thread(self._asked, lambda consumer, partition: str(consumer.get_watermark_offsets(partition, 10)[1]))

    async def lose_position(self) -> tuple[str, str]:
        await self.produce(b"1", b"2", b"3")
        admin = AdminClient(self._servers)
        for deleted in admin.delete_records([TopicPartition(self.topic, 0, 2)]).values():
            await asyncio.to_thread(partial(deleted.result, 20))
        return await asyncio.to_thread(self.kafka.source, self.topic), "1"

    def _asked(self, question: Any) -> Any:
        consumer = Consumer({**self._servers, "group.id": self.group, "isolation.level": "read_uncommitted"})
        try:
            return question(consumer, TopicPartition(self.topic, 0))
        finally:
            consumer.close()

    async def close(self) -> None:
        if self.killed:
            await asyncio.to_thread(self.kafka.start)


class FakeCloudEventsBench(FakeKafkaBench):
    """The same records as CloudEvents, binary and structured in turn."""

    example = json.dumps(EXAMPLE | {"batch_size": 1, "cloudevents": True}).encode()
    empty = (b"",)

    def trigger(self, **settings: Any) -> Trigger:
        return ByData(super().trigger(batch_size=1, cloudevents=True, **settings))

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            self.log.append(*cloudevent(self.log.end, value or b""))

    def event(self, records: Sequence[Record]) -> bytes:
        return super().event([restored(record) for record in records])


class RealCloudEventsBench(RealKafkaBench):
    """Written by the SDK."""

    example = FakeCloudEventsBench.example
    empty = (b"",)

    def trigger(self, **settings: Any) -> Trigger:
        return ByData(super().trigger(batch_size=1, cloudevents=True, **settings))

    async def produce(self, *values: bytes | None) -> None:
        for value in values:
            event = CloudEvent({"source": "/the sdk", "type": "t", "datacontenttype": "application/octet-stream"}, value or b"")
            message = binding.to_binary_event(event)
            self.producer.produce(self.topic, message.value, headers=list(message.headers.items()))
        await asyncio.to_thread(self.producer.flush, 30)

    def event(self, records: Sequence[Record]) -> bytes:
        return super().event([restored(record) for record in records])


def cloudevent(number: int, data: bytes) -> tuple[bytes, None, list[tuple[str, bytes | None]]]:
    """Value, key and headers of a message that is one."""
    attributes = {"specversion": "1.0", "id": str(number), "source": "/canned", "type": "t"}
    octets = "application/octet-stream"
    if number % 2:
        event = attributes | {"datacontenttype": octets, "data_base64": base64.b64encode(data).decode()}
        return json.dumps(event).encode(), None, [("content-type", b"application/cloudevents+json")]
    return data, None, [("content-type", octets.encode()), *((f"ce_{name}", value.encode()) for name, value in attributes.items())]


class TestFake(TriggerConformance):
    @pytest.fixture
    def bench(self) -> Bench:
        return FakeKafkaBench()


class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, kafka: Kafka) -> AsyncIterator[Bench]:
        bench = RealKafkaBench(kafka)
        yield bench
        await bench.close()


class TestFakeCloudEvents(TriggerConformance):
    @pytest.fixture
    def bench(self) -> Bench:
        return FakeCloudEventsBench()


class TestRealCloudEvents(TriggerConformance):
    @pytest.fixture
    async def bench(self, kafka: Kafka) -> AsyncIterator[Bench]:
        bench = RealCloudEventsBench(kafka)
        yield bench
        await bench.close()
