"""A connection that only reads, in a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from sluice.errors import LedgerDamaged
from sluice_dispatcher.ledger_sqlite.reads import PendingReader
from sluice_dispatcher.ledger_sqlite.routes import RouteReader

T = TypeVar("T")


class Reader:
    """One piece of work after the other: what must not wait for somebody's long search has a reader of its own."""

    def __init__(self, connection: apsw.Connection, path: Path, name: str) -> None:
        self.connection = connection
        self.routes = RouteReader(connection)
        self.pending = PendingReader(connection, self.routes)
        self._path = path
        self._executor = ThreadPoolExecutor(1, name)

    async def run(self, work: Callable[[], T]) -> T:
        """Raises LedgerDamaged."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except (apsw.CorruptError, apsw.IOError) as error:
            raise LedgerDamaged(f"{self._path} cannot be read: {error}") from error

    def close(self) -> None:
        """Ends the thread; the connection is closed by whoever opened it."""
        self._executor.shutdown()
