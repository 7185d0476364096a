"""The trigger over a cluster in memory: assignment, back-pressure, positions. The conformance suite covers what every kind must do."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sluice.errors import SourceLost, SourceRefused
from sluice.event import Record
from sluice.ledger import Claim
from sluice_kafka.broker import Place
from sluice_kafka.offers import ALL_RECORDS
from sluice_kafka.reader import READ_RECORDS
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.source import source_name
from sluice_kafka.trigger import KafkaTrigger
from tests.conformance.intake import FakeIntake
from tests.conformance.kafka_fake import FakeBroker, FakeCluster
from tests.waiting import until

TICK_S = 0.01


def settings(**changes: Any) -> KafkaSettings:
    return KafkaSettings(**({"kafka_connect_address": "a:1", "topic_ids": ["orders"]} | changes))


@asynccontextmanager
async def running(cluster: FakeCluster, intake: FakeIntake, **changes: Any) -> AsyncIterator["asyncio.Task[None]"]:
    ready = asyncio.Event()
    task = asyncio.create_task(KafkaTrigger(settings(**changes), FakeBroker(cluster), tick_s=TICK_S).run(intake, ready.set))
    async with asyncio.timeout(5):
        await asyncio.wait({task, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
    yield task
    task.cancel()
    await asyncio.wait({task})


def fill(cluster: FakeCluster, each: int, start: int = 0) -> None:
    for place, log in cluster.logs.items():
        for number in range(start, start + each):
            log.append(b"%d:%d" % (place.partition, number))


def by_source(records: Sequence[Record]) -> dict[str, list[bytes | None]]:
    found: dict[str, list[bytes | None]] = {}
    for record in records:
        found.setdefault(record.source, []).append(record.value)
    return found


def expected(cluster: FakeCluster) -> dict[str, list[bytes | None]]:
    return {source_name(*place): [message.value for message in log.messages] for place, log in cluster.logs.items()}


async def test_every_partition_is_read_in_order() -> None:
    cluster, intake = FakeCluster(partitions=3), FakeIntake()
    async with running(cluster, intake):
        fill(cluster, 50)
        await until(lambda: len(intake.accepted) == 150)
    assert by_source(intake.accepted) == expected(cluster)


async def test_a_rebalance_in_the_middle_loses_nothing_and_accepts_nothing_twice() -> None:
    cluster, intake = FakeCluster(partitions=4), FakeIntake()
    async with running(cluster, intake):
        for round_number in range(20):
            fill(cluster, 5, round_number * 5)
            if round_number == 5:
                second = running(cluster, intake)
                await second.__aenter__()
            if round_number == 15:
                await second.__aexit__(None, None, None)
                await cluster.rebalance()
            await asyncio.sleep(0.002)
        await until(lambda: len(intake.accepted) >= 400)
    assert by_source(intake.accepted) == expected(cluster)


async def test_offers_in_flight_do_not_hold_a_rebalance_for_long_and_are_not_accepted_twice() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    async with running(cluster, intake):
        intake.hold()
        fill(cluster, 3)
        await until(lambda: intake.waiting_records == 3)
        async with asyncio.timeout(2):
            await cluster.rebalance()
        intake.let_flow()
        await until(lambda: len(intake.accepted) == 3)
    assert by_source(intake.accepted) == expected(cluster)


async def test_what_was_accepted_is_committed_before_a_partition_is_given_back() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    ready = asyncio.Event()
    trigger = KafkaTrigger(settings(), FakeBroker(cluster), tick_s=60)
    task = asyncio.create_task(trigger.run(intake, ready.set))
    await ready.wait()
    fill(cluster, 3)
    await until(lambda: len(intake.accepted) == 3)
    await cluster.rebalance()
    assert cluster.offsets[Place("orders", 0)] == 3
    task.cancel()
    await asyncio.wait({task})


class OneSourceHeld(FakeIntake):
    """The mesh is full for one partition only."""

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        if claim.key.source == "orders/0" and records:
            await asyncio.Event().wait()
        await super().offer(claim, records, to)


async def test_a_partition_that_has_to_wait_does_not_hold_the_others() -> None:
    cluster, intake = FakeCluster(partitions=2), OneSourceHeld()
    async with running(cluster, intake):
        fill(cluster, 6000)
        await until(lambda: len(intake.accepted) == 6000)
        assert set(by_source(intake.accepted)) == {"orders/1"}


async def test_many_partitions_together_have_a_bound_too() -> None:
    cluster, intake = FakeCluster(partitions=8), FakeIntake()
    async with running(cluster, intake):
        intake.hold()
        fill(cluster, 5000)
        await until(lambda: intake.waiting_records >= ALL_RECORDS)
        await asyncio.sleep(10 * TICK_S)
        assert intake.waiting_records < ALL_RECORDS + READ_RECORDS
        intake.let_flow()
        await until(lambda: len(intake.accepted) == 40_000, 30)
    assert by_source(intake.accepted) == expected(cluster)


async def test_the_first_position_is_kept_at_once() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    fill(cluster, 3)
    async with running(cluster, intake):
        await until(lambda: intake.positions.get("orders/0") == "3")
    fill(cluster, 2, 3)
    async with running(cluster, intake):
        await until(lambda: len(intake.accepted) == 2)
    assert [record.value for record in intake.accepted] == [b"0:3", b"0:4"]


async def test_a_partition_that_appears_later_is_read_whole() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    async with running(cluster, intake):
        grown = FakeCluster(partitions=2)
        place = Place("orders", 1)
        cluster.logs[place] = grown.logs[place]
        cluster.logs[place].append(b"first")
        await cluster.rebalance()
        await until(lambda: len(intake.accepted) == 1)
    assert by_source(intake.accepted) == {"orders/1": [b"first"]}


async def test_lag_is_what_is_not_yet_read() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    async with running(cluster, intake):
        fill(cluster, 3)
        await until(lambda: intake.lags.get("orders/0") == 0 and len(intake.accepted) == 3)
        intake.hold()
        fill(cluster, 7000, 3)
        await until(lambda: intake.lags["orders/0"] > 1000)
        intake.let_flow()
        await until(lambda: intake.lags["orders/0"] == 0)


async def test_a_refusal_while_it_runs_ends_it_by_name() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    async with running(cluster, intake) as task:
        cluster.refusal = "no such topic: orders"
        await asyncio.wait({task}, timeout=5)
        with pytest.raises(SourceRefused, match="no such topic: orders"):
            task.result()


async def test_a_bug_is_told_before_the_loss_it_causes() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    async with running(cluster, intake) as task:
        intake.fail_next(ZeroDivisionError("a bug"))
        cluster.logs[Place("orders", 0)].append(b"1")
        await asyncio.wait({task}, timeout=5)
        with pytest.raises(ZeroDivisionError):
            task.result()


async def test_a_lost_claim_is_gone_on_from_once_the_other_owner_lets_go() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    async with running(cluster, intake):
        for times in range(1, 4):
            intake.take_over("orders/0")
            fill(cluster, 1, times)
            await until(lambda: intake.lost_told == times)  # noqa: B023 - awaited before the loop goes on
            intake.let_go("orders/0")
            await until(lambda: len(intake.accepted) == times)  # noqa: B023
    assert by_source(intake.accepted) == expected(cluster)


async def test_a_topic_made_anew_is_another_source_and_is_read_from_its_beginning() -> None:
    cluster, intake = FakeCluster(), FakeIntake()
    cluster.topic_id = "before"
    broker = FakeBroker(cluster)
    trigger = KafkaTrigger(settings(start_position="latest"), broker, tick_s=TICK_S)
    run = asyncio.create_task(trigger.run(intake, lambda: None))
    await until(lambda: "orders#before/0" in intake.positions)
    fill(cluster, 20)
    await until(lambda: len(intake.accepted) == 20)
    cluster.make_anew("after")
    await asyncio.wait({run})
    assert isinstance(run.exception(), SourceLost)
    fill(cluster, 30)
    run = asyncio.create_task(trigger.run(intake, lambda: None))
    await until(lambda: len(intake.accepted) == 50)
    run.cancel()
    await asyncio.wait({run})
    assert {source: len(values) for source, values in by_source(intake.accepted).items()} == {"orders#before/0": 20, "orders#after/0": 30}


async def test_a_topic_made_anew_is_not_taken_for_a_lost_position() -> None:
    cluster, intake = FakeCluster(), FakeIntake({"orders#before/0": "20"})
    cluster.topic_id = "before"
    fill(cluster, 20)
    broker = FakeBroker(cluster)
    broker.watch = forever  # type: ignore[method-assign]  # the reader meets the new log before the watch does
    run = asyncio.create_task(KafkaTrigger(settings(position_lost="latest"), broker, tick_s=TICK_S).run(intake, lambda: None))
    await until(lambda: broker.reads > 0)
    cluster.make_anew("after")
    await asyncio.wait({run})
    assert isinstance(run.exception(), SourceLost)
    assert intake.accepted == []


async def forever() -> None:
    await asyncio.Event().wait()
