"""A stream never stands still: small windows, functions that start late, rebalances at any moment, over the real dispatcher and ledger."""

import asyncio
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from sluice.binding import Binding
from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.function import Function
from sluice.host.batching import Batching
from sluice.host.intake import HostIntake
from sluice.metrics import Exposition
from sluice.outcome import Reply
from sluice.runner import Call, Done
from sluice_dispatcher.dispatcher import Dispatcher
from sluice_dispatcher.ledger_sqlite.ledger import Options, open_ledger
from sluice_kafka import KIND
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.trigger import KafkaTrigger
from tests.conformance.kafka_fake import FakeBroker, FakeCluster
from tests.waiting import until

URN = "urn:fss:local-1:p1:function:default:f:latest"
SETTINGS = KafkaSettings(kafka_connect_address="h:1", topic_ids=["orders"], start_position="earliest")
RECORDS = 2_000
WITHIN_S = 30


class LateRunner:
    """Eight calls at once, each answered a moment later; none before `ready`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._running = 0
        self._listeners: list[Callable[[str], None]] = []
        self.ready = False

    def submit(self, call: Call, done: Done) -> None:
        self._running += 1
        asyncio.get_running_loop().call_later(self._chance.choice((0, 0, 0.001)), self._end, call, done)

    def _end(self, call: Call, done: Done) -> None:
        self._running -= 1
        done(call, Reply(200))
        self.grow()

    def grow(self) -> None:
        for listener in self._listeners:
            listener(URN)

    def settled(self, calls: Iterable[Call]) -> None: ...

    def credit(self, function: Function) -> int:
        return 8 - self._running if self.ready else 0

    def on_credit(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        return False

    async def unstarted(self) -> frozenset[bytes]:
        return frozenset()


def filled(chance: random.Random) -> FakeCluster:
    cluster = FakeCluster(partitions=4)
    logs = list(cluster.logs.values())
    for number in range(RECORDS):
        logs[number % 4].append(b"x" * chance.choice((10, 10, 10, 100, 3_000)))
    return cluster


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_the_window_and_the_rebalances_every_record_ends(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    size, most, most_bytes = chance.choice((1, 7, 100)), chance.choice((5, 50, 10_000)), chance.choice((2_000, 20_000, 1 << 26))
    text = msgspec.json.encode(SETTINGS)
    binding = Binding("t1", "p1", "KAFKA", "kafka", URN, text, batch_size=size, max_pending=most, max_pending_bytes=most_bytes)
    snapshot, runner, cluster = Snapshot(), LateRunner(chance), filled(chance)
    snapshot.apply(Change(1, binding=binding))
    snapshot.apply(Change(1, function=Function(URN)))
    ledger = await open_ledger(tmp_path, clock=SystemClock(), options=Options(log_bytes=1 << 17))
    dispatcher = Dispatcher(ledger, runner, snapshot, SystemClock(), Exposition())
    tasks = [asyncio.create_task(dispatcher.run())]
    for name in ("kafka-1", "kafka-2")[: chance.choice((1, 2))]:
        batching = Batching(binding, lambda records: KIND.shape(binding, SETTINGS, records), None)
        intake = HostIntake(binding, dispatcher.session(name), dispatcher, batching)
        tasks.append(asyncio.create_task(KafkaTrigger(SETTINGS, FakeBroker(cluster), tick_s=0.02).run(intake, lambda: None)))
    await until(lambda: bool(ledger.counts().get("t1")) or any(task.done() for task in tasks))
    for _ in range(chance.choice((0, 1, 4))):
        await cluster.rebalance()
    runner.ready = True
    runner.grow()
    for _ in range(chance.choice((0, 1, 4))):
        await cluster.rebalance()
    await until(lambda: all(cluster.offsets.get(place) == log.end for place, log in cluster.logs.items()), WITHIN_S)
    await until(lambda: ledger.counts()["t1"].open == 0)
    await until(lambda: "t1" not in dispatcher._windows)
    assert not any(task.done() for task in tasks)
    for task in reversed(tasks):
        task.cancel()
        await asyncio.wait({task})
    await ledger.close()
