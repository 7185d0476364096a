"""What is kept warm: from the catalog's reservations and the clock to how many instances of which version."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from sluice.catalog import Change, Snapshot
from sluice.clock import Clock
from sluice.function import Function
from sluice.reservation import Reservation

LOOK_EVERY_S = 1.0


class Keeps(Protocol):
    """Keeps instances: the runner."""

    def reserve(self, function: Function, count: int) -> None: ...
    def busy(self, function: Function) -> int: ...


class Reserve:
    """Tells a runner what to keep. Once a second is enough for schedules and use; a change of the catalog is followed at once."""

    def __init__(self, snapshot: Snapshot, runner: Keeps, clock: Clock) -> None:
        self._snapshot = snapshot
        self._runner = runner
        self._clock = clock
        self._told: dict[str, tuple[Function, int]] = {}
        self._stirred = asyncio.Event()
        snapshot.listen(self._hear)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._stirred.clear()
            self.look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), LOOK_EVERY_S if self._snapshot.reservations else None)

    def look(self) -> None:
        """Tell the runner what is different now."""
        wanted = kept(self._snapshot, self._clock.time(), self._runner.busy)
        for urn, (function, _) in self._told.items():
            if urn not in wanted:
                self._runner.reserve(function, 0)
        for urn, (function, count) in wanted.items():
            known = self._told.get(urn)
            if known is None or known[0] is not function or known[1] != count:
                self._runner.reserve(function, count)
        self._told = wanted

    def _hear(self, change: Change) -> None:
        if change.reservation or change.removed or (self._snapshot.reservations and (change.function or change.alias)):
            self._stirred.set()


def kept(snapshot: Snapshot, now: float, busy: Callable[[Function], int]) -> dict[str, tuple[Function, int]]:
    """How many instances of each version, by its URN. What names a version that is not there keeps nothing."""
    wanted: dict[str, tuple[Function, int]] = {}
    for reservation in snapshot.reservations.values():
        function = version_of(reservation, snapshot)
        if function is None:
            continue
        count = reservation.wanted(now, busy(function) if reservation.uses else 0, function.instance_concurrency)
        wanted[function.urn] = (function, max(count, _known(wanted, function.urn)))
    return wanted


def version_of(reservation: Reservation, snapshot: Snapshot) -> Function | None:
    """The version that is named, or that the alias mainly points to."""
    alias = snapshot.aliases.get(reservation.urn)
    urn = f"{reservation.urn.rpartition(':')[0]}:{alias.version}" if alias else reservation.urn
    return snapshot.functions.get(urn)


def _known(wanted: Mapping[str, tuple[Function, int]], urn: str) -> int:
    return wanted[urn][1] if urn in wanted else 0
