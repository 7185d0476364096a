"""One record at a time: from just before it is produced until its call arrives in the function."""

import random
import time

from confluent_kafka import Producer

from tests.e2e.driver import Sluice
from tools.benches import lone_reference
from tools.benches.figure import Figure, Row, at_most, figure, percentile
from tools.benches.kafka import TYPE
from tools.benches.setting import ANSWER, BODY_BYTES, Setting, make_function

WITHIN_S = 20.0
PAUSE_S = (0.02, 0.05)
"""Between two records, by chance: no record meets the last one's fetch."""
WARM_RECORDS = 20


class Arrivals:
    """What the function remembers: milliseconds from produce to call."""

    def __init__(self, sluice: Sluice, urn: str) -> None:
        self._sluice = sluice
        self._path = f"/v2/{sluice.project}/fgs/functions/{urn}:latest/invocations"
        self._read = 0

    def next(self, count: int) -> list[float]:
        """Of the next so many calls; waits for them. Fewer in time, or more, is an AssertionError."""
        deadline = time.monotonic() + WITHIN_S
        while len(lines := self._told()) < self._read + count:
            assert time.monotonic() < deadline, f"{len(lines) - self._read} of {count} records arrived"
            time.sleep(0.05)
        assert len(lines) == self._read + count, "records arrived twice"
        pairs = [line.split() for line in lines[self._read :]]
        self._read = len(lines)
        return [(int(arrived) - int(sent)) / 1e6 for sent, arrived in pairs]

    def _told(self) -> list[str]:
        status, answer = self._sluice.send("POST", self._path, b'{"tell":"tell:arrivals"}')
        assert status == 200, answer
        return answer.decode().splitlines()


def produce(producer: Producer, topic: str, count: int) -> None:
    for _ in range(count):
        producer.produce(topic, (b"sent:%d " % time.time_ns()).ljust(BODY_BYTES, b"x"))
        producer.poll(0)
        time.sleep(random.uniform(*PAUSE_S))
    assert producer.flush(10) == 0


def one_process(setting: Setting) -> Row:
    return Row("lone", "lone Kafka record, produce → call arrives, one process", _figures(setting, mesh=False, p50_ms=3))


def mesh(setting: Setting) -> Row:
    return Row("lone-mesh", "lone Kafka record, produce → call arrives, mesh", _figures(setting, mesh=True, p50_ms=5))


def _figures(setting: Setting, *, mesh: bool, p50_ms: float) -> tuple[Figure, ...]:
    with setting.sluice(mesh=mesh) as sluice:
        runs = _latencies(setting, sluice)
    bare = [_bare(setting) for _ in range(setting.runs)]
    written = [percentile(lone_reference.writes(setting.scratch), 0.5) for _ in range(setting.runs)]
    return (
        figure("p50", "ms", [percentile(run, 0.5) for run in runs], at_most(p50_ms)),
        figure("p99", "ms", [percentile(run, 0.99) for run in runs], at_most(15)),
        figure("to a bare aiokafka consumer, p50", "ms", [percentile(run, 0.5) for run in bare]),
        figure("to a bare aiokafka consumer, p99", "ms", [percentile(run, 0.99) for run in bare]),
        figure("one write to the disk, p50", "ms", written),
    )


def _bare(setting: Setting) -> list[float]:
    topic, count = setting.kafka.create_topic(), setting.scaled(150, 60)
    producer = _producer(setting)
    return lone_reference.bare(setting.kafka.bootstrap, topic, lambda: produce(producer, topic, count), count)


def _producer(setting: Setting) -> Producer:
    return Producer({"bootstrap.servers": setting.kafka.bootstrap, "linger.ms": 0, "log_level": 0})


def _latencies(setting: Setting, sluice: Sluice) -> list[list[float]]:
    urn = make_function(sluice, "lone", setting.compiled(ANSWER))
    topic = setting.kafka.create_topic()
    trigger = sluice.trigger(urn, TYPE, {"kafka_connect_address": setting.kafka.bootstrap, "topic_ids": [topic]})
    _await_running(sluice, trigger)
    producer = _producer(setting)
    arrivals = Arrivals(sluice, urn)
    runs = []
    for count in [WARM_RECORDS] + [setting.scaled(150, 60)] * setting.runs:
        produce(producer, topic, count)
        runs.append(arrivals.next(count))
    return runs[1:]


def _await_running(sluice: Sluice, trigger: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while (state := str(sluice.counts(trigger)["state"])) != "running":
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
