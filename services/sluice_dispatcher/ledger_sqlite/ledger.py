"""The embedded ledger: SQLite by apsw, one writer with group commit, its own threads for the disk, and readers beside it."""

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial
from pathlib import Path

import apsw
import msgspec
import structlog

from sluice.clock import Clock
from sluice.errors import AlreadyRunning, SluiceError
from sluice.host.directory_lock import DirectoryLock
from sluice.ledger import (
    Claim,
    Counts,
    Dead,
    DeadFilter,
    Ended,
    Page,
    Pending,
    Push,
    Retry,
    Route,
    Slice,
    SourceKey,
    Story,
    StoryFilter,
    StoryPage,
)
from sluice.usage import Usage, UsageFilter
from sluice_dispatcher.ledger_sqlite.book import Book, read_in_flight
from sluice_dispatcher.ledger_sqlite.checkpoint import LOG_BYTES, Checkpointer
from sluice_dispatcher.ledger_sqlite.commits import Commits
from sluice_dispatcher.ledger_sqlite.dead import dead_numbers, read_dead
from sluice_dispatcher.ledger_sqlite.lease import Lease
from sluice_dispatcher.ledger_sqlite.reader import Reader
from sluice_dispatcher.ledger_sqlite.reads import UnreadableBlock
from sluice_dispatcher.ledger_sqlite.reserve import Reserve
from sluice_dispatcher.ledger_sqlite.schema import PAGE_BYTES, check, connect, damaged, migrate, prepare_file
from sluice_dispatcher.ledger_sqlite.stories import Stories
from sluice_dispatcher.ledger_sqlite.usage import add_usage, old_usage, prune_usage, read_usage

LOCK_FILE = "ledger.lock"
PURGE_AT_ONCE = 500
CLOSE_S = 5.0
"""What cannot be written by then (the disk is full) was never acknowledged, and is told so."""
RETIRE_AT_ONCE = 2_000
FOLD_AT_ONCE = 512
OPEN_WAIT_MS = 250
"""How long an open waits for another process's write to end."""

_log = structlog.get_logger(__name__)


class Options(msgspec.Struct, frozen=True):
    """What an operator may change."""

    reserve_bytes: int = 8 * 1024 * 1024
    """Room kept for ends when the disk is full."""
    log_bytes: int = LOG_BYTES
    """The write-ahead log is copied into the file after this much."""
    keep_ends: int = 1_000_000
    """Successes that `explain` can still find."""
    cache_bytes: int = 32 * 1024 * 1024
    lease_s: float = 30.0
    in_flight_s: float = 0.05
    """What `in_flight` said is written after this long if no commit took it along."""
    maintain_s: float = 10.0
    """Between two looks for what is too old to keep."""


async def open_ledger(directory: Path, *, clock: Clock, options: Options | None = None, take_over: bool = False) -> "SqliteLedger":
    """The ledger in a data directory; made there if there is none.

    Raises AlreadyRunning (the message names the process that holds it) and LedgerDamaged (with what to do; nothing is changed).
    `take_over` takes it from a process that stands still, once its lease has ended; that process can then change nothing any more.
    """
    return _open(directory, clock, options or Options(), take_over)


def _open(directory: Path, clock: Clock, options: Options, take_over: bool) -> "SqliteLedger":
    directory.mkdir(parents=True, exist_ok=True)
    lock = DirectoryLock(directory, LOCK_FILE)
    if not take_over:
        lock.take()
    try:
        return _connect_all(directory, clock, options, lock, alone=not take_over)
    except BaseException:
        lock.release()
        raise


def _connect_all(directory: Path, clock: Clock, options: Options, lock: DirectoryLock, *, alone: bool) -> "SqliteLedger":
    path = prepare_file(directory)
    connections: list[apsw.Connection] = []
    try:
        writer = connect(path, cache_bytes=options.cache_bytes)
        connections.append(writer)
        writer.set_busy_timeout(OPEN_WAIT_MS)
        check(writer, path)
        migrate(writer)
        lease = Lease(writer, options.lease_s)
        lease.take(clock.time(), alone=alone)
        writer.set_busy_timeout(0)
        connections += [connect(path, readonly=readonly, cache_bytes=4 * 1024 * 1024) for readonly in (False, True, True)]
        return SqliteLedger(path, clock, options, lock, lease, connections)
    except BaseException as error:
        for connection in connections:
            connection.close()
        if isinstance(error, apsw.BusyError):
            raise AlreadyRunning(f"another process is in the middle of a write to {path}: wait for it, or end it") from error
        if isinstance(error, apsw.Error):
            raise damaged(path, str(error)) from error
        raise


