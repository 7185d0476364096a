"""The registry in one SQLite file: a thread that writes, one transaction a change, and readers that see the last commit (WAL)."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from sluice.errors import ConfigurationError, Unavailable
from sluice_control.registry import Commit, Edit, View
from sluice_control.registry_sqlite.edit import SqliteEdit
from sluice_control.registry_sqlite.schema import MIGRATIONS, SCHEMA_VERSION, TABLES
from sluice_control.registry_sqlite.view import SqliteView

T = TypeVar("T")


class SqliteStillView:
    """A read transaction on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path, writes=False)
        self._connection.execute("BEGIN")
        self.view: View = SqliteView(self._connection)
        # The transaction takes hold with its first reading.
        self.view.generation()

    def close(self) -> None:
        self._connection.close(True)


class SqliteRegistry:
    """Opened and closed on the event loop whose listeners it calls."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._listeners: list[Callable[[Commit], None]] = []
        with _translated(path):
            self._write_connection = _connect(path, writes=True)
            _prepare(self._write_connection, path)
            self._read_connection = _connect(path, writes=False)
        self._writer = ThreadPoolExecutor(1, "registry")
        self.view: View = SqliteView(self._read_connection)

    async def change(self, work: Callable[[Edit], T]) -> T:
        return await self._loop.run_in_executor(self._writer, self._change, work)

    def on_commit(self, listener: Callable[[Commit], None]) -> None:
        self._listeners.append(listener)

    def snapshot(self) -> SqliteStillView:
        with _translated(self._path):
            return SqliteStillView(self._path)

    async def close(self) -> None:
        """What was begun is finished first."""
        await asyncio.to_thread(self._writer.shutdown)
        self._read_connection.close(True)
        self._write_connection.close(True)

    def _change(self, work: Callable[[Edit], T]) -> T:
        with _translated(self._path):
            edit = SqliteEdit(self._write_connection)
            with self._write_connection:
                result = work(edit)
                commit = edit.finish()
        if commit.touched:
            # From here and not from the awaiting task, which may have been cancelled; and so in the order of the commits.
            self._loop.call_soon_threadsafe(self._tell, commit)
        return result

    def _tell(self, commit: Commit) -> None:
        for listener in self._listeners:
            listener(commit)


def _connect(path: Path, *, writes: bool) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(5000)
    if writes:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
    else:
        connection.execute("PRAGMA query_only = 1")
    return connection


def _prepare(connection: apsw.Connection, path: Path) -> None:
    version = connection.pragma("user_version")
    if version > SCHEMA_VERSION:
        raise ConfigurationError(f"{path} has schema {version}, and this Sluice knows {SCHEMA_VERSION}: use the newer Sluice that wrote it")
    if version == SCHEMA_VERSION:
        return
    with connection:
        if version == 0:
            connection.execute(TABLES)
            connection.execute("INSERT INTO meta VALUES ('project', ?), ('generation', '0')", (secrets.token_hex(16),))
        for following in range(max(version, 1) + 1, SCHEMA_VERSION + 1):
            connection.execute(MIGRATIONS[following])
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours: wait, or mend it."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise ConfigurationError(f"{path} is damaged ({error}): stop Sluice and put the file back from a backup") from error
    except apsw.FullError as error:
        raise Unavailable(f"the disk under {path} is full: nothing was changed") from error
    except (apsw.BusyError, apsw.IOError, apsw.CantOpenError) as error:
        raise Unavailable(f"{path} cannot be used now: {error}") from error
