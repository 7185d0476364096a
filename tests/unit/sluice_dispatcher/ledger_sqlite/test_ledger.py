"""What the embedded ledger promises beyond the contract: full disks, broken files, old rows, bounded growth."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import apsw
import pytest

from sluice.binding import Mode
from sluice.clock import SteppedClock
from sluice.errors import AlreadyRunning, ClaimLost, LedgerDamaged, LedgerFull, Unavailable
from sluice.event import Event, random_id
from sluice.ledger import Claim, DeadFilter, End, Ended, Pending, Push, Route, Slice, SourceKey, StoryFilter
from sluice.outcome import FailureKind
from sluice.usage import DAY_S, Usage, UsageFilter
from sluice_dispatcher.ledger_sqlite import counters, usage
from sluice_dispatcher.ledger_sqlite import ledger as ledger_module
from sluice_dispatcher.ledger_sqlite.ledger import Options, SqliteLedger, open_ledger
from sluice_dispatcher.ledger_sqlite.schema import PAGE_BYTES
from tests.contracts.ledger import FUNCTION, MANY, PUSHED, ROUTE, events, success
from tests.waiting import until

ROOT = Path(__file__).parents[4]
SMALL = Options(reserve_bytes=1 << 16, log_bytes=1 << 19, keep_ends=1_000)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def ledger(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[SqliteLedger]:
    ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
    yield ledger
    await ledger.close()


async def pending(ledger: SqliteLedger) -> list[Pending]:
    return (await ledger.read(FUNCTION, 0, MANY, 1 << 40)).events


def change(directory: Path, sql: str, values: Sequence[object] = ()) -> None:
    """What another hand did to the file."""
    connection = apsw.Connection(str(directory / "ledger.db"))
    connection.execute(sql, tuple(values))
    connection.close()


async def closed_with(directory: Path, clock: SteppedClock, count: int, body: bytes = b"{}") -> list[Pending]:
    ledger = await open_ledger(directory, clock=clock)
    pendings = await ledger.accept(PUSHED, Push(events(count, body=body)))
    await ledger.close()
    return pendings


# the file


async def test_a_second_opening_is_told_who_holds_the_directory(tmp_path: Path, ledger: SqliteLedger, clock: SteppedClock) -> None:
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}, started 20"):
        await open_ledger(tmp_path, clock=clock)


async def test_a_closed_ledger_can_be_opened_again(tmp_path: Path, clock: SteppedClock) -> None:
    given = await closed_with(tmp_path, clock, 3)
    ledger = await open_ledger(tmp_path, clock=clock)
    assert await pending(ledger) == given
    await ledger.close()


async def test_the_file_is_written_with_full_synchronisation(tmp_path: Path, ledger: SqliteLedger) -> None:
    writer = ledger.connections[0]
    assert writer.execute("PRAGMA synchronous").get == 2
    assert writer.execute("PRAGMA journal_mode").get == "wal"
    assert writer.execute("PRAGMA wal_autocheckpoint").get == 0


async def test_a_file_of_schema_1_is_brought_up_with_everything_in_it(tmp_path: Path, clock: SteppedClock) -> None:
    ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
    accepted = await ledger.accept(PUSHED, Push(events(3)))
    await ledger.settle([success(accepted[0])])
    await ledger.close()
    change(tmp_path, "DROP TABLE usage")
    change(tmp_path, "DROP TABLE counted")
    change(tmp_path, "PRAGMA user_version = 1")
    for _ in range(2):
        ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
        assert [one.event for one in await pending(ledger)] == [one.event for one in accepted[1:]]
        await ledger.add_usage([Usage(f"{FUNCTION}:latest", 60, 1)])
        await ledger.close()
    ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
    assert [row.calls for row in await ledger.used(UsageFilter("demo"))] == [2]
    await ledger.close()


async def test_old_usage_is_dropped_minutes_before_days(ledger: SqliteLedger, clock: SteppedClock) -> None:
    at = int(clock.time() // DAY_S) * DAY_S
    await ledger.add_usage([Usage(f"{FUNCTION}:latest", at, 1), Usage(f"{FUNCTION}:latest", at + 3 * DAY_S, 1)])
    clock.advance(4 * DAY_S)
    await ledger.maintain()
    assert [row.at for row in await ledger.used(UsageFilter("demo"))] == [at + 3 * DAY_S]
    assert len(await ledger.used(UsageFilter("demo", bucket_s=DAY_S))) == 2
    clock.advance(300 * DAY_S)
    await ledger.maintain()
    assert await ledger.used(UsageFilter("demo", bucket_s=DAY_S)) == []


async def test_of_too_many_rows_of_usage_the_oldest_are_dropped(
    ledger: SqliteLedger, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "MOST_ROWS", 3)
    now = int(clock.time() // 60) * 60
    await ledger.add_usage([Usage(f"{FUNCTION}:latest", now - 60 * number, 1) for number in range(10)])
    await ledger.maintain()
    assert [row.at for row in await ledger.used(UsageFilter("demo"))] == [now - 120, now - 60, now]


async def test_a_file_of_a_newer_schema_is_refused_by_name(tmp_path: Path, clock: SteppedClock) -> None:
    await closed_with(tmp_path, clock, 1)
    change(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(LedgerDamaged, match=r"ledger\.db has schema version 99 and this release knows 2"):
        await open_ledger(tmp_path, clock=clock)


@pytest.mark.parametrize("size", [0, 100, 4_096, 8_192, 20_000])
async def test_a_truncated_file_is_refused_with_instructions_and_left_alone(tmp_path: Path, clock: SteppedClock, size: int) -> None:
    await closed_with(tmp_path, clock, 3)
    path = tmp_path / "ledger.db"
    os.truncate(path, size)
    with pytest.raises(LedgerDamaged, match="Restore the data directory from a backup"):
        await open_ledger(tmp_path, clock=clock)
    assert path.stat().st_size == size


async def test_a_large_file_that_is_cut_off_is_refused_without_reading_it_all(tmp_path: Path, clock: SteppedClock) -> None:
    await closed_with(tmp_path, clock, 20, body=os.urandom(1_000_000))
    path = tmp_path / "ledger.db"
    os.truncate(path, path.stat().st_size - PAGE_BYTES)
    with pytest.raises(LedgerDamaged, match="1 of its pages are cut off"):
        await open_ledger(tmp_path, clock=clock)


async def test_a_file_that_is_something_else_is_refused(tmp_path: Path, clock: SteppedClock) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database at all" * 1_000)
    with pytest.raises(LedgerDamaged):
        await open_ledger(tmp_path, clock=clock)


async def test_a_log_without_its_file_is_refused(tmp_path: Path, clock: SteppedClock) -> None:
    await closed_with(tmp_path, clock, 3)
    (tmp_path / "ledger.db").rename(tmp_path / "elsewhere")
    (tmp_path / "ledger.db-wal").write_bytes(b"frames")
    with pytest.raises(LedgerDamaged, match="its write-ahead log is still there"):
        await open_ledger(tmp_path, clock=clock)


async def test_a_broken_page_is_refused_at_open(tmp_path: Path, clock: SteppedClock) -> None:
    await closed_with(tmp_path, clock, 3)
    with (tmp_path / "ledger.db").open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)
    with pytest.raises(LedgerDamaged):
        await open_ledger(tmp_path, clock=clock)


# rows that cannot be read


@pytest.mark.parametrize(("column", "value"), [("bodies", b"\0\0\0\4\xc1\xc1\xc1\xc1"), ("bodies", b""), ("format", 9), ("ids", b"short")])
async def test_a_block_that_cannot_be_decoded_is_set_aside(tmp_path: Path, clock: SteppedClock, column: str, value: object) -> None:
    await closed_with(tmp_path, clock, 3)
    change(tmp_path, "UPDATE block SET COLUMN = ?".replace("COLUMN", column), [value])
    ledger = await open_ledger(tmp_path, clock=clock)
    good = await ledger.accept(PUSHED, Push(events(2)))
    assert await pending(ledger) == good
    dead = await ledger.dead(DeadFilter(), 0, 10)
    assert [(one.end, one.failure) for one in dead] == [(End.DISCARD, "unreadable")] * 3
    counts = ledger.counts()["trigger-2"]
    assert (counts.received, counts.discarded, counts.open) == (5, 3, 2)
    await ledger.close()


async def test_an_unreadable_block_hides_only_its_own_stories(tmp_path: Path, clock: SteppedClock) -> None:
    bad, *_ = await closed_with(tmp_path, clock, 3)
    change(tmp_path, "UPDATE block SET format = 9")
    ledger = await open_ledger(tmp_path, clock=clock)
    (good,) = await ledger.accept(PUSHED, Push(events(1)))
    assert await ledger.explain(bad.event.id) is None
    assert await ledger.explain(good.event.id) is not None
    assert [story.id for story in (await ledger.recent(StoryFilter("demo", FUNCTION), 10, 0)).stories] == [good.event.id]
    await ledger.close()


async def test_an_event_that_cannot_be_encoded_fails_alone(ledger: SqliteLedger) -> None:
    wrong = Push([Event(random_id(), b"{}", lane="\ud800")])
    answers = await asyncio.gather(
        ledger.accept(PUSHED, Push(events(1))),
        ledger.accept(PUSHED, wrong),
        ledger.accept(PUSHED, Push(events(1))),
        return_exceptions=True,
    )
    assert isinstance(answers[1], UnicodeEncodeError)
    assert len(await pending(ledger)) == 2
    assert ledger.counts()["trigger-2"].received == 2


# growth


async def test_slices_handed_over_together_are_judged_in_the_order_of_the_calls(ledger: SqliteLedger) -> None:
    key = SourceKey("trigger-1", "1", "orders-0")
    claim = await ledger.claim(key)
    pieces = [Slice(key, claim.epoch, str(at) if at else None, str(at + 1), events(1)) for at in (0, 1, 5, 6, 2)]
    answers = await asyncio.gather(*(ledger.accept(ROUTE, piece) for piece in pieces), return_exceptions=True)
    assert [isinstance(answer, ClaimLost) for answer in answers] == [False, False, True, True, False]
    assert ledger.usage()["commits"] == 2


async def test_the_log_and_the_file_stay_bounded_while_events_flow(tmp_path: Path, ledger: SqliteLedger) -> None:
    for _ in range(150):
        pendings = await ledger.accept(PUSHED, Push(events(64, body=b"x" * 1_000)))
        await ledger.settle([success(one) for one in pendings])
    usage = ledger.usage()
    assert usage["checkpoints"] > 3
    assert usage["log_bytes"] < 6 * SMALL.log_bytes
    assert usage["file_bytes"] < 2_000_000


async def test_the_ring_of_ends_forgets_the_oldest(ledger: SqliteLedger, clock: SteppedClock) -> None:
    first = await ledger.accept(PUSHED, Push(events(1)))
    await ledger.settle([success(one, clock.time()) for one in first])
    assert await ledger.explain(first[0].event.id) is not None
    for _ in range(5):
        pendings = await ledger.accept(PUSHED, Push(events(500)))
        await ledger.settle([success(one, clock.time()) for one in pendings])
    await ledger.maintain()
    assert await ledger.explain(first[0].event.id) is None
    story = await ledger.explain(pendings[0].event.id)
    assert story is not None
    assert story.state == "SUCCESS"


async def test_ends_and_dead_letters_are_dropped_by_age(ledger: SqliteLedger, clock: SteppedClock) -> None:
    one, two = await ledger.accept(PUSHED, Push(events(2)))
    await ledger.settle([success(one, clock.time()), Ended(two, End.FAIL, clock.time(), failure=FailureKind.TIMEOUT)])
    clock.advance(86_401)
    await ledger.maintain()
    assert await ledger.explain(one.event.id) is None
    assert len(await ledger.dead(DeadFilter(), 0, 10)) == 1
    clock.advance(13 * 86_400)
    await ledger.maintain()
    assert await ledger.dead(DeadFilter(), 0, 10) == []


async def test_tables_of_ids_are_dropped_and_pending_ids_stay_known(tmp_path: Path, ledger: SqliteLedger, clock: SteppedClock) -> None:
    one, two = await ledger.accept(PUSHED, Push(events(2), [("a",), ("b",)]))
    await ledger.settle([success(one)])
    clock.advance(700)
    await ledger.maintain()
    await ledger.maintain()
    assert minutes(tmp_path) == []
    assert len(await ledger.accept(PUSHED, Push(events(2), [("a",), ("b",)]))) == 1
    await ledger.settle([success(two)])
    assert len(await ledger.accept(PUSHED, Push(events(1), [("b",)]))) == 1
    await ledger.maintain()
    connection = apsw.Connection(str(tmp_path / "ledger.db"))
    assert connection.execute("SELECT count(*) FROM id_pending").get == 0
    connection.close()


def minutes(directory: Path) -> list[str]:
    connection = apsw.Connection(str(directory / "ledger.db"))
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'ids_[0-9]*' AND type = 'table'")]
    connection.close()
    return names


async def test_what_is_in_flight_is_written_even_if_nothing_else_is(tmp_path: Path, clock: SteppedClock) -> None:
    options = Options(in_flight_s=0.0)
    ledger = await open_ledger(tmp_path, clock=clock, options=options)
    before = ledger.usage()["commits"]
    ledger.in_flight([65_536])
    await until(lambda: ledger.usage()["commits"] > before)
    await ledger.close()
    ledger = await open_ledger(tmp_path, clock=clock)
    assert await ledger.interrupted() == {65_536}
    await ledger.close()


# a full disk


async def test_a_full_file_refuses_new_work_and_lets_ends_through_until_there_is_room(ledger: SqliteLedger, clock: SteppedClock) -> None:
    writer = ledger.connections[0]
    writer.execute("PRAGMA max_page_count = 200")
    accepted = await fill(ledger)
    assert ledger.usage()["disk_full"] == 1
    with pytest.raises(LedgerFull, match="free some room"):
        await ledger.accept(PUSHED, Push(events(1)))
    await ledger.settle([success(one) for one in accepted])
    assert await pending(ledger) == []
    clock.advance(2)
    assert len(await ledger.accept(PUSHED, Push(events(1)))) == 1
    assert ledger.usage()["disk_full"] == 0
    counts = ledger.counts()["trigger-2"]
    assert (counts.received, counts.success) == (len(accepted) + 1, len(accepted))


async def test_in_one_commit_with_refused_work_ends_go_through(ledger: SqliteLedger) -> None:
    accepted = await ledger.accept(PUSHED, Push(events(60, body=b"x" * 2_000)))
    writer = ledger.connections[0]
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').get:d}")
    full, settled = await asyncio.gather(
        ledger.accept(PUSHED, Push(events(60, body=b"x" * 20_000))),
        ledger.settle([success(one) for one in accepted]),
        return_exceptions=True,
    )
    assert isinstance(full, LedgerFull)
    assert settled is None
    assert await pending(ledger) == []


async def test_closing_on_a_full_disk_ends_and_tells_who_still_waited(tmp_path: Path, clock: SteppedClock) -> None:
    ledger = await open_ledger(tmp_path, clock=clock)
    accepted = await ledger.accept(PUSHED, Push(events(3_000)))
    writer = ledger.connections[0]
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').get:d}")
    starting = asyncio.ensure_future(ledger.start(accepted))
    await until(lambda: ledger.usage()["disk_full"])
    await ledger.close()
    with pytest.raises(Unavailable, match="closed before"):
        await starting
    ledger = await open_ledger(tmp_path, clock=clock)
    assert [one.executions for one in await pending(ledger)] == [0] * 3_000
    await ledger.close()


async def fill(ledger: SqliteLedger) -> list[Pending]:
    accepted: list[Pending] = []
    while not ledger.usage()["disk_full"]:
        with contextlib.suppress(LedgerFull):
            accepted += await ledger.accept(PUSHED, Push(events(50, body=b"x" * 1_000)))
    return accepted


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.timeout(60)
def test_a_full_disk_refuses_new_work_and_lets_ends_through_until_there_is_room(tmp_path: Path) -> None:
    script = "mount -t tmpfs -o size=24m none $0 && exec $1 -m tests.unit.sluice_dispatcher.ledger_sqlite.small_disk $0"
    command = ["unshare", "--mount", "sh", "-ec", script, str(tmp_path), sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line in ("full", "ended", "again")] == ["full", "ended", "again"]


async def test_a_page_of_events_does_not_wait_for_somebodys_long_search(
    tmp_path: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
    await ledger.accept(PUSHED, Push(events(3)))
    found = threading.Event()
    monkeypatch.setattr(ledger._stories, "recent", lambda *_: found.wait(10))
    searching = asyncio.ensure_future(ledger.recent(StoryFilter("demo", FUNCTION), 10, 0))
    async with asyncio.timeout(5):
        assert len((await ledger.read(FUNCTION, 0, 10, 1_000)).events) == 3
    assert not searching.done()
    found.set()
    await searching
    await ledger.close()


async def test_counts_of_many_triggers_are_kept_together_and_folded_later(
    tmp_path: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "FOLD_ROWS", 4)
    monkeypatch.setattr(ledger_module, "FOLD_AT_ONCE", 30)
    ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
    routes = [Route("demo", f"trigger-{number}", f"{FUNCTION}:latest", Mode.RECORDED, "timer") for number in range(100)]
    claims = [await ledger.claim(SourceKey(route.trigger, "1", "schedule")) for route in routes]
    expected = {route.trigger: 0 for route in routes}
    for turn in range(6):
        fired = range(0, 100, 1 + turn % 2)
        slices = [(routes[number], _next_slice(claims, number)) for number in fired]
        accepted = [pending for answer in await ledger.accept_all(slices) if isinstance(answer, list) for pending in answer]
        await ledger.settle([success(one) for one in accepted])
        for number in fired:
            expected[routes[number].trigger] += 1
        if turn == 1:
            await ledger.close()
            ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
        if turn in (2, 5):
            await ledger.maintain()
            assert ledger.connections[0].execute("SELECT count(*) FROM counted").get < 4
        assert {name: (counts.received, counts.success) for name, counts in ledger.counts().items()} == _twice(expected)
    await ledger.close()
    ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
    assert {name: (counts.received, counts.success) for name, counts in ledger.counts().items()} == _twice(expected)
    await ledger.close()


def _next_slice(claims: list[Claim], number: int) -> Slice:
    claim = claims[number]
    to = str(int(claim.position or 0) + 1)
    claims[number] = Claim(claim.key, claim.epoch, to)
    return Slice(claim.key, claim.epoch, claim.position, to, events(1))


def _twice(counts: dict[str, int]) -> dict[str, tuple[int, int]]:
    return {name: (count, count) for name, count in counts.items()}


async def test_a_fold_that_was_rolled_back_begins_anew(tmp_path: Path, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "FOLD_ROWS", 1)
    ledger = await open_ledger(tmp_path, clock=clock, options=SMALL)
    routes = [Route("demo", f"trigger-{number}", f"{FUNCTION}:latest", Mode.RECORDED, "timer") for number in range(50)]
    claims = [await ledger.claim(SourceKey(route.trigger, "1", "schedule")) for route in routes]
    await ledger.accept_all([(route, _next_slice(claims, number)) for number, route in enumerate(routes)])
    writer, store = ledger.connections[0], ledger._book.counters
    writer.execute("BEGIN")
    assert store.fold(30)
    writer.execute("ROLLBACK")
    ledger._book.drop()
    with writer:
        assert store.fold(30)
        assert not store.fold(30)
    ledger._book.keep()
    assert writer.execute("SELECT count(*) FROM counted").get == 0
    assert writer.execute("SELECT sum(received) FROM counter").get == 50
    await ledger.close()
