"""Moves what was committed from the write-ahead log into the file, beside the writer and not in its way.

The thread copies while the writer goes on. A log that is written without a pause would never be copied to its end and never start over; so
after each round the writer copies the small rest itself, between two commits, and the log begins anew.
"""

import threading

import apsw
import structlog

LOG_BYTES = 32 * 1024 * 1024
"""The log is copied when this much was written since the last time."""

_log = structlog.get_logger(__name__)


class Checkpointer:
    """`written` and `hurry` are called on the event loop, `finish` in the writer thread."""

    def __init__(self, connection: apsw.Connection, page_bytes: int, log_bytes: int = LOG_BYTES) -> None:
        self._connection = connection
        self._page_bytes = page_bytes
        self._log_bytes = log_bytes
        self._wanted = threading.Semaphore(0)
        self._running = False
        self._nearly_done = False
        self._stopped = False
        self.checkpoints = 0
        self._thread = threading.Thread(target=self._work, name="ledger-checkpoint", daemon=True)
        self._thread.start()

    def written(self, writer: apsw.Connection) -> None:
        """After each commit: start a round when enough was written."""
        if self._running:
            return
        pages, _ = writer.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)
        if pages * self._page_bytes >= self._log_bytes:
            writer.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE, True)
            self.hurry()

    def hurry(self) -> None:
        if not self._running:
            self._running = True
            self._wanted.release()

    def finish(self, writer: apsw.Connection, *, give_back: bool) -> None:
        """The rest of a round, copied by the writer. `give_back`: the disk is full, so the log's room is given back at once."""
        if give_back:
            self._copy(writer, apsw.SQLITE_CHECKPOINT_TRUNCATE)
        elif self._nearly_done:
            self._copy(writer)
        if self._nearly_done:
            self._nearly_done = False
            self._running = False

    def stop(self) -> None:
        self._stopped = True
        self._wanted.release()
        self._thread.join()

    def _work(self) -> None:
        while True:
            self._wanted.acquire()
            if self._stopped:
                return
            self._copy(self._connection)
            self.checkpoints += 1
            self._nearly_done = True

    def _copy(self, connection: apsw.Connection, mode: int = apsw.SQLITE_CHECKPOINT_PASSIVE) -> None:
        """What fails here stays in the log, and the next round tries it again."""
        try:
            connection.wal_checkpoint(mode=mode)
        except apsw.Error as error:
            _log.warning("ledger checkpoint failed", error=str(error))
