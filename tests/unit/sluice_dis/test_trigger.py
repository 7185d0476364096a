"""The trigger over a service in memory: first starts, splits and merges, what is forgotten, and what the service answers beside records.
The conformance suite covers what every kind must do."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sluice.binding import Binding
from sluice.errors import SourceLost, SourceRefused
from sluice.event import Record
from sluice.ledger import Claim
from sluice_dis import KIND, follower, shard_reader, stream_aiobotocore
from sluice_dis.position import ENDED
from sluice_dis.settings import DisSettings
from sluice_dis.source import shard_of
from tests.conformance.dis_fake import HOUR_MS, FakeKinesis
from tests.conformance.intake import FakeIntake
from tests.servers import free_port_run
from tests.waiting import until

BINDING = Binding("t1", "p1", "DIS", "dis", "urn:fss:local-1:p1:function:default:f:latest", b"{}")
FIRST = "shardId-000000000000"


@pytest.fixture
def kinesis(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKinesis]:
    monkeypatch.setattr(follower, "LIST_S", 0.05)
    monkeypatch.setattr(follower, "ASK_S", 0.002)
    monkeypatch.setattr(shard_reader, "EMPTY_S", 0.01)
    monkeypatch.setattr(stream_aiobotocore, "FIRST_PAUSE_S", 0.01)
    service = FakeKinesis(free_port_run(1))
    service.start()
    service.create("clicks")
    yield service
    service.kill()


def settings(kinesis: FakeKinesis, **changes: Any) -> DisSettings:
    least: dict[str, Any] = {
        "stream_name": "clicks",
        "sharditerator_type": "TRIM_HORIZON",
        "polling_interval": 10,
        "polling_unit": "ms",
        "endpoint": kinesis.endpoint,
        "region": kinesis.region,
        "access_key": kinesis.access_key,
        "secret_key": kinesis.secret_key,
    }
    return DisSettings(**(least | changes))


@asynccontextmanager
async def running(kinesis: FakeKinesis, intake: FakeIntake, **changes: Any) -> AsyncIterator["asyncio.Task[None]"]:
    """A trigger that is ready, or has ended."""
    ready = asyncio.Event()
    task = asyncio.create_task(KIND.build(BINDING, settings(kinesis, **changes)).run(intake, ready.set))
    waiting = asyncio.create_task(ready.wait())
    async with asyncio.timeout(10):
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def fails(kinesis: FakeKinesis, intake: FakeIntake | None = None, **changes: Any) -> BaseException | None:
    async with running(kinesis, intake or FakeIntake(), **changes) as task:
        await asyncio.wait({task}, timeout=10)
        return task.exception()


def values(intake: FakeIntake) -> list[bytes | None]:
    return [record.value for record in intake.accepted]


def by_shard(records: Sequence[Record]) -> dict[str, list[bytes | None]]:
    found: dict[str, list[bytes | None]] = defaultdict(list)
    for record in records:
        found[shard_of(record.source)].append(record.value)
    return dict(found)


# where it begins


async def test_latest_leaves_out_what_was_there_and_reads_what_comes_while_it_is_away(kinesis: FakeKinesis) -> None:
    kinesis.put("clicks", b"before")
    intake = FakeIntake()
    async with running(kinesis, intake, sharditerator_type="LATEST"):
        kinesis.put("clicks", b"1")
        await until(lambda: values(intake) == [b"1"])
    kinesis.put("clicks", b"2")
    async with running(kinesis, intake, sharditerator_type="LATEST"):
        await until(lambda: values(intake) == [b"1", b"2"])


async def test_a_trigger_that_has_read_nothing_yet_does_not_begin_at_the_end_again(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    async with running(kinesis, intake, sharditerator_type="LATEST"):
        pass
    kinesis.put("clicks", b"1")
    async with running(kinesis, intake, sharditerator_type="LATEST"):
        await until(lambda: values(intake) == [b"1"])


async def test_a_time_to_begin_at_leaves_out_what_came_before_it(kinesis: FakeKinesis) -> None:
    kinesis.put("clicks", b"before")
    kinesis.ahead_ms += HOUR_MS
    start = kinesis.now_ms() - 1000
    kinesis.put("clicks", b"1", b"2")
    intake = FakeIntake()
    async with running(kinesis, intake, sharditerator_type="AT_TIMESTAMP", start_timestamp=start):
        await until(lambda: values(intake) == [b"1", b"2"])


async def test_a_time_before_everything_that_is_kept_is_the_beginning(kinesis: FakeKinesis) -> None:
    kinesis.put("clicks", b"1")
    intake = FakeIntake()
    async with running(kinesis, intake, sharditerator_type="AT_TIMESTAMP", start_timestamp=1000):
        await until(lambda: values(intake) == [b"1"])


async def test_latest_leaves_out_shards_that_are_closed(kinesis: FakeKinesis) -> None:
    kinesis.put("clicks", b"before")
    kinesis.split("clicks", FIRST)
    kinesis.put("clicks", b"before")
    intake = FakeIntake()
    async with running(kinesis, intake, sharditerator_type="LATEST"):
        kinesis.put("clicks", b"1")
        await until(lambda: values(intake) == [b"1"])


# splits and merges


async def test_the_shards_of_a_split_are_read_after_their_parent(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    intake.hold()
    kinesis.put("clicks", *[b"p%d" % number for number in range(3000)])
    left, right = kinesis.split("clicks", FIRST)
    for key in map(str, range(20)):
        kinesis.put("clicks", b"child", key=key)
    intake.let_flow()
    async with running(kinesis, intake):
        await until(lambda: len(intake.accepted) == 3020)
    assert values(intake)[:3000] == [b"p%d" % number for number in range(3000)]
    assert set(by_shard(intake.accepted)) == {FIRST, left.id, right.id}


async def test_a_merge_waits_for_both_of_its_parents(kinesis: FakeKinesis) -> None:
    kinesis.create("clicks", 2)
    for number in range(50):
        kinesis.put("clicks", b"parent", key=str(number))
    merged = kinesis.merge("clicks", FIRST, "shardId-000000000001")
    kinesis.put("clicks", *[b"child"] * 10)
    intake = OneSourceHeld(kinesis.source("clicks", 1))
    async with running(kinesis, intake):
        await until(lambda: FIRST in by_shard(intake.accepted))
        await until(lambda: kinesis.requests.get("list_shards", 0) >= 4)
        assert merged.id not in by_shard(intake.accepted)
        intake.held.set()
        await until(lambda: len(intake.accepted) == 60)
    assert values(intake)[50:] == [b"child"] * 10


class OneSourceHeld(FakeIntake):
    """The mesh is full for one shard, until `held` is set."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.held = asyncio.Event()

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        if claim.key.source == self.source and records:
            await self.held.wait()
        await super().offer(claim, records, to)


