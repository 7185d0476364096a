"""The kafka trigger on a real broker: what it reads, and what it says when it cannot. Delivery is the mesh's and not tested here."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, TopicPartition

from sluice.binding import Binding
from sluice.event import Record
from sluice_kafka import KIND
from sluice_kafka.settings import KafkaSettings
from tests.conformance.intake import FakeIntake
from tests.servers import Kafka
from tests.waiting import until

WITHIN_S = 30.0
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


class Source:
    """A broker's topics as a test sees them: settings that name them, and a way to fill them."""

    def __init__(self, kafka: Kafka, topics: Sequence[str]) -> None:
        self.kafka = kafka
        self.topics = list(topics)
        self.trigger = f"trigger-{secrets.token_hex(4)}"
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 1, "message.max.bytes": 2_000_000})

    def settings(self, **changes: object) -> KafkaSettings:
        least = {"kafka_connect_address": self.kafka.bootstrap, "topic_ids": self.topics}
        return msgspec.json.decode(json.dumps(least | changes), type=KafkaSettings)

    async def produce(self, *values: bytes | None, topic: str = "", partition: int = -1, **more: Any) -> None:
        for value in values:
            self._producer.produce(topic or self.topics[0], value, partition=partition, **more)
        await asyncio.to_thread(self._producer.flush, 30)

    @contextlib.asynccontextmanager
    async def running(self, intake: FakeIntake, **changes: object) -> AsyncIterator["asyncio.Task[None]"]:
        """A trigger that is ready, or has ended."""
        ready = asyncio.Event()
        binding = Binding(self.trigger, "p1", "KAFKA", "kafka", FUNCTION, b"{}")
        task = asyncio.create_task(KIND.build(binding, self.settings(**changes)).run(intake, ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
        waiting.cancel()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def fails(self, **changes: object) -> BaseException | None:
        """What a run ends with by itself."""
        async with self.running(FakeIntake(), **changes) as task:
            await asyncio.wait({task}, timeout=WITHIN_S)
            return task.exception()


@pytest.fixture
def source(kafka: Kafka) -> Source:
    return Source(kafka, [kafka.create_topic()])


@pytest.fixture
def wide(kafka: Kafka) -> Source:
    return Source(kafka, [kafka.create_topic(partitions=4)])


def values(records: Sequence[Record]) -> list[bytes | None]:
    return [record.value for record in records]


async def test_several_topics_are_read_by_one_trigger(kafka: Kafka) -> None:
    source = Source(kafka, [kafka.create_topic(), kafka.create_topic(partitions=2)])
    intake = FakeIntake()
    async with source.running(intake):
        await source.produce(b"a", topic=source.topics[0])
        await source.produce(b"b", topic=source.topics[1], partition=1)
        await until(lambda: len(intake.accepted) == 2, WITHIN_S)
    assert {(record.source, record.value) for record in intake.accepted} == {
        (kafka.source(source.topics[0]), b"a"),
        (kafka.source(source.topics[1], 1), b"b"),
    }


async def test_key_headers_time_and_trace_come_along(source: Source) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    intake = FakeIntake()
    async with source.running(intake, metadata=True):
        await source.produce(b"v", key=b"k", headers=[("traceparent", trace), ("a", b"\xff"), ("n", None)], timestamp=1_772_432_000_123)
        await until(lambda: bool(intake.accepted), WITHIN_S)
    record = intake.accepted[0]
    assert (record.key, record.trace, record.time_ms, record.position) == (b"k", trace, 1_772_432_000_123, "0")
    event = json.loads(KIND.shape(Binding("t", "p", "KAFKA", "kafka", FUNCTION, b""), source.settings(metadata=True), [record]))
    (metadata,) = event["records"][0]["metadata"]
    assert metadata["headers"][1:] == [["a", "data:application/octet-stream;base64,/w=="], ["n", None]]
    assert (metadata["key"], metadata["offset"], metadata["partition"]) == ("k", 0, 0)


async def test_tombstones_bytes_and_large_records_pass(source: Source) -> None:
    produced = [None, b"", bytes(range(256)), b"x" * 900_000, b"after"]
    intake = FakeIntake()
    async with source.running(intake, max_fetch_bytes=65_536):
        await source.produce(*produced)
        await until(lambda: len(intake.accepted) == len(produced), WITHIN_S)
    assert values(intake.accepted) == produced


async def test_a_lone_record_is_handed_over_within_milliseconds(source: Source) -> None:
    intake = FakeIntake()
    delays = []
    async with source.running(intake):
        for number in range(1, 21):
            await source.produce(b"warm" if number < 5 else b"now")
            began = time.perf_counter()
            await until(lambda: len(intake.accepted) == number, WITHIN_S)  # noqa: B023 - awaited before the loop goes on
            delays.append(time.perf_counter() - began)
    assert sorted(delays)[10] < 0.05


async def test_a_restart_goes_on_where_it_was_even_if_nothing_was_read(source: Source) -> None:
    intake, place = FakeIntake(), source.kafka.source(source.topics[0])
    async with source.running(intake):
        await until(lambda: intake.positions.get(place) == "0", WITHIN_S)
    await source.produce(b"while it was away")
    async with source.running(intake):
        await until(lambda: values(intake.accepted) == [b"while it was away"], WITHIN_S)


@pytest.mark.parametrize(("start", "expected"), [("earliest", [b"old", b"new"]), ("latest", [b"new"])])
async def test_the_first_start_is_where_the_settings_say(source: Source, start: str, expected: list[bytes]) -> None:
    await source.produce(b"old")
    intake = FakeIntake()
    async with source.running(intake, start_position=start):
        await source.produce(b"new")
        await until(lambda: len(intake.accepted) == len(expected), WITHIN_S)
    assert values(intake.accepted) == expected


async def test_it_starts_at_a_time(source: Source) -> None:
    await source.produce(b"old", timestamp=1_000_000)
    await source.produce(b"new", timestamp=2_000_000)
    intake = FakeIntake()
    async with source.running(intake, start_position="timestamp", start_timestamp=1_500_000):
        await until(lambda: values(intake.accepted) == [b"new"], WITHIN_S)


async def test_a_partition_added_later_is_read_whole(kafka: Kafka, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake):
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        await asyncio.to_thread(admin.create_partitions([NewPartitions(source.topics[0], 2)])[source.topics[0]].result, 20)
        late = Source(kafka, source.topics)
        await late.produce(b"first of the new one", partition=1)
        await until(lambda: values(intake.accepted) == [b"first of the new one"], 2 * WITHIN_S)


def transaction(kafka: Kafka, topic: str, *messages: bytes, commit: bool) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": secrets.token_hex(4)})
    producer.init_transactions(20)
    producer.begin_transaction()
    for message in messages:
        producer.produce(topic, message)
    producer.flush(20)
    producer.commit_transaction(20) if commit else producer.abort_transaction(20)


async def test_aborted_transactions_are_not_read_and_markers_at_the_end_are_passed(kafka: Kafka, source: Source) -> None:
    intake = FakeIntake()
    place = kafka.source(source.topics[0])
    async with source.running(intake):
        await asyncio.to_thread(transaction, kafka, source.topics[0], b"no", b"no", commit=False)
        await asyncio.to_thread(transaction, kafka, source.topics[0], b"yes", commit=True)
        await until(lambda: intake.positions[place] == "5", WITHIN_S)
        await source.produce(b"after")
        await until(lambda: intake.positions[place] == "6", WITHIN_S)
        await until(lambda: intake.lags.get(place) == 0, WITHIN_S)
    assert values(intake.accepted) == [b"yes", b"after"]


async def test_uncommitted_records_are_read_when_asked_for(kafka: Kafka, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, isolation="read_uncommitted"):
        await asyncio.to_thread(transaction, kafka, source.topics[0], b"aborted", commit=False)
        await until(lambda: values(intake.accepted) == [b"aborted"], WITHIN_S)


def offsets(kafka: Kafka, topic: str, end: int) -> list[int]:
    """What is left in the log's only partition, read up to its last record."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "unused"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[int] = []
    while not found or found[-1] < end - 1:
        message = consumer.poll(10)
        assert message is not None, "the last record is gone"
        found.append(message.offset() or 0)
    consumer.close()
    return found


async def test_gaps_of_compaction_are_passed(kafka: Kafka) -> None:
    fast = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "100"}
    source = Source(kafka, [kafka.create_topic(config=fast)])
    for number in range(10):
        await source.produce(b"%d" % number, key=b"same")
    async with asyncio.timeout(90):
        left = list(range(end := 10))
        while len(left) == end:  # the broker compacts in its own time, and only what stands before the newest segment
            await source.produce(b"more", key=b"same")
            left = await asyncio.to_thread(offsets, kafka, source.topics[0], end := end + 1)
    intake, place = FakeIntake(), kafka.source(source.topics[0])
    async with source.running(intake, start_position="earliest"):
        await until(lambda: intake.positions[place] == str(end), WITHIN_S)
    assert [int(record.position) for record in intake.accepted] == await asyncio.to_thread(offsets, kafka, source.topics[0], end)


async def test_a_rebalance_with_offers_in_flight_loses_nothing_and_keeps_order(wide: Source) -> None:
    intake = FakeIntake()
    count = 400

    async def fill() -> None:
        for number in range(count):
            for partition in range(4):
                await wide.produce(b"%d" % number, partition=partition)

    async with wide.running(intake):
        filling = asyncio.create_task(fill())
        await until(lambda: len(intake.accepted) > 100, WITHIN_S)
        intake.hold()
        await until(lambda: intake.waiting_records > 0, WITHIN_S)
        async with wide.running(intake):
            intake.let_flow()
            await until(lambda: len(intake.accepted) > 800, WITHIN_S)
        await filling
        await until(lambda: len(intake.accepted) >= 4 * count, WITHIN_S)
    for partition in range(4):
        place = await asyncio.to_thread(wide.kafka.source, wide.topics[0], partition)
        assert [record.value for record in intake.accepted if record.source == place] == [b"%d" % number for number in range(count)]
