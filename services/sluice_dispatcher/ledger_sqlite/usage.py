"""What functions did, by minute and by day: added to as it happens, summed when it is asked for."""

from collections.abc import Sequence

import apsw

from sluice.usage import DAY_S, MINUTE_S, Usage, UsageFilter

KEEP_S = {MINUTE_S: 3 * DAY_S, DAY_S: 200 * DAY_S}
MOST_ROWS = 1_000_000
"""Kept at most of minutes and of days, of all functions together; the oldest go first."""
PRUNE_ROWS = 5_000

_ADD = """INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
least_ms = CASE WHEN excluded.executed = 0 THEN least_ms WHEN executed = 0 THEN excluded.least_ms ELSE min(least_ms, excluded.least_ms) END,
most_ms = max(most_ms, excluded.most_ms), calls = calls + excluded.calls, executed = executed + excluded.executed,
duration_ms = duration_ms + excluded.duration_ms, function_errors = function_errors + excluded.function_errors,
system_errors = system_errors + excluded.system_errors, rejected = rejected + excluded.rejected,
concurrency = max(concurrency, excluded.concurrency), instances = max(instances, excluded.instances),
reserved = max(reserved, excluded.reserved), gb_s = gb_s + excluded.gb_s"""
_SUM = """SELECT CASE WHEN ?6 THEN function ELSE '' END AS name, CASE WHEN ?7 THEN at ELSE 0 END AS begin, sum(calls), sum(executed),
sum(duration_ms), coalesce(min(least_ms) FILTER (WHERE executed > 0), 0), max(most_ms), sum(function_errors), sum(system_errors),
sum(rejected), max(concurrency), max(instances), max(reserved), sum(gb_s) FROM usage"""
_MEANT = """ WHERE bucket = ?1 AND project = ?2 AND (?3 = '' OR function = ?3 OR (function >= ?3 || ':' AND function < ?3 || ';'))
AND at >= ?4 AND (?5 = 0 OR at < ?5)"""
_GROUPED = " GROUP BY name, begin ORDER BY name, begin"
_READ = _SUM + _MEANT + _GROUPED
_READ_FAILURES = _SUM + _MEANT + " AND function_errors + system_errors > 0" + _GROUPED
_OLDEST = "SELECT at FROM usage WHERE bucket = ? ORDER BY at LIMIT 1 OFFSET ?"
_COUNT = "SELECT count(*) FROM usage WHERE bucket = ?"
_PRUNE = """DELETE FROM usage WHERE (bucket, project, function, at) IN (
SELECT bucket, project, function, at FROM usage WHERE bucket = ? AND at < ? ORDER BY at LIMIT ?)"""


def add_usage(connection: apsw.Connection, more: Sequence[Usage]) -> None:
    """To the minutes, and to the days that hold them."""
    rows = [_row(bucket, usage) for usage in more for bucket in (MINUTE_S, DAY_S)]
    connection.executemany(_ADD, rows)


def old_usage(connection: apsw.Connection, now: float) -> list[tuple[int, float]]:
    """Buckets' lengths with the time before which rows go: those that are too old, and the oldest of those that are too many."""
    found: list[tuple[int, float]] = []
    for bucket, keep_s in KEEP_S.items():
        surplus = connection.execute(_COUNT, (bucket,)).get - MOST_ROWS
        enough = connection.execute(_OLDEST, (bucket, surplus)).get if surplus > 0 else 0
        oldest = connection.execute(_OLDEST, (bucket, 0)).get
        before = max(now - keep_s, enough)
        if oldest is not None and oldest < before:
            found.append((bucket, before))
    return found


def prune_usage(connection: apsw.Connection, old: Sequence[tuple[int, float]]) -> None:
    """Drop what `old_usage` found, a bounded number of rows at a time."""
    connection.executemany(_PRUNE, [(bucket, before, PRUNE_ROWS) for bucket, before in old])


def read_usage(connection: apsw.Connection, which: UsageFilter) -> list[Usage]:
    """In the order of `sluice.usage.summed`."""
    since = int(which.since - which.since % which.bucket_s)
    bounds = (which.bucket_s, which.project, which.function, since, which.until, which.by_function, which.by_time)
    query = _READ_FAILURES if which.failures_only else _READ
    return [Usage(*row) for row in connection.execute(query, bounds)]


def _row(bucket: int, usage: Usage) -> tuple[int | float | str, ...]:
    return (
        bucket,
        usage.function.split(":", 4)[3],
        usage.function,
        usage.at - usage.at % bucket,
        usage.calls,
        usage.executed,
        usage.duration_ms,
        usage.least_ms,
        usage.most_ms,
        usage.function_errors,
        usage.system_errors,
        usage.rejected,
        usage.concurrency,
        usage.instances,
        usage.reserved,
        usage.gb_s,
    )
