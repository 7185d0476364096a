"""Where a partition begins."""

import pytest

from sluice.ledger import Claim, SourceKey
from sluice_kafka.beginning import Beginning
from sluice_kafka.broker import Place
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.source import source_name
from sluice_kafka.start import Known, known_by
from tests.conformance.kafka_fake import FakeBroker, FakeCluster

P0, P1 = Place("orders", 0), Place("orders", 1)


@pytest.mark.parametrize(
    ("position", "committed", "sibling", "known"),
    [
        ("7", 3, True, Known.LEDGER),
        ("0", None, False, Known.LEDGER),
        (None, 3, True, Known.GROUP),
        (None, 0, False, Known.GROUP),
        (None, None, True, Known.SIBLING),
        (None, None, False, Known.NOTHING),
    ],
)
def test_the_ledger_comes_before_the_group_and_the_group_before_the_settings(
    position: str | None, committed: int | None, sibling: bool, known: Known
) -> None:
    assert known_by(position, committed, sibling) is known


def settings(**more: object) -> KafkaSettings:
    return KafkaSettings(kafka_connect_address="a:1", topic_ids=["orders"], **more)  # type: ignore[arg-type]  # a test's shorthand


def claims(**positions: str | None) -> dict[Place, Claim]:
    numbers = {Place("orders", int(name[1:])): position for name, position in positions.items()}
    return {place: Claim(SourceKey("t", "1", source_name(*place)), 1, position) for place, position in numbers.items()}


@pytest.fixture
def cluster() -> FakeCluster:
    """Two partitions of five records each, at the times 0, 10, 20 …"""
    cluster = FakeCluster(partitions=2)
    for log in cluster.logs.values():
        for number in range(5):
            log.append(b"%d" % number)
            log.messages[-1].timestamp = number * 10
        log.delete_before(1)
    return cluster


async def begin(cluster: FakeCluster, chosen: KafkaSettings, **positions: str | None) -> dict[Place, int]:
    return await Beginning(chosen, FakeBroker(cluster)).of(claims(**positions))


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        (settings(), 5),
        (settings(start_position="earliest"), 1),
        (settings(start_position="timestamp", start_timestamp=25), 3),
        (settings(start_position="timestamp", start_timestamp=99), 5),
    ],
)
async def test_the_first_start_is_where_the_settings_say(cluster: FakeCluster, chosen: KafkaSettings, start: int) -> None:
    assert await begin(cluster, chosen, p0=None, p1=None) == {P0: start, P1: start}


async def test_a_committed_offset_is_gone_on_from(cluster: FakeCluster) -> None:
    cluster.offsets[P0] = 2
    assert (await begin(cluster, settings(), p0=None))[P0] == 2


async def test_a_partition_that_appears_later_is_read_from_its_earliest(cluster: FakeCluster) -> None:
    assert await begin(cluster, settings(), p0="4", p1=None) == {P0: 4, P1: 1}
    cluster.offsets[P0] = 4
    assert await begin(cluster, settings(), p1=None) == {P1: 1}


async def test_the_first_member_tells_the_group_where_the_others_begin(cluster: FakeCluster) -> None:
    assert await begin(cluster, settings(), p0=None) == {P0: 5}
    cluster.logs[P1].append(b"after the first start")
    assert await begin(cluster, settings(), p1=None) == {P1: 5}


async def test_partitions_of_one_assignment_are_no_news_to_each_other(cluster: FakeCluster) -> None:
    beginning = Beginning(settings(), FakeBroker(cluster))
    assert await beginning.of(claims(p0=None)) == {P0: 5}
    cluster.offsets.clear()
    assert await beginning.of(claims(p1=None)) == {P1: 1}
