"""The ledger's file: its tables, how it is opened, and when it is refused."""

from collections.abc import Mapping
from pathlib import Path

import apsw

from sluice.errors import LedgerDamaged
from sluice.ledger import SHARDS

FILE = "ledger.db"
VERSION = 2
PAGE_BYTES = 4096
QUICK_CHECK_BYTES = 16 * 1024 * 1024
"""A file up to this size is checked whole at each open; a larger one only for its header and its length, because a start must be fast."""

_USAGE = """
CREATE TABLE usage (
    bucket INTEGER, project TEXT, function TEXT, at INTEGER, calls INTEGER NOT NULL, executed INTEGER NOT NULL, duration_ms REAL NOT NULL,
    least_ms REAL NOT NULL, most_ms REAL NOT NULL, function_errors INTEGER NOT NULL, system_errors INTEGER NOT NULL,
    rejected INTEGER NOT NULL, concurrency INTEGER NOT NULL, instances INTEGER NOT NULL, reserved INTEGER NOT NULL, gb_s REAL NOT NULL,
    PRIMARY KEY (bucket, project, function, at)
) WITHOUT ROWID;
CREATE INDEX usage_at ON usage (bucket, at);
CREATE INDEX usage_failed ON usage (bucket, project, at) WHERE function_errors + system_errors > 0;
"""

_COUNTED = """
CREATE TABLE counted (id INTEGER PRIMARY KEY, counts BLOB NOT NULL);
"""

MIGRATIONS: Mapping[int, str] = {2: _USAGE + _COUNTED}
"""What makes a file of the version before one of this version."""

