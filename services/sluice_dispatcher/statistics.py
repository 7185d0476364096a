"""What functions did, counted where the runs end and kept by minute.

An end costs one look-up and one append. Once a second the lists become figures, and every ten seconds the figures go to the ledger: what
a crash can lose is the last ten seconds of them.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from sluice.catalog import Snapshot
from sluice.clock import Clock
from sluice.errors import SluiceError
from sluice.function import Function
from sluice.ledger import Ledger
from sluice.outcome import RUNTIME_CODES, FailureKind, Reply
from sluice.runner import InstanceState
from sluice.usage import MINUTE_S, Usage, UsageFilter, merged, summed

FOLD_S = 1.0
WRITE_EVERY = 10
"""Folds."""
MOST_UNWRITTEN = 100_000
"""Figures (of a version and a minute) that wait for a ledger that takes none; the oldest are dropped for newer ones."""

_NOT_EXECUTED = frozenset({FailureKind.NO_CAPACITY, FailureKind.THROTTLED, FailureKind.CONNECTION_RESET, FailureKind.DISABLED})
_SHOWN = frozenset({"ready", "draining"})

log = structlog.get_logger()

Concurrency = Callable[[], Mapping[str, int]]
"""Calls under way now, by function version."""
Instances = Callable[[], Awaitable[Iterable[InstanceState]]]


class _Tally:
    """One version at one memory size since the last fold. `unstarted` are the calls that failed before any instance had them."""

    __slots__ = ("function_errors", "memory_mb", "rejected", "system_errors", "took_ms", "unstarted", "urn")

    def __init__(self, function: Function) -> None:
        self.urn = function.urn
        self.memory_mb = function.memory_mb
        self.took_ms: list[float] = []
        self.function_errors = self.system_errors = self.rejected = self.unstarted = 0


async def nobody() -> Iterable[InstanceState]:
    """Where nobody knows of instances."""
    return ()


class Statistics:
    def __init__(self, ledger: Ledger, snapshot: Snapshot, clock: Clock, instances: Instances = nobody) -> None:
        self._ledger = ledger
        self._snapshot = snapshot
        self._clock = clock
        self._concurrency: tuple[Concurrency, ...] = ()
        self._instances = instances
        self._tallies: dict[str, _Tally] = {}
        self._resized: dict[tuple[str, int], _Tally] = {}
        self._unwritten: dict[tuple[str, int], Usage] = {}
        self._writing = asyncio.Lock()

    def look_at(self, *concurrency: Concurrency) -> None:
        """What is under way is asked for once a second."""
        self._concurrency = concurrency

    def ended(self, function: Function, reply: Reply) -> None:
        """A call has its reply."""
        tally = self._tallies.get(function.urn)
        if tally is None or tally.memory_mb != function.memory_mb:
            tally = self._tally(function)
        if reply.failure is None:
            tally.took_ms.append(reply.duration_ms)
        else:
            _failed(tally, reply, reply.failure.kind)

    def rejected(self, function: Function) -> None:
        """A call was turned away by a limit."""
        self._tally(function).rejected += 1

    async def run(self) -> None:
        """Fold and write until cancelled."""
        while True:
            for _ in range(WRITE_EVERY):
                await asyncio.sleep(FOLD_S)
                self.fold()
            await self.look_at_instances()
            await self.write()

    async def write(self) -> None:
        """Everything counted until now is in the ledger, or waits for the next time, as far as there is room."""
        async with self._writing:
            self.fold()
            rows, self._unwritten = self._unwritten, {}
            if not rows:
                return
            try:
                await self._ledger.add_usage(list(rows.values()))
            except SluiceError as error:
                log.warning("statistics_not_written", rows=len(rows), reason=str(error))
                for row in rows.values():
                    self._cell(row.function, row.at).add(row)

    async def usage(self, which: UsageFilter) -> list[Usage]:
        """As `Records.usage`."""
        async with self._writing:
            self.fold()
            return merged(await self._ledger.used(which), summed(which, self._unwritten.values()))

    def fold(self) -> None:
        """Turn what happened since the last time into figures of this minute."""
        at = self._minute()
        for tally in (*self._tallies.values(), *self._resized.values()):
            usage = _folded(tally, at)
            if usage.calls:
                self._cell(tally.urn, at).add(usage)
        self._tallies, self._resized = {}, {}
        for urn, count in self._under_way().items():
            cell = self._cell(urn, at)
            cell.concurrency = max(cell.concurrency, count)

    def _under_way(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for concurrency in self._concurrency:
            counts.update(concurrency())
        return +counts

    async def look_at_instances(self) -> None:
        try:
            states = list(await self._instances())
        except SluiceError as error:
            log.info("instances_not_known", reason=str(error))
            return
        at = self._minute()
        counts = Counter(state.urn for state in states if state.state in _SHOWN)
        reserved = reserved_by_version(self._snapshot, self._clock.time())
        for urn, count in counts.items():
            cell = self._cell(urn, at)
            cell.instances = max(cell.instances, count)
            cell.reserved = max(cell.reserved, min(count, reserved[urn]))

    def _minute(self) -> int:
        now = int(self._clock.time())
        return now - now % MINUTE_S

    def _tally(self, function: Function) -> _Tally:
        tally = self._tallies.setdefault(function.urn, _Tally(function))
        if tally.memory_mb == function.memory_mb:
            return tally
        key = (function.urn, function.memory_mb)
        return self._resized.setdefault(key, _Tally(function))

    def _cell(self, urn: str, at: int) -> Usage:
        cell = self._unwritten.get((urn, at))
        if cell is None:
            if len(self._unwritten) >= MOST_UNWRITTEN:
                del self._unwritten[next(iter(self._unwritten))]
            cell = self._unwritten[urn, at] = Usage(urn, at)
        return cell


def reserved_by_version(snapshot: Snapshot, now: float) -> Counter[str]:
    """Instances that are to be kept warm now; those of an alias are its version's."""
    counts: Counter[str] = Counter()
    for reservation in snapshot.reservations.values():
        alias = snapshot.aliases.get(reservation.urn)
        urn = f"{alias.urn.rpartition(':')[0]}:{alias.version}" if alias else reservation.urn
        counts[urn] += reservation.scheduled(now)
    return counts


def _failed(tally: _Tally, reply: Reply, kind: FailureKind) -> None:
    if kind in _NOT_EXECUTED or (kind is FailureKind.CANCELLED and not reply.instance):
        return
    if reply.instance:
        tally.took_ms.append(reply.duration_ms)
    else:
        tally.unstarted += 1
    if kind in RUNTIME_CODES:
        tally.function_errors += 1
    else:
        tally.system_errors += 1


def _folded(tally: _Tally, at: int) -> Usage:
    took = tally.took_ms
    executed, duration_ms = len(took), sum(took)
    return Usage(
        tally.urn,
        at,
        executed + tally.unstarted + tally.rejected,
        executed,
        duration_ms,
        min(took, default=0.0),
        max(took, default=0.0),
        tally.function_errors,
        tally.system_errors,
        tally.rejected,
        gb_s=duration_ms / 1000 * tally.memory_mb / 1024,
    )