async def test_order_of_a_key_is_kept_while_the_stream_is_split_and_merged_under_load(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    sent: dict[str, list[bytes]] = defaultdict(list)

    def put(count: int) -> None:
        for number in range(count):
            key = f"k{number % 7}"
            sent[key].append(b"%d" % len(sent[key]))
            kinesis.put("clicks", sent[key][-1], key=key)

    async with running(kinesis, intake):
        put(200)
        left, right = kinesis.split("clicks", FIRST)
        put(200)
        await until(lambda: len(intake.accepted) >= 300)
        kinesis.merge("clicks", left.id, right.id)
        put(200)
        await until(lambda: len(intake.accepted) == 600)
    seen: dict[str, list[bytes | None]] = defaultdict(list)
    for record in intake.accepted:
        seen[(record.key or b"").decode()].append(record.value)
    assert seen == sent


async def test_a_split_while_it_is_away_loses_nothing_even_if_the_parent_was_read(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    async with running(kinesis, intake, sharditerator_type="LATEST"):
        kinesis.put("clicks", b"1")
        await until(lambda: values(intake) == [b"1"])
    kinesis.put("clicks", b"2")
    kinesis.split("clicks", FIRST)
    kinesis.put("clicks", b"3")
    async with running(kinesis, intake, sharditerator_type="LATEST"):
        await until(lambda: values(intake) == [b"1", b"2", b"3"])
        await until(lambda: intake.positions[kinesis.source("clicks")] == ENDED)


async def test_more_shards_than_one_answer_lists_are_all_read(kinesis: FakeKinesis) -> None:
    kinesis.create("clicks", 130)
    for number in range(1000):
        kinesis.put("clicks", b"%d" % number, key=str(number))
    intake = FakeIntake()
    async with running(kinesis, intake):
        await until(lambda: len(intake.accepted) == 1000, 30)
    assert {int(value or b"") for value in values(intake)} == set(range(1000))


# several replicas


async def test_a_replica_that_comes_later_is_given_half_of_the_shards_and_nothing_is_read_twice(
    kinesis: FakeKinesis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "SHARE_S", 0.2)
    monkeypatch.setattr(follower, "TAKEN_S", 0.3)
    kinesis.create("clicks", 6)
    ledger = SharedLedger()
    ours, theirs = ReplicaIntake(ledger), ReplicaIntake(ledger)
    put = 0
    async with running(kinesis, ours):
        await until(lambda: len(ledger.holders) == 6)
        async with running(kinesis, theirs) as run, asyncio.timeout(20):
            while sum(holder is theirs for holder in list(ledger.holders.values())) < 3:
                assert not run.done(), run
                kinesis.put("clicks", b"%d" % put, key=str(put))
                put += 1
                await asyncio.sleep(0.005)
            await until(lambda: len(ours.accepted) + len(theirs.accepted) >= put)
    assert sorted(int(value or b"") for value in values(ours) + values(theirs)) == list(range(put))
    assert theirs.accepted


async def test_a_replica_takes_over_what_another_one_lets_go(kinesis: FakeKinesis) -> None:
    kinesis.create("clicks", 4)
    ledger = SharedLedger()
    ours, theirs = ReplicaIntake(ledger), ReplicaIntake(ledger)
    async with running(kinesis, ours):
        async with running(kinesis, theirs):
            await until(lambda: len(ledger.holders) == 4)
        await until(lambda: all(holder is ours for holder in ledger.holders.values()) and len(ledger.holders) == 4)
        for number in range(40):
            kinesis.put("clicks", b"%d" % number, key=str(number))
        await until(lambda: len(ours.accepted) + len(theirs.accepted) == 40)


class SharedLedger:
    """Positions and who holds what, for several intakes."""

    def __init__(self) -> None:
        self.positions: dict[str, str | None] = {}
        self.holders: dict[str, ReplicaIntake] = {}


class ReplicaIntake(FakeIntake):
    """One of several; a claim waits while another one holds it."""

    def __init__(self, ledger: SharedLedger) -> None:
        super().__init__()
        self.ledger = ledger
        self.positions = ledger.positions

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        while self.ledger.holders.get(source, self) is not self:  # noqa: ASYNC110 - a fake that looks again
            await asyncio.sleep(0.002)
        self.ledger.holders[source] = self
        return await super().claim(source, assigned=assigned)

    def release(self, claim: Claim) -> None:
        super().release(claim)
        if self.ledger.holders.get(claim.key.source) is self:
            del self.ledger.holders[claim.key.source]


# what a stream forgets


async def test_a_shard_at_rest_for_longer_than_records_are_kept_is_no_lost_position(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    kinesis.put("clicks", b"1")
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1"])
    kinesis.ahead_ms += 20 * HOUR_MS
    async with running(kinesis, intake):
        await until(lambda: intake.positions[kinesis.source("clicks")] != f"{kinesis._sequence}@0" and _time_of(kinesis, intake) > 0)
        await until(lambda: _time_of(kinesis, intake) > kinesis.now_ms() - HOUR_MS)
    kinesis.ahead_ms += 20 * HOUR_MS
    kinesis.forget("clicks", FIRST, 1)
    kinesis.put("clicks", b"2")
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1", b"2"])


def _time_of(kinesis: FakeKinesis, intake: FakeIntake) -> int:
    return int((intake.positions[kinesis.source("clicks")] or "").rpartition("@")[2])


async def test_a_forgotten_sequence_number_that_nothing_ever_follows_is_gone_round(kinesis: FakeKinesis) -> None:
    kinesis.is_forgetful = True
    intake = FakeIntake()
    kinesis.put("clicks", b"1", b"2")
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1", b"2"])
    kinesis.put("clicks", b"3")
    kinesis.forget("clicks", FIRST, 2)
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1", b"2", b"3"])


async def test_what_was_read_is_not_read_again_when_only_its_time_is_left_to_go_on_from(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    kinesis.put("clicks", *[b"%d" % number for number in range(10)])
    async with running(kinesis, intake):
        await until(lambda: len(intake.accepted) == 10)
    source = kinesis.source("clicks")
    kinesis.fail_next("get_shard_iterator", "InvalidArgumentException")
    kinesis.put("clicks", b"new")
    async with running(kinesis, intake):
        await until(lambda: len(intake.accepted) == 11)
    assert values(intake)[-1] == b"new"
    assert intake.positions[source]


async def test_a_position_of_any_age_is_gone_on_from_while_the_stream_still_has_its_record(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    kinesis.put("clicks", b"1")
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1"])
    kinesis.ahead_ms += 30 * HOUR_MS
    kinesis.put("clicks", b"2")
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1", b"2"])


async def test_where_it_began_is_forgotten_once_another_replica_has_read_on(kinesis: FakeKinesis) -> None:
    ledger = SharedLedger()
    ours, theirs = ReplicaIntake(ledger), ReplicaIntake(ledger)
    source = kinesis.source("clicks")
    begun = asyncio.Event()

    async def taken_by_them(claim: Claim, records: Sequence[Record], to: str) -> None:
        await FakeIntake.offer(ours, claim, records, to)
        if to == "begun":
            ledger.holders[source] = theirs
            begun.set()

    ours.offer = taken_by_them  # type: ignore[method-assign]  # they are quicker
    async with running(kinesis, ours, sharditerator_type="LATEST"):
        await begun.wait()
        shard = kinesis.put("clicks", b"theirs")
        ledger.positions[source] = f"{shard.records[-1].sequence}@{shard.records[-1].at_ms}"
        kinesis.put("clicks", b"ours")
        del ledger.holders[source]
        await until(lambda: b"ours" in values(ours))
        assert values(ours) == [b"ours"]


@pytest.mark.parametrize("policy", ["earliest", "latest"])
async def test_a_shard_that_is_gone_with_records_in_it_is_told_and_its_children_are_read(kinesis: FakeKinesis, policy: str) -> None:
    intake = FakeIntake()
    kinesis.put("clicks", b"1")
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1"])
    kinesis.put("clicks", b"never read")
    kinesis.split("clicks", FIRST)
    kinesis.put("clicks", b"2")
    del kinesis.streams["clicks"].shards[FIRST]
    assert isinstance(await fails(kinesis, intake), SourceRefused)
    async with running(kinesis, intake, position_lost=policy):
        await until(lambda: len(intake.accepted) == 3)
    assert values(intake)[1:] == [None, b"2"]
    event = json.loads(KIND.shape(BINDING, settings(kinesis), intake.accepted[1:2]))
    (gap,) = event["Message"]["gaps"]
    assert (gap["shard_id"], gap["to"], gap["position_lost"]) == (FIRST, ENDED, policy)


async def test_a_shard_that_was_read_to_its_end_may_go(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    kinesis.put("clicks", b"1")
    kinesis.split("clicks", FIRST)
    async with running(kinesis, intake):
        await until(lambda: intake.positions.get(kinesis.source("clicks")) == ENDED)
    del kinesis.streams["clicks"].shards[FIRST]
    async with running(kinesis, intake):
        kinesis.put("clicks", b"2")
        await until(lambda: values(intake) == [b"1", b"2"])


# what the service answers beside records


async def test_an_expired_iterator_is_replaced(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    async with running(kinesis, intake):
        for number in range(1, 6):
            kinesis.put("clicks", b"%d" % number)
            await until(lambda: len(intake.accepted) == number)  # noqa: B023 - awaited before the loop goes on
            kinesis.expire_iterators()
    assert values(intake) == [b"%d" % number for number in range(1, 6)]


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException"])
@pytest.mark.parametrize("operation", ["get_records", "get_shard_iterator", "list_shards", "describe_stream_summary"])
async def test_being_throttled_is_waited_out(kinesis: FakeKinesis, operation: str, code: str) -> None:
    kinesis.fail_next(operation, code, times=3)
    kinesis.put("clicks", b"1")
    intake = FakeIntake()
    async with running(kinesis, intake) as task:
        await until(lambda: values(intake) == [b"1"])
        assert not task.done()


async def test_being_throttled_for_too_long_is_a_lost_source(kinesis: FakeKinesis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_aiobotocore, "PATIENCE_S", 0.05)
    kinesis.fail_next("get_records", "ProvisionedThroughputExceededException", times=50)
    lost = await fails(kinesis)
    assert isinstance(lost, SourceLost)
    assert "ProvisionedThroughputExceededException" in str(lost)


async def test_a_service_that_fails_is_a_lost_source(kinesis: FakeKinesis) -> None:
    kinesis.fail_next("get_records", "InternalFailure", status=500)
    assert isinstance(await fails(kinesis), SourceLost)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"stream_name": "nowhere"}, "stream_name"),
        ({"access_key": "wrong"}, "access_key"),
        ({"secret_key": "wrong-secret"}, "secret_key"),
    ],
)
async def test_what_only_a_changed_setting_helps_is_refused_by_its_name(kinesis: FakeKinesis, changes: dict[str, Any], named: str) -> None:
    refused = await fails(kinesis, **changes)
    assert isinstance(refused, SourceRefused)
    assert named in str(refused)
    assert "wrong-secret" not in str(refused)


async def test_a_stream_that_is_made_anew_is_another_source(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    kinesis.put("clicks", b"1")
    async with running(kinesis, intake) as task:
        await until(lambda: values(intake) == [b"1"])
        kinesis.ahead_ms += 1000
        kinesis.create("clicks")
        kinesis.put("clicks", b"2")
        await asyncio.wait({task}, timeout=10)
        assert isinstance(task.exception(), SourceLost)
    async with running(kinesis, intake):
        await until(lambda: values(intake) == [b"1", b"2"])
    assert len({record.source for record in intake.accepted}) == 2


# what is in flight


async def test_a_serial_shard_is_not_read_on_before_the_last_fetch_is_accepted(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    async with running(kinesis, intake, is_serial="true"):
        intake.hold()
        kinesis.put("clicks", b"1")
        await until(lambda: intake.waiting_records == 1)
        before = kinesis.requests["get_records"]
        kinesis.put("clicks", b"2")
        await until(lambda: kinesis.requests["list_shards"] >= 4)
        assert (kinesis.requests["get_records"], intake.waiting_records) == (before, 1)
        intake.let_flow()
        await until(lambda: values(intake) == [b"1", b"2"])


async def test_a_shard_that_has_to_wait_does_not_hold_the_others(kinesis: FakeKinesis) -> None:
    kinesis.create("clicks", 2)
    for number in range(100):
        kinesis.put("clicks", *[b"%d" % number] * 30, key=str(number))
    intake = OneSourceHeld(kinesis.source("clicks", 0))
    theirs = len(kinesis.streams["clicks"].shards["shardId-000000000001"].records)
    async with running(kinesis, intake):
        await until(lambda: len(intake.accepted) == theirs)
        intake.held.set()
        await until(lambda: len(intake.accepted) == 3000)


async def test_a_record_larger_than_a_fetch_comes_alone(kinesis: FakeKinesis) -> None:
    kinesis.put("clicks", b"1", bytes(5000), b"2")
    intake = FakeIntake()
    async with running(kinesis, intake, max_fetch_bytes=1024):
        await until(lambda: len(intake.accepted) == 3)
    assert values(intake) == [b"1", bytes(5000), b"2"]


async def test_lag_is_how_old_what_was_read_is_and_nothing_at_the_end(kinesis: FakeKinesis) -> None:
    intake = FakeIntake()
    source = kinesis.source("clicks")
    async with running(kinesis, intake, is_serial=True):
        intake.hold()
        kinesis.put("clicks", *[b"x"] * 3000)
        kinesis.ahead_ms += 5000
        await until(lambda: intake.lags.get(source, 0) >= 5000)
        intake.let_flow()
        await until(lambda: len(intake.accepted) == 3000 and intake.lags[source] == 0)
