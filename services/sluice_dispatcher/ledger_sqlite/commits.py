"""Group commit: all that waits is one transaction, and what comes meanwhile is the next.

Statements touch memory only and run on the event loop, where they cost no switching between threads; the commit, which writes and waits
for the disk, runs in the one writer thread. The connection is used by one of the two at a time.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

import apsw
import structlog

from sluice.clock import Clock
from sluice.errors import AlreadyRunning, LedgerDamaged, LedgerFull, SluiceError, Unavailable
from sluice_dispatcher.ledger_sqlite.book import Book
from sluice_dispatcher.ledger_sqlite.checkpoint import Checkpointer
from sluice_dispatcher.ledger_sqlite.lease import Lease
from sluice_dispatcher.ledger_sqlite.reserve import Reserve

T = TypeVar("T")

BUSY_PAUSE_S = 0.02
FULL_PAUSE_S = 0.5
PROBE_S = 1.0
MAX_REQUESTS = 4_096
"""Calls in one transaction at most."""

_log = structlog.get_logger(__name__)


class _Request(NamedTuple):
    verb: Callable[[], Any]
    future: asyncio.Future[Any]
    new_work: bool


class Commits:
    """Hands verbs of the book to the disk. Futures are resolved once a commit, in the order of the calls."""

    def __init__(
        self, connection: apsw.Connection, book: Book, lease: Lease, reserve: Reserve, checkpointer: Checkpointer, clock: Clock
    ) -> None:
        self._connection = connection
        self._book = book
        self._lease = lease
        self._reserve = reserve
        self._checkpointer = checkpointer
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Request] = []
        self._alone: list[_Request] = []
        """To be tried each in its own transaction, because one of them broke the one they shared."""
        self._busy = False
        self._broken: SluiceError | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._probe_at = 0.0
        self.commits = 0
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._alone)

    def submit(self, verb: Callable[[], T], *, new_work: bool = False) -> asyncio.Future[T]:
        """`verb` runs inside a transaction; its answer comes when that is on disk. `new_work` is refused while the disk is full."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._broken is not None:
            future.set_exception(self._broken)
        elif new_work and self._reserve.full and not self._room():
            future.set_exception(_full())
        else:
            self._waiting.append(_Request(verb, future, new_work))
            self._wake()
        return future

    async def drain(self, within_s: float) -> None:
        """Returns when nothing waits; what cannot be written in time fails."""
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            self._broken = Unavailable("the ledger was closed before this could be written")
            await self._idle.wait()

    def stop(self) -> None:
        """Ends the writer thread; call it when drained."""
        self._jobs.put(None)
        self._thread.join()

    def _wake(self) -> None:
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        requests = self._take()
        if self._broken is not None:
            self._break(self._broken, requests)
        elif requests:
            try:
                self._begin(requests)
            except Exception as bug:
                self._stand_still(requests, bug)
        else:
            self._busy = False
            self._idle.set()

    def _begin(self, requests: list[_Request]) -> None:
        try:
            answers = self._write(requests)
        except apsw.Error as error:
            self._failed(requests, error)
        except AlreadyRunning as error:
            self._rollback()
            self._break(error, requests)
        except Exception as error:
            self._isolate(requests, error)
        else:
            self._jobs.put(lambda: self._commit(requests, answers))

    def _take(self) -> list[_Request]:
        if self._alone:
            return [self._alone.pop(0)]
        requests = self._waiting[:MAX_REQUESTS]
        del self._waiting[:MAX_REQUESTS]
        return requests

    def _write(self, requests: list[_Request]) -> list[Any]:
        """Everything but the commit itself."""
        now = self._clock.time()
        self._connection.execute("BEGIN IMMEDIATE")
        self._lease.verify(now)
        self._book.begin(now)
        answers = [_judge(request) for request in requests]
        self._book.flush()
        return answers

    def _commit(self, requests: list[_Request], answers: list[Any]) -> None:
        """In the writer thread."""
        error: Exception | None = None
        try:
            self._connection.execute("COMMIT")
            self._checkpointer.finish(self._connection, give_back=self._reserve.full)
        except Exception as its:
            error = its
        self._loop.call_soon_threadsafe(self._committed, requests, answers, error)

    def _committed(self, requests: list[_Request], answers: list[Any], error: Exception | None) -> None:
        try:
            if error is not None:
                self._failed(requests, error)
                return
            self.commits += 1
            self._book.keep()
            self._checkpointer.written(self._connection)
        except Exception as bug:
            self._stand_still(requests, bug)
            return
        for request, answer in zip(requests, answers, strict=True):
            _answer(request.future, answer)
        self._next()

    def _stand_still(self, requests: list[_Request], bug: Exception) -> None:
        """What is in memory may no longer be what is in the file. Whoever waits is told: nobody else would go on with their requests."""
        _log.error("ledger bug", exc_info=bug)
        self._break(LedgerDamaged(f"the ledger stopped at an error of its own: {bug!r}. Start again"), requests)

    def _failed(self, requests: list[_Request], error: Exception) -> None:
        self._rollback()
        if isinstance(error, apsw.FullError):
            self._no_room(requests)
        elif isinstance(error, apsw.BusyError | apsw.LockedError):
            self._again(requests, BUSY_PAUSE_S)
        elif isinstance(error, apsw.ConstraintError | apsw.MismatchError | apsw.TooBigError):
            self._isolate(requests, error)
        elif isinstance(error, apsw.Error):
            self._break(LedgerDamaged(f"the ledger's file failed: {error}. Look at the disk, then start again"), requests)
        else:
            self._stand_still(requests, error)

    def _no_room(self, requests: list[_Request]) -> None:
        """New work is refused; what ends events is tried again with the room that was set aside."""
        pause = FULL_PAUSE_S if self._reserve.full else 0.0
        _log.error("ledger disk full", waiting=len(requests))
        self._reserve.release()
        self._probe_at = self._clock.monotonic() + PROBE_S
        for request in requests:
            if request.new_work:
                _answer(request.future, _full())
        self._again([request for request in requests if not request.new_work], pause)

    def _again(self, requests: list[_Request], pause_s: float) -> None:
        self._waiting[:0] = requests
        self._loop.call_later(pause_s, self._next)

    def _isolate(self, requests: list[_Request], error: Exception) -> None:
        """One of them cannot be written: it alone gets the error."""
        self._rollback()
        if len(requests) == 1:
            _answer(requests[0].future, error)
        else:
            self._alone += requests
        self._loop.call_soon(self._next)

    def _break(self, error: SluiceError, requests: list[_Request]) -> None:
        """Nothing more is written by this process."""
        _log.error("ledger stopped", error=str(error))
        self._broken = error
        for request in (*requests, *self._alone, *self._waiting):
            _answer(request.future, error)
        self._alone, self._waiting = [], []
        self._busy = False
        self._idle.set()

    def _rollback(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            _log.error("ledger rollback failed", error=str(error))
        self._book.drop()

    def _room(self) -> bool:
        """Whether there is room again, looked at now and then."""
        now = self._clock.monotonic()
        if now < self._probe_at:
            return False
        self._probe_at = now + PROBE_S
        if self._reserve.restore():
            return True
        # An empty commit gives the log's room back to the disk; the next look may find enough.
        self._waiting.append(_Request(lambda: None, self._loop.create_future(), new_work=False))
        self._wake()
        return False

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _judge(request: _Request) -> Any:
    """The answer, or what the verb says against it."""
    try:
        return request.verb()
    except AlreadyRunning:
        raise
    except SluiceError as refusal:
        return refusal


def _answer(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, StopIteration):  # a future refuses it, and those behind this one would never be answered
        answer = RuntimeError(f"a verb of the ledger ended with {answer!r}")
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _full() -> LedgerFull:
    return LedgerFull("the disk under the ledger is full: free some room", retry_after_s=5.0)
