"""What the Kafka trigger costs beside the driver's bare loop: CPU microseconds a record, into an intake that accepts at once.

    python -m tools.bench_kafka_source [--bootstrap HOST:PORT] [--records N] [--size BYTES] [--runs N]

Without --bootstrap it starts a broker of its own. The topic is full before anything is measured, and CPU is this process's only.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer

from sluice.binding import Binding
from sluice.event import Record
from sluice.ledger import Claim, SourceKey
from sluice.outcome import DONE, Outcome
from sluice.push import Serve
from sluice_kafka import KIND
from sluice_kafka.settings import KafkaSettings
from tests.servers import Kafka

PARTITIONS = 4
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"
Read = Callable[[str, str, int], Coroutine[None, None, None]]


class NullIntake:
    """Accepts at once. Makes events of `batch` records each, or none when it is 0."""

    def __init__(self, binding: Binding, settings: KafkaSettings, batch: int, wanted: int) -> None:
        self._binding = binding
        self._settings = settings
        self._batch = batch
        self._left = wanted
        self.done = asyncio.Event()

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        return Claim(SourceKey("bench", "1", source), 1, "0")

    def release(self, claim: Claim) -> None:
        pass

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        if self._batch == 1:
            for record in records:
                KIND.shape(self._binding, self._settings, (record,))
        elif self._batch:
            for start in range(0, len(records), self._batch):
                KIND.shape(self._binding, self._settings, records[start : start + self._batch])
        self._left -= len(records)
        if self._left <= 0:
            self.done.set()

    async def deliver(self, record: Record) -> Outcome:
        return DONE

    def rest(self, until: float) -> None:
        pass

    def serve(self, answer: Serve, *topics: str) -> None:
        """Nobody pushes."""

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        """A run that is watched is not ended by its host."""

    def lag(self, source: str, records: int) -> None:
        pass


async def bare(bootstrap: str, topic: str, wanted: int) -> None:
    """What the driver alone costs, with the same settings."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        while wanted > 0:
            batches = await consumer.getmany(timeout_ms=500, max_records=1000)
            wanted -= sum(map(len, batches.values()))
    finally:
        await consumer.stop()


def trigger(batch: int) -> Read:
    async def read(bootstrap: str, topic: str, wanted: int) -> None:
        text = json.dumps({"kafka_connect_address": bootstrap, "topic_ids": [topic], "batch_size": max(batch, 1)}).encode()
        settings = msgspec.json.decode(text, type=KafkaSettings)
        binding = Binding(f"bench-{time.time_ns()}", "p1", "KAFKA", "kafka", FUNCTION, text)
        intake = NullIntake(binding, settings, batch, wanted)
        running = asyncio.create_task(KIND.build(binding, settings).run(intake, lambda: None))
        await intake.done.wait()
        running.cancel()
        await asyncio.wait({running})

    return read


CASES: dict[str, Read] = {
    "aiokafka's bare loop": bare,
    "trigger, no event made": trigger(0),
    "trigger, batch_size 1": trigger(1),
    "trigger, batch_size 100": trigger(100),
}


def measure(read: Read, bootstrap: str, topic: str, records: int) -> tuple[float, float]:
    """CPU microseconds a record, and records a second."""
    began, cpu = time.perf_counter(), time.process_time()
    uvloop.run(read(bootstrap, topic, records))
    return (time.process_time() - cpu) / records * 1e6, records / (time.perf_counter() - began)


def fill(bootstrap: str, topic: str, records: int, size: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000})
    start, end = b'{"order": "', b'", "note": "' + b"x" * max(size - 40, 0) + b'"}'
    for number in range(records):
        producer.produce(topic, start + b"%010d" % number + end, partition=number % PARTITIONS)
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush(60)


@contextmanager
def broker(bootstrap: str) -> Iterator[Kafka]:
    with tempfile.TemporaryDirectory() as folder:
        kafka = Kafka(Path(folder, "kafka"))
        if bootstrap:
            kafka.bootstrap = bootstrap
            yield kafka
            return
        kafka.start()
        try:
            yield kafka
        finally:
            kafka.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bootstrap", default="")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    with broker(chosen.bootstrap) as kafka:
        topic = kafka.create_topic(partitions=PARTITIONS)
        fill(kafka.bootstrap, topic, chosen.records, chosen.size)
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
        for run in range(-1, chosen.runs):
            for name, read in CASES.items():
                measured = measure(read, kafka.bootstrap, topic, chosen.records)
                if run >= 0:  # the one before imports the driver
                    results[name].append(measured)
    print(f"{chosen.records} records of {chosen.size} bytes, median of {chosen.runs}")
    print(f"{'':28}{'CPU us a record':>16}{'records/s':>12}{'x bare':>8}")
    base = statistics.median(cpu for cpu, _ in results["aiokafka's bare loop"])
    for name, runs in results.items():
        cpu, rate = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{name:28}{cpu:16.2f}{rate:12.0f}{cpu / base:8.2f}")


if __name__ == "__main__":
    main()