TABLES = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE shard (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, epoch INTEGER NOT NULL, lease_until REAL NOT NULL);
CREATE TABLE claim (
    trigger TEXT, incarnation TEXT, source TEXT, epoch INTEGER NOT NULL, position TEXT,
    PRIMARY KEY (trigger, incarnation, source)
) WITHOUT ROWID;
CREATE TABLE route (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE);
CREATE TABLE function (id INTEGER PRIMARY KEY, urn TEXT NOT NULL UNIQUE, open INTEGER NOT NULL);
CREATE TABLE counter (
    trigger TEXT PRIMARY KEY, received INTEGER NOT NULL, success INTEGER NOT NULL,
    failed INTEGER NOT NULL, discarded INTEGER NOT NULL, filtered INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE block (
    id INTEGER PRIMARY KEY, function INTEGER NOT NULL, shard INTEGER NOT NULL, route INTEGER NOT NULL, format INTEGER NOT NULL,
    count INTEGER NOT NULL, bytes INTEGER NOT NULL, accepted_at REAL NOT NULL, ids BLOB NOT NULL, bodies BLOB NOT NULL
);
CREATE INDEX block_function ON block (function, id);
CREATE TABLE partial (block INTEGER PRIMARY KEY, open BLOB NOT NULL);
CREATE TABLE attempt (
    sequence INTEGER PRIMARY KEY, attempts INTEGER NOT NULL, executions INTEGER NOT NULL, losses INTEGER NOT NULL,
    due REAL NOT NULL, version TEXT NOT NULL, reason TEXT NOT NULL, steps BLOB NOT NULL
);
CREATE TABLE ends (
    id INTEGER PRIMARY KEY, format INTEGER NOT NULL, count INTEGER NOT NULL, total INTEGER NOT NULL,
    last_at REAL NOT NULL, ids BLOB NOT NULL, detail BLOB NOT NULL
);
CREATE TABLE dead (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL, project TEXT NOT NULL, trigger TEXT NOT NULL, function TEXT NOT NULL,
    route INTEGER NOT NULL, end TEXT NOT NULL, failure TEXT NOT NULL, message TEXT NOT NULL, status INTEGER NOT NULL,
    accepted_at REAL NOT NULL, ended_at REAL NOT NULL, attempts INTEGER NOT NULL, executions INTEGER NOT NULL,
    redriven BLOB NOT NULL, format INTEGER NOT NULL, steps BLOB NOT NULL, event BLOB NOT NULL
);
CREATE INDEX dead_id ON dead (id);
CREATE TABLE redrive (id BLOB PRIMARY KEY, old BLOB NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE id_pending (key BLOB PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
{_USAGE}{_COUNTED}"""


def prepare_file(directory: Path) -> Path:
    """The path of a ledger that may be trusted; made if there was none. Raises LedgerDamaged."""
    path = directory / FILE
    if not path.exists():
        _refuse_remains(path)
        _create(path)
    elif path.stat().st_size < 512:
        raise damaged(path, "it is shorter than its header")
    elif missing := missing_pages(path):
        raise damaged(path, f"{missing} of its pages are cut off")
    return path


def connect(path: Path, *, readonly: bool = False, cache_bytes: int = 32 * 1024 * 1024) -> apsw.Connection:
    """A connection to an existing file. Times out at once on a lock: who waits, and how long, is decided above."""
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE
    connection = apsw.Connection(str(path), flags=flags)
    connection.execute(f"PRAGMA cache_size = {-cache_bytes // 1024}; PRAGMA temp_store = memory")
    if not readonly:
        connection.execute("PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_spill = off")
    return connection


def check(connection: apsw.Connection, path: Path) -> None:
    """Refuse a file of a newer schema, or one that is cut off or broken. Raises LedgerDamaged with what to do."""
    try:
        version = int(connection.execute("PRAGMA user_version").get)
        if version > VERSION:
            raise LedgerDamaged(
                f"{path} has schema version {version} and this release knows {VERSION}: start the release that wrote it, or a newer one"
            )
        if version < 1:
            raise damaged(path, "it is not a ledger")
        _quick_check(connection, path)
    except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
        raise damaged(path, str(error)) from error


def migrate(connection: apsw.Connection) -> None:
    """Bring a file of an older schema to this one, whole or not at all."""
    version = int(connection.execute("PRAGMA user_version").get)
    if version == VERSION:
        return
    with connection:
        for number in range(version + 1, VERSION + 1):
            connection.execute(MIGRATIONS[number])
        connection.execute(f"PRAGMA user_version = {VERSION}")


def missing_pages(path: Path) -> int:
    """How many pages the header promises that are neither in the file nor in its write-ahead log (a checkpoint may have been cut short)."""
    with path.open("rb") as file:
        header = file.read(100)
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    if not header.startswith(b"SQLite format 3\0") or page_bytes < 512:
        raise damaged(path, "its header is not that of a ledger")
    promised = int.from_bytes(header[28:32], "big")
    present = path.stat().st_size // page_bytes
    if present >= promised:
        return 0
    return len(set(range(present + 1, promised + 1)) - _logged_pages(path.with_name(path.name + "-wal"), page_bytes))


def _logged_pages(log: Path, page_bytes: int) -> set[int]:
    pages: set[int] = set()
    if not log.exists():
        return pages
    with log.open("rb") as file:
        salt = file.read(32)[16:24]
        while len(frame := file.read(24)) == 24 and frame[8:16] == salt:
            pages.add(int.from_bytes(frame[:4], "big"))
            file.seek(page_bytes, 1)
    return pages


def _quick_check(connection: apsw.Connection, path: Path) -> None:
    if path.stat().st_size > QUICK_CHECK_BYTES:
        return
    verdict = connection.execute("PRAGMA quick_check(1)").get
    if verdict != "ok":
        raise damaged(path, str(verdict))


def _create(path: Path) -> None:
    """Whole or not at all: made under another name and renamed."""
    draft = path.with_name(path.name + ".new")
    for name in (draft, path.with_name(draft.name + "-wal"), path.with_name(draft.name + "-shm")):
        name.unlink(missing_ok=True)
    connection = apsw.Connection(str(draft))
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = wal; PRAGMA synchronous = full")
    with connection:
        connection.execute(TABLES)
        connection.executemany("INSERT INTO shard VALUES (?, '', 0, 0)", [(number,) for number in range(SHARDS)])
    connection.close()
    draft.rename(path)


def _refuse_remains(path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > 0:
        raise damaged(path, "the file is gone but its write-ahead log is still there")


def damaged(path: Path, what: str) -> LedgerDamaged:
    """The refusal, with what an operator can do."""
    return LedgerDamaged(
        f"{path} cannot be trusted: {what}. Nothing was changed. Restore the data directory from a backup; or, to give up the events "
        f"in it, move {path.name}* out of {path.parent} and start again"
    )
