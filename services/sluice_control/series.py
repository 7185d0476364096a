"""From what functions did to the series, months and rankings that FunctionGraph shows; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sluice.usage import MINUTE_S, Usage
from sluice_control.answers.statistics import FunctionFigure, MonthUsed, Point

NO_DATA = -1.0

Figure = Callable[[Usage], float]


def _called(figure: Figure) -> Figure:
    return lambda usage: figure(usage) if usage.calls else NO_DATA


def _executed(figure: Figure) -> Figure:
    return lambda usage: round(figure(usage), 3) if usage.executed else NO_DATA


FIGURES: Mapping[str, Figure] = {
    "count": _called(lambda usage: usage.calls),
    "duration": _executed(lambda usage: usage.duration_ms / usage.executed),
    "fail_count": _called(lambda usage: usage.failures),
    "max_duration": _executed(lambda usage: usage.most_ms),
    "min_duration": _executed(lambda usage: usage.least_ms),
    "reject_count": _called(lambda usage: usage.rejected),
    "function_error_count": _called(lambda usage: usage.function_errors),
    "system_error_count": _called(lambda usage: usage.system_errors),
    "reserved_instance_num": lambda usage: usage.reserved,
    "concurrency_num": lambda usage: usage.concurrency,
    "instance_num": lambda usage: usage.instances,
}
"""By the names of the API. The numbers of instances and of calls at once are known of every minute that has a row."""


def minutes(now: float, count: int) -> range:
    """The last `count` minutes, the one at hand included, by where they begin."""
    last = int(now) - int(now) % MINUTE_S
    return range(last - (count - 1) * MINUTE_S, last + 1, MINUTE_S)


def series(rows: Iterable[Usage], times: Sequence[int], names: Iterable[str]) -> dict[str, list[Point]]:
    """A point for each of the times in each series; -1 where there is no row."""
    known = {row.at: row for row in rows}
    return {name: [Point(at * 1000, _value(FIGURES[name], known.get(at))) for at in times] for name in names}


def _value(figure: Figure, row: Usage | None) -> float:
    return NO_DATA if row is None else figure(row)


def months(now: float, option: str) -> list[tuple[int, int]]:
    """Year and month: this one ("0", and whatever is no option), the last ("1"), the last three ("2") or six ("3"), in order."""
    today = datetime.fromtimestamp(now, UTC)
    this = today.year * 12 + today.month - 1
    first, end = {"1": (this - 1, this), "2": (this - 2, this + 1), "3": (this - 5, this + 1)}.get(option, (this, this + 1))
    return [(number // 12, number % 12 + 1) for number in range(first, end)]


def begin(month: tuple[int, int]) -> float:
    return datetime(*month, 1, tzinfo=UTC).timestamp()


def by_month(days: Iterable[Usage], wanted: Sequence[tuple[int, int]], figure: Figure) -> list[MonthUsed]:
    """The sum of each month."""
    sums = dict.fromkeys(wanted, 0.0)
    for day in days:
        at = datetime.fromtimestamp(day.at, UTC)
        if (at.year, at.month) in sums:
            sums[at.year, at.month] += figure(day)
    return [MonthUsed(f"{year:04}-{month:02}", round(value, 3)) for (year, month), value in sums.items()]


def ranked(rows: Iterable[Usage], name: str) -> list[FunctionFigure]:
    """The functions that have any of it, the largest first."""
    figures = [FunctionFigure(row.function, round(FIGURES[name](row))) for row in rows]
    return sorted((each for each in figures if each.value > 0), key=lambda each: (-each.value, each.key))


def failures(rows: Iterable[Usage]) -> dict[str, int]:
    """By function (URN without a qualifier)."""
    counts: dict[str, int] = {}
    for row in rows:
        function = row.function.rpartition(":")[0]
        counts[function] = counts.get(function, 0) + row.failures
    return counts
