"""Reading the registry's tables."""

from collections.abc import Iterator
from typing import Any

import apsw
import msgspec

from sluice.binding import Mode, TriggerStatus
from sluice.trigger_options import TriggerOptions
from sluice_control.bodies import AsyncConfig, FunctionSettings, ReservedInstances, VersionStrategy
from sluice_control.registry import (
    AliasRow,
    AsyncRow,
    EventRow,
    FunctionRow,
    KeyRow,
    Noun,
    ProjectRow,
    Quotas,
    ReservedRow,
    TagRow,
    TraceRow,
    TriggerRow,
    VersionRow,
)

_settings = msgspec.json.Decoder(FunctionSettings)
_async = msgspec.json.Decoder(AsyncConfig)
_strategy = msgspec.json.Decoder(VersionStrategy)
_options = msgspec.json.Decoder(TriggerOptions)
_reserved = msgspec.json.Decoder(ReservedInstances)
_quotas = msgspec.json.Decoder(Quotas)
_names = msgspec.json.Decoder(tuple[str, ...])
_TRACE = "SELECT id, project, at_ms, trace FROM trace"


class SqliteView:
    """What one connection sees."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def generation(self) -> int:
        return int(self._value("SELECT value FROM meta WHERE name = 'generation'"))

    def project(self) -> str:
        return str(self._value("SELECT value FROM meta WHERE name = 'project'"))

    def projects(self) -> list[ProjectRow]:
        return [_project(row) for row in self._rows("SELECT * FROM project ORDER BY name")]

    def project_row(self, named: str) -> ProjectRow | None:
        rows = self._rows("SELECT * FROM project WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1", named)
        return next(map(_project, rows), None)

    def function(self, project: str, package: str, name: str) -> FunctionRow | None:
        rows = self._rows(
            "SELECT id, project, package, name, created_ms FROM function WHERE project = ? AND package = ? AND name = ?",
            project,
            package,
            name,
        )
        return next((FunctionRow(*row) for row in rows), None)

    def count_functions(self, project: str, package: str = "", name_part: str = "") -> int:
        matching = "SELECT count(*) FROM function WHERE project = ?1 AND (?2 = '' OR package = ?2) AND (?3 = '' OR instr(name, ?3) > 0)"
        return int(self._value(matching, project, package, name_part))

    def list_functions(self, project: str, package: str, name_part: str, offset: int, limit: int) -> list[VersionRow]:
        rows = self._rows(
            "SELECT * FROM version_row WHERE function IN ("
            " SELECT id FROM function WHERE project = ?1 AND (?2 = '' OR package = ?2) AND (?3 = '' OR instr(name, ?3) > 0)"
            " ORDER BY package, name LIMIT ?4 OFFSET ?5) AND name = 'latest' ORDER BY package, function_name",
            project,
            package,
            name_part,
            limit,
            offset,
        )
        return [_version(row) for row in rows]

    def version(self, function: FunctionRow, name: str) -> VersionRow | None:
        return next(
            (_version(row) for row in self._rows("SELECT * FROM version_row WHERE function = ? AND name = ?", function.id, name)), None
        )

    def versions(self, function: FunctionRow) -> list[VersionRow]:
        return [_version(row) for row in self._rows("SELECT * FROM version_row WHERE function = ? ORDER BY modified_ms, name", function.id)]

    def alias(self, function: FunctionRow, name: str) -> AliasRow | None:
        return next((_alias(row) for row in self._rows("SELECT * FROM alias_row WHERE function = ? AND name = ?", function.id, name)), None)

    def aliases(self, function: FunctionRow) -> list[AliasRow]:
        return [_alias(row) for row in self._rows("SELECT * FROM alias_row WHERE function = ? ORDER BY name", function.id)]

    def async_row(self, function: FunctionRow, qualifier: str) -> AsyncRow | None:
        return next(
            (
                _async_row(row)
                for row in self._rows("SELECT * FROM asynchronous_row WHERE function = ? AND version = ?", function.id, qualifier)
            ),
            None,
        )

    def async_rows(self, function: FunctionRow) -> list[AsyncRow]:
        return [_async_row(row) for row in self._rows("SELECT * FROM asynchronous_row WHERE function = ? ORDER BY version", function.id)]

    def test_events(self, function: FunctionRow) -> list[EventRow]:
        rows = self._rows("SELECT id, name, content, modified_ms FROM test_event WHERE function = ? ORDER BY name", function.id)
        return [EventRow(*row) for row in rows]

    def functions(self, project: str) -> list[FunctionRow]:
        ordered = "SELECT id, project, package, name, created_ms FROM function WHERE project = ? ORDER BY package, name"
        return [FunctionRow(*row) for row in self._rows(ordered, project)]

    def function_numbered(self, project: str, number: int) -> FunctionRow | None:
        rows = self._rows("SELECT id, project, package, name, created_ms FROM function WHERE id = ? AND project = ?", number, project)
        return next((FunctionRow(*row) for row in rows), None)

    def tags(self, function: FunctionRow) -> list[TagRow]:
        rows = self._rows("SELECT name, value, system FROM tag WHERE function = ? ORDER BY name", function.id)
        return [TagRow(name, value, bool(system)) for name, value, system in rows]

    def project_tags(self, project: str) -> list[tuple[FunctionRow, TagRow]]:
        rows = self._rows(
            "SELECT f.id, f.project, f.package, f.name, f.created_ms, t.name, t.value, t.system"
            " FROM function f JOIN tag t ON t.function = f.id WHERE f.project = ? ORDER BY f.package, f.name, t.name",
            project,
        )
        return [(FunctionRow(*row[:5]), TagRow(row[5], row[6], bool(row[7]))) for row in rows]

    def reserved_row(self, function: FunctionRow, qualifier: str) -> ReservedRow | None:
        rows = self._rows("SELECT * FROM reserved_row WHERE function = ? AND qualifier = ?", function.id, qualifier)
        return next(map(_reserved_row, rows), None)

    def reserved_rows(self, project: str) -> list[ReservedRow]:
        rows = self._rows("SELECT * FROM reserved_row WHERE project = ? ORDER BY package, function_name, qualifier", project)
        return list(map(_reserved_row, rows))

    def status_log_since(self, project: str) -> int | None:
        return next((int(row[0]) for row in self._rows("SELECT created_ms FROM status_log WHERE project = ?", project)), None)

    def trigger(self, project: str, trigger: str) -> TriggerRow | None:
        return next(
            (_trigger(row) for row in self._rows("SELECT * FROM trigger_row WHERE id = ? AND trigger_project = ?", trigger, project)), None
        )

    def triggers(self, function: FunctionRow) -> list[TriggerRow]:
        return [_trigger(row) for row in self._rows("SELECT * FROM trigger_row WHERE function = ? ORDER BY created_ms, id", function.id)]

    def routed(self, route: str) -> list[TriggerRow]:
        return [_trigger(row) for row in self._rows("SELECT * FROM trigger_row WHERE route = ? AND route != ''", route)]

    def project_triggers(self, project: str, after: str, limit: int) -> list[TriggerRow]:
        rows = self._rows("SELECT * FROM trigger_row WHERE trigger_project = ? AND id > ? ORDER BY id LIMIT ?", project, after, limit)
        return [_trigger(row) for row in rows]

    def count_triggers(self, project: str) -> int:
        return int(self._value("SELECT count(*) FROM trigger_ WHERE project = ?", project))

    def kinds_in_use(self) -> frozenset[str]:
        rows = self._rows("SELECT DISTINCT kind FROM trigger_ WHERE status = ?", TriggerStatus.ACTIVE.value)
        return frozenset(str(row[0]) for row in rows)

    def keys(self, project: str) -> list[KeyRow]:
        return [_key(row) for row in self._rows("SELECT * FROM access_key_row WHERE project = ? ORDER BY created_ms, access_key", project)]

    def key(self, access_key: str) -> KeyRow | None:
        return next(map(_key, self._rows("SELECT * FROM access_key_row WHERE access_key = ?", access_key)), None)

    def digests(self) -> frozenset[str]:
        return frozenset(row[0] for row in self._rows("SELECT DISTINCT digest FROM version"))

    def traces(self, project: str, before: int, limit: int) -> list[TraceRow]:
        rows = self._rows(f"{_TRACE} WHERE project = ? AND id < ? ORDER BY id DESC LIMIT ?", project, before or 2**62, limit)
        return [TraceRow(*row) for row in rows]

    def projects_with_untold(self) -> list[str]:
        return [project for (project,) in self._rows("SELECT DISTINCT project FROM trace WHERE told = 0")]

    def untold(self, project: str, limit: int) -> list[TraceRow]:
        rows = self._rows(f"{_TRACE} WHERE project = ? AND told = 0 ORDER BY id LIMIT ?", project, limit)
        return [TraceRow(*row) for row in rows]

    def code_bytes(self, project: str) -> int:
        total = "SELECT coalesce(sum(v.code_size), 0) FROM version v JOIN function f ON f.id = v.function WHERE f.project = ?"
        return int(self._value(total, project))

    def has_digest(self, project: str, digest: str) -> bool:
        held = "SELECT count(*) FROM version v JOIN function f ON f.id = v.function WHERE v.digest = ? AND f.project = ?"
        return bool(self._value(held, digest, project))

    def everything(self) -> Iterator[Noun]:
        yield from map(_version, self._rows("SELECT * FROM version_row"))
        yield from map(_alias, self._rows("SELECT * FROM alias_row"))
        yield from map(_reserved_row, self._rows("SELECT * FROM reserved_row"))
        yield from map(_trigger, self._rows("SELECT * FROM trigger_row"))
        yield from map(_key, self._rows("SELECT * FROM access_key_row"))

    def _rows(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        return iter(self._connection.execute(sql, values))

    def _value(self, sql: str, *values: Any) -> Any:
        return self._connection.execute(sql, values).fetchall()[0][0]


def _version(row: tuple[Any, ...]) -> VersionRow:
    name, generation, modified_ms, settings, digest, code_size, image_name, description, sealed, published_from, config = row[5:]
    return VersionRow(
        function=FunctionRow(*row[:5]),
        name=name,
        generation=generation,
        modified_ms=modified_ms,
        settings=_settings.decode(settings),
        digest=digest,
        code_size=code_size,
        image_name=image_name,
        description=description,
        sealed=sealed,
        published_from=published_from,
        asynchronous=_async.decode(config) if config else None,
    )


def _reserved_row(row: tuple[Any, ...]) -> ReservedRow:
    qualifier, config, modified_ms = row[5:]
    return ReservedRow(FunctionRow(*row[:5]), qualifier, _reserved.decode(config), modified_ms)


def _project(row: tuple[Any, ...]) -> ProjectRow:
    name, created_ms, description, quotas = row[1:]
    return ProjectRow(row[0], name, created_ms, description, _quotas.decode(quotas))


def _key(row: tuple[Any, ...]) -> KeyRow:
    access_key, project, role, sealed, created_ms, description, expires_ms, proof, triggers, name = row
    return KeyRow(access_key, project, role, sealed, created_ms, description, expires_ms, proof, _names.decode(triggers), name)


def _alias(row: tuple[Any, ...]) -> AliasRow:
    name, version, modified_ms, additional, weight, description, strategy, config = row[5:]
    return AliasRow(
        function=FunctionRow(*row[:5]),
        name=name,
        version=version,
        modified_ms=modified_ms,
        additional=additional,
        weight=weight,
        description=description,
        strategy=_strategy.decode(strategy) if strategy else None,
        asynchronous=_async.decode(config) if config else None,
    )


def _async_row(row: tuple[Any, ...]) -> AsyncRow:
    qualifier, config, created_ms, modified_ms = row[5:]
    return AsyncRow(FunctionRow(*row[:5]), qualifier, _async.decode(config), created_ms, modified_ms)


def _trigger(row: tuple[Any, ...]) -> TriggerRow:
    trigger, qualifier, type_code, kind, status, event_data, settings, created_ms, modified_ms, sealed, name, route = row[5:17]
    mode, incarnation, generation, options = row[17:21]
    return TriggerRow(
        id=trigger,
        function=FunctionRow(*row[:5]),
        qualifier=qualifier,
        type=type_code,
        kind=kind,
        status=TriggerStatus(status),
        event_data=event_data.encode(),
        settings=settings.encode(),
        created_ms=created_ms,
        modified_ms=modified_ms,
        sealed=sealed,
        name=name,
        route=route,
        mode=Mode(mode),
        incarnation=incarnation,
        generation=generation,
        options=_options.decode(options),
    )
