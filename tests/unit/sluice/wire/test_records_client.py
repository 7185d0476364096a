"""One contract of the records' port, near and far."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.errors import Unavailable
from sluice.ledger import Counts, DeadFilter, Records, StoryFilter, StoryPage
from sluice.usage import UsageFilter
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.records_client import RemoteRecords
from sluice.wire.records_server import RecordsService
from sluice.wire.server import WireServer
from tests.unit.sluice.wire.fake_records import EVENT, ROUTE, STORY, USAGE, FakeRecords, dead

PACE = Pace(beat_s=0.05)


@pytest.fixture
def fake() -> FakeRecords:
    return FakeRecords()


@pytest.fixture(params=["local", "wire"])
async def records(request: pytest.FixtureRequest, fake: FakeRecords, tmp_path: Path) -> AsyncIterator[Records]:
    if request.param == "local":
        yield fake
        return
    async with WireServer(f"unix:{tmp_path}/d", [RecordsService(fake, PACE)]) as server:
        remote = RemoteRecords(Peer(server.address), PACE)
        yield remote
        await remote.close()


async def test_a_story_is_told_of_the_project_that_owns_it(records: Records) -> None:
    assert await records.explain("p", EVENT) == STORY
    assert await records.explain("q", EVENT) is None


async def test_recent_stories_are_asked_for_with_every_bound(records: Records, fake: FakeRecords) -> None:
    which = StoryFilter("p", "f", ("FAIL", "DISCARD"), 1.5, 2.5)
    assert await records.recent(which, 3, 4) == StoryPage([STORY] * 3, 77)
    assert fake.asked == [(which, 3, 4)]


async def test_usage_is_asked_for_with_every_bound_and_comes_whole(records: Records, fake: FakeRecords) -> None:
    for which in (UsageFilter("p"), UsageFilter("p", "f", 60.0, 120.0, 86_400, False, False, True)):
        assert await records.usage(which) == [USAGE]
        assert fake.asked[-1] == which


async def test_dead_events_come_whole_and_in_order_however_large(records: Records, fake: FakeRecords) -> None:
    fake.kept = [dead(number, b"x" * 3_000_000) for number in range(1, 12)] + [dead(number) for number in range(12, 400)]
    which = DeadFilter("p", "t-1", "f", "timeout", (EVENT, b"f" * 16), 1.0, 2.0)
    assert await records.dead(which, 2, 5) == fake.kept[2:7]
    assert await records.dead(which, 0, 1_000) == fake.kept
    assert set(fake.asked) == {which}
    assert await records.dead(which, 399, 10) == []


async def test_dead_events_are_driven_again_and_purged(records: Records, fake: FakeRecords) -> None:
    fake.kept = [dead(1), dead(2)]
    assert await records.redrive(DeadFilter("p"), 1, True) == [EVENT]
    assert fake.asked == [(DeadFilter("p"), 1, True)]
    assert await records.purge(DeadFilter("p")) == 2


async def test_an_event_is_cancelled_and_counts_are_told(records: Records, fake: FakeRecords) -> None:
    assert await records.cancel("p", EVENT)
    assert not await records.cancel("q", EVENT, force=True)
    assert fake.asked == [False, True]
    assert await records.counts("p") == {"t-1": Counts(9, 3, 2, 1, 7), "t-2": Counts()}
    assert await records.counts("q") == {}


async def test_ends_are_told_as_they_happen(records: Records) -> None:
    seen = []
    async for story in records.tail("p"):
        seen.append(story)
        if len(seen) == 2:
            break
    assert seen[0] == STORY
    assert seen[0].route == ROUTE
    assert seen[1].steps == ()


async def test_a_dispatcher_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    remote = RemoteRecords(Peer(f"unix:{tmp_path}/nobody"), PACE)
    with pytest.raises(Unavailable):
        await remote.counts("p")
    with pytest.raises(Unavailable):
        async for _ in remote.tail("p"):
            pass
    await remote.close()
