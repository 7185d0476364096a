"""Changing the registry's tables: one transaction, which remembers what it touched."""

from typing import Any

import apsw
import msgspec

from sluice_control.registry import (
    AliasRow,
    AsyncRow,
    Commit,
    EventRow,
    FunctionRow,
    KeyRow,
    Noun,
    ProjectRow,
    Removed,
    ReservedRow,
    TagRow,
    TraceRow,
    TriggerRow,
    VersionRow,
)
from sluice_control.registry_sqlite.view import SqliteView

_ORDER = (VersionRow, AliasRow, ReservedRow, TriggerRow, KeyRow)
"""What others point at comes first when it is put, and last when it is removed."""

_PUT_VERSION = "INSERT OR REPLACE INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_ALIAS = "INSERT OR REPLACE INTO alias VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_ASYNC = "INSERT OR REPLACE INTO asynchronous VALUES (?, ?, ?, ?, ?)"
_PUT_TRIGGER = "INSERT OR REPLACE INTO trigger_ VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_KEY = "INSERT OR REPLACE INTO access_key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_PROJECT = "INSERT OR REPLACE INTO project VALUES (?, ?, ?, ?, ?)"


class SqliteEdit(SqliteView):
    """Sees its own changes. The generation it will have is taken when it begins."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self._touched: dict[tuple[str, ...], Noun | Removed] = {}
        self._next = 0

    def generation(self) -> int:
        """The one this change will have."""
        self._next = self._next or super().generation() + 1
        return self._next

    def finish(self) -> Commit:
        """Take the generation, and tell what was touched as it is now."""
        if not self._touched:
            return Commit(0, ())
        self._run("UPDATE meta SET value = ? WHERE name = 'generation'", str(self.generation()))
        return Commit(self.generation(), sorted(map(self._now, self._touched.values()), key=_rank))

    def put_project(self, row: ProjectRow) -> None:
        self._run(_PUT_PROJECT, row.id, row.name, row.created_ms, row.description, _text(row.quotas))

    def add_function(self, project: str, package: str, name: str, now_ms: int) -> FunctionRow:
        self._run("INSERT INTO function (project, package, name, created_ms) VALUES (?, ?, ?, ?)", project, package, name, now_ms)
        return FunctionRow(self._connection.last_insert_rowid(), project, package, name, now_ms)

    def put_version(self, row: VersionRow) -> None:
        values = (row.generation, row.modified_ms, _text(row.settings), row.digest, row.code_size, row.image_name, row.description)
        self._run(_PUT_VERSION, row.function.id, row.name, *values, row.sealed, row.published_from)
        self._touch(row)

    def put_alias(self, row: AliasRow) -> None:
        values = (row.version, row.modified_ms, row.additional, row.weight, row.description)
        self._run(_PUT_ALIAS, row.function.id, row.name, *values, _text(row.strategy) if row.strategy else "")
        self._touch(row)

    def put_async(self, row: AsyncRow) -> None:
        self._run(_PUT_ASYNC, row.function.id, row.qualifier, _text(row.config), row.created_ms, row.modified_ms)
        self._touch_qualified(row.function, row.qualifier)

    def put_test_event(self, function: FunctionRow, row: EventRow) -> None:
        self._run("INSERT OR REPLACE INTO test_event VALUES (?, ?, ?, ?, ?)", row.id, function.id, row.name, row.content, row.modified_ms)

    def put_tag(self, function: FunctionRow, row: TagRow) -> None:
        self._run("INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)", function.id, row.name, row.value, row.system)

    def put_reserved(self, row: ReservedRow) -> None:
        self._run("INSERT OR REPLACE INTO reserved VALUES (?, ?, ?, ?)", row.function.id, row.qualifier, _text(row.config), row.modified_ms)
        self._touch(row)

    def put_status_log(self, project: str, now_ms: int) -> None:
        self._run("INSERT OR IGNORE INTO status_log VALUES (?, ?)", project, now_ms)

    def put_trigger(self, row: TriggerRow) -> None:
        place = (row.id, row.function.project, row.function.id, row.qualifier, row.type, row.kind, row.status.value)
        data = (row.event_data.decode(), row.settings.decode(), row.created_ms, row.modified_ms, row.sealed, row.name, row.route)
        self._run(_PUT_TRIGGER, *place, *data, row.mode.value, row.incarnation, row.generation, _text(row.options))
        self._touch(row)

    def put_key(self, row: KeyRow) -> None:
        proof = (row.expires_ms, row.sealed_proof, msgspec.json.encode(row.triggers).decode())
        self._run(_PUT_KEY, row.access_key, row.project, row.role, row.sealed, row.created_ms, row.description, *proof)
        self._touch(self.key(row.access_key) or row)

    def add_trace(self, row: TraceRow) -> None:
        self._run("INSERT INTO trace (project, at_ms, trace) VALUES (?, ?, ?)", row.project, row.at_ms, row.trace)

    def mark_told(self, project: str, up_to: int) -> None:
        self._run("UPDATE trace SET told = 1 WHERE project = ? AND id <= ? AND told = 0", project, up_to)

    def prune_traces(self, before_ms: int, most: int) -> None:
        self._run("DELETE FROM trace WHERE at_ms < ?", before_ms)
        self._run("DELETE FROM trace WHERE id <= (SELECT max(id) FROM trace) - ?", most)

    def remove_function(self, function: FunctionRow) -> None:
        for trigger in self.triggers(function):
            self.remove_trigger(trigger)
        for alias in self.aliases(function):
            self.remove_alias(function, alias.name)
        for version in self.versions(function):
            self.remove_version(function, version.name)
        self._run("DELETE FROM test_event WHERE function = ?", function.id)
        self._run("DELETE FROM tag WHERE function = ?", function.id)
        self._run("DELETE FROM function WHERE id = ?", function.id)

    def remove_version(self, function: FunctionRow, name: str) -> None:
        row = self.version(function, name)
        if row:
            self._touched[_key(row)] = Removed(row)
            self._run("DELETE FROM asynchronous WHERE function = ? AND version = ?", function.id, name)
            self._run("DELETE FROM version WHERE function = ? AND name = ?", function.id, name)
            self.remove_reserved(function, name)

    def remove_alias(self, function: FunctionRow, name: str) -> None:
        row = self.alias(function, name)
        if row:
            self._touched[_key(row)] = Removed(row)
            self._run("DELETE FROM asynchronous WHERE function = ? AND version = ?", function.id, f"!{name}")
            self._run("DELETE FROM alias WHERE function = ? AND name = ?", function.id, name)
            self.remove_reserved(function, f"!{name}")

    def remove_test_event(self, function: FunctionRow, name: str) -> None:
        self._run("DELETE FROM test_event WHERE function = ? AND name = ?", function.id, name)

    def remove_tag(self, function: FunctionRow, name: str, *, system: bool) -> None:
        self._run("DELETE FROM tag WHERE function = ? AND name = ? AND system = ?", function.id, name, system)

    def remove_reserved(self, function: FunctionRow, qualifier: str) -> None:
        row = self.reserved_row(function, qualifier)
        if row:
            self._touched[_key(row)] = Removed(row)
            self._run("DELETE FROM reserved WHERE function = ? AND qualifier = ?", function.id, qualifier)

    def remove_async(self, function: FunctionRow, qualifier: str) -> None:
        self._run("DELETE FROM asynchronous WHERE function = ? AND version = ?", function.id, qualifier)
        self._touch_qualified(function, qualifier)

    def remove_trigger(self, row: TriggerRow) -> None:
        self._touched[_key(row)] = Removed(row)
        self._run("DELETE FROM trigger_ WHERE id = ?", row.id)

    def remove_key(self, access_key: str) -> None:
        row = self.key(access_key)
        if row:
            self._touched[_key(row)] = Removed(row)
            self._run("DELETE FROM access_key WHERE access_key = ?", access_key)

    def _touch(self, row: Noun) -> None:
        self._touched[_key(row)] = row

    def _touch_qualified(self, function: FunctionRow, qualifier: str) -> None:
        row = self.alias(function, qualifier[1:]) if qualifier.startswith("!") else self.version(function, qualifier)
        if row:
            self._touch(row)

    def _now(self, touched: Noun | Removed) -> Noun | Removed:
        # Versions and aliases are told with their asynchronous settings, which are put by themselves.
        if isinstance(touched, VersionRow):
            return self.version(touched.function, touched.name) or touched
        if isinstance(touched, AliasRow):
            return self.alias(touched.function, touched.name) or touched
        return touched

    def _run(self, sql: str, *values: Any) -> None:
        self._connection.execute(sql, values)


def _text(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _key(row: Noun) -> tuple[str, ...]:
    match row:
        case VersionRow() | AliasRow():
            return (type(row).__name__, str(row.function.id), row.name)
        case ReservedRow():
            return ("ReservedRow", str(row.function.id), row.qualifier)
        case TriggerRow():
            return ("TriggerRow", row.id)
        case KeyRow():
            return ("KeyRow", row.access_key)


def _rank(touched: Noun | Removed) -> int:
    return -_ORDER.index(type(touched.row)) + 10 if isinstance(touched, Removed) else _ORDER.index(type(touched))
