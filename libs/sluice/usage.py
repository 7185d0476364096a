"""What functions did, counted: the figures behind FunctionGraph's metrics."""

from collections.abc import Iterable

import msgspec

MINUTE_S = 60
DAY_S = 86_400


class Usage(msgspec.Struct, gc=False):
    """One function version in one bucket of time, which begins at `at` (seconds since the epoch, a multiple of the bucket's length).

    `calls` holds all that were executed and those rejected. Durations are of executed calls, in ms. `concurrency`, `instances` and
    `reserved` are the highest seen. `gb_s` is memory by time.
    """

    function: str
    """Full URN with the version; "" where several are summed."""
    at: int
    calls: int = 0
    executed: int = 0
    duration_ms: float = 0.0
    """The sum of all."""
    least_ms: float = 0.0
    most_ms: float = 0.0
    function_errors: int = 0
    system_errors: int = 0
    rejected: int = 0
    concurrency: int = 0
    instances: int = 0
    reserved: int = 0
    gb_s: float = 0.0

    @property
    def failures(self) -> int:
        return self.function_errors + self.system_errors

    def add(self, more: "Usage") -> None:
        """What happened beside it, in the same bucket."""
        if more.executed:
            self.least_ms = min(self.least_ms, more.least_ms) if self.executed else more.least_ms
            self.most_ms = max(self.most_ms, more.most_ms)
        self.calls += more.calls
        self.executed += more.executed
        self.duration_ms += more.duration_ms
        self.function_errors += more.function_errors
        self.system_errors += more.system_errors
        self.rejected += more.rejected
        self.concurrency = max(self.concurrency, more.concurrency)
        self.instances = max(self.instances, more.instances)
        self.reserved = max(self.reserved, more.reserved)
        self.gb_s += more.gb_s


class UsageFilter(msgspec.Struct, frozen=True):
    """Which figures are meant, and how they are summed."""

    project: str
    function: str = ""
    """With its version; without: all its versions; "": all functions of the project."""
    since: float = 0.0
    until: float = 0.0
    """0: to the end."""
    bucket_s: int = MINUTE_S
    """MINUTE_S or DAY_S (UTC)."""
    by_function: bool = True
    """Else all functions that are meant are one."""
    by_time: bool = True
    """Else the whole time is one bucket, which begins at 0."""
    failures_only: bool = False
    """Only buckets in which something failed: what is to be known of all functions at once is then quickly found."""

    def means(self, usage: Usage) -> bool:
        """Whether a row of the bucket's length is one of those that are meant."""
        return (
            (not self.function or usage.function == self.function or usage.function.startswith(f"{self.function}:"))
            and usage.function.split(":", 4)[3] == self.project
            and usage.at >= self.since - self.since % self.bucket_s
            and (not self.until or usage.at < self.until)
            and (not self.failures_only or usage.failures > 0)
        )


def summed(which: UsageFilter, rows: Iterable[Usage]) -> list[Usage]:
    """The rows that are meant, put together as the filter says: by function, then by time."""
    keyed: list[Usage] = []
    for row in rows:
        row = msgspec.structs.replace(row, at=row.at - row.at % which.bucket_s)
        if which.means(row):
            key = {"function": row.function if which.by_function else "", "at": row.at if which.by_time else 0}
            keyed.append(msgspec.structs.replace(row, **key))
    return merged(keyed, ())


def merged(rows: Iterable[Usage], more: Iterable[Usage]) -> list[Usage]:
    """Rows of the same function and time are one; by function, then by time."""
    cells: dict[tuple[str, int], Usage] = {}
    for row in (*rows, *more):
        cell = cells.get((row.function, row.at))
        if cell is None:
            cell = cells[row.function, row.at] = Usage(row.function, row.at)
        cell.add(row)
    return [cells[key] for key in sorted(cells)]