class SqliteLedger:
    """`sluice.ledger.Ledger` over one file. Made by `open_ledger`."""

    def __init__(
        self, path: Path, clock: Clock, options: Options, lock: DirectoryLock, lease: Lease, connections: list[apsw.Connection]
    ) -> None:
        writer, checkpoints, pages, records = connections
        self._path = path
        self._writer = writer
        self._options = options
        self._lock = lock
        self._lease = lease
        self.connections = connections
        self._interrupted = read_in_flight(writer)
        self._running: frozenset[int] = frozenset()
        self._reserve = Reserve(path.parent, options.reserve_bytes)
        self._reserve.restore()
        self._checkpointer = Checkpointer(checkpoints, PAGE_BYTES, options.log_bytes)
        self._book = Book(writer, keep_ends=options.keep_ends)
        self._commits = Commits(writer, self._book, lease, self._reserve, self._checkpointer, clock)
        self._clock = clock
        self._pages = Reader(pages, path, "ledger-pages")
        self._records = Reader(records, path, "ledger-records")
        self._stories = Stories(records, self._records.routes, self._records.pending)
        self._swept = b""
        """How far the ids that outlived their minute were looked through; a page each time, round and round."""
        self._marking: asyncio.TimerHandle | None = None
        self._maintenance = asyncio.create_task(self._maintain(), name="ledger-maintenance")

    @property
    def epoch(self) -> int:
        """Grows with every opening: fences an earlier owner at the runner too."""
        return self._lease.epoch

    async def claim(self, key: SourceKey) -> Claim:
        return await self._commits.submit(partial(self._book.claim, key))

    async def seek(self, key: SourceKey, position: str) -> Claim:
        return await self._commits.submit(partial(self._book.seek, key, position))

    def accept(self, route: Route, what: Slice | Push) -> Awaitable[list[Pending]]:
        if isinstance(what, Slice):
            return self._commits.submit(partial(self._book.accept_slice, route, what), new_work=True)
        return self._commits.submit(partial(self._book.accept_push, route, what), new_work=True)

    def accept_all(self, slices: Sequence[tuple[Route, Slice]]) -> Awaitable[list[list[Pending] | SluiceError]]:
        return self._commits.submit(partial(self._book.accept_slices, slices), new_work=True)

    def start(self, pending: Sequence[Pending]) -> Awaitable[None]:
        return self._commits.submit(partial(self._book.start, pending))

    async def settle(self, results: Sequence[Ended | Retry]) -> None:
        await self._commits.submit(partial(self._book.settle, results))

    async def read(self, function: str, after: int, limit: int, limit_bytes: int) -> Page:
        while True:
            try:
                return await self._pages.run(partial(self._pages.pending.page, function, after, limit, limit_bytes))
            except UnreadableBlock as block:
                _log.error("ledger block unreadable", block=block.number, reason=block.reason)
                await self._commits.submit(partial(self._book.set_aside, block.number, block.reason))

    async def waiting(self) -> dict[str, int]:
        return self._book.functions.waiting()

    def in_flight(self, sequences: Sequence[int]) -> None:
        self._running = frozenset(sequences)
        self._book.in_flight(sequences)
        if self._marking is None:
            self._marking = asyncio.get_running_loop().call_later(self._options.in_flight_s, self._mark)

    async def interrupted(self) -> frozenset[int]:
        return self._interrupted

    async def explain(self, event: bytes) -> Story | None:
        return await self._records.run(partial(self._stories.explain, event, self._running))

    async def recent(self, which: StoryFilter, limit: int, marker: int, running: frozenset[int] | None = None) -> StoryPage:
        runs = self._running if running is None else running
        return await self._records.run(partial(self._stories.recent, which, limit, marker, runs))

    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]:
        return await self._records.run(partial(read_dead, self._records.connection, self._records.routes, which, after, limit))

    async def redrive(self, dead: Sequence[Dead]) -> list[Pending]:
        return await self._commits.submit(partial(self._book.redrive, dead), new_work=True)

    async def purge(self, which: DeadFilter) -> int:
        """Found by the reader and removed page by page, so that nobody waits for a long search."""
        removed, after = 0, 0
        while numbers := await self._records.run(partial(dead_numbers, self._records.connection, which, after, PURGE_AT_ONCE)):
            removed += await self._commits.submit(partial(self._book.purge, numbers))
            after = numbers[-1]
        return removed

    def counts(self) -> dict[str, Counts]:
        return self._book.counters.committed

    async def add_usage(self, more: Sequence[Usage]) -> None:
        await self._commits.submit(partial(add_usage, self._writer, more), new_work=True)

    async def used(self, which: UsageFilter) -> list[Usage]:
        return await self._records.run(partial(read_usage, self._records.connection, which))

    def usage(self) -> dict[str, int]:
        log = self._path.with_name(self._path.name + "-wal")
        return {
            "file_bytes": self._path.stat().st_size,
            "log_bytes": log.stat().st_size if log.exists() else 0,
            "commits": self._commits.commits,
            "checkpoints": self._checkpointer.checkpoints,
            "requests_waiting": self._commits.waiting,
            "pending": sum(self._book.functions.waiting().values()),
            "stale_settles": self._book.stale_settles,
            "disk_full": int(self._reserve.full),
        }

    async def close(self) -> None:
        self._maintenance.cancel()
        await asyncio.gather(self._maintenance, return_exceptions=True)
        if self._marking is not None:
            self._marking.cancel()
            self._mark()
        await self._commits.drain(CLOSE_S)
        self._commits.stop()
        self._checkpointer.stop()
        self._pages.close()
        self._records.close()
        for connection in reversed(self.connections):
            connection.close()
        self._lock.release()

    async def maintain(self) -> None:
        """Drop what is too old: ends, dead letters, ids of minutes gone by; renew the lease."""
        await self._commits.submit(self._book.prune)
        now = self._clock.time()
        if old := await self._records.run(partial(old_usage, self._records.connection, now)):
            await self._commits.submit(partial(prune_usage, self._writer, old))
        for minute in self._book.ids.expired():
            after: bytes | None = b""
            while after is not None:
                after = await self._commits.submit(partial(self._book.ids.retire, minute, after, RETIRE_AT_ONCE))
        while await self._commits.submit(partial(self._book.counters.fold, FOLD_AT_ONCE)):
            pass
        swept = await self._commits.submit(partial(self._book.ids.sweep, self._swept, RETIRE_AT_ONCE))
        self._swept = swept or b""

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(self._options.maintain_s)
            await self.maintain()

    def _mark(self) -> None:
        self._marking = None
        if self._book.unwritten:
            self._ignore(self._commits.submit(lambda: None))

    @staticmethod
    def _ignore(future: asyncio.Future[None]) -> None:
        """A failure is told to those who wait for an answer; this one only carried `in_flight` along."""
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
