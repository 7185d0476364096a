"""What is to be handed over at a known time: kept in order, and given back together with all else whose time has come."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import islice
from typing import Generic, TypeVar

from sluice.clock import Clock

T = TypeVar("T")

LONGEST_SLEEP_S = 1.0
"""The wall clock may be set while we sleep; so long it takes at most until that is noticed."""
AT_ONCE = 1_024
"""Given back together at most; others on the event loop get their turn before the next."""


class Plans(Generic[T]):
    """Gives back everyone at the time that was named for them, never before: in the order of times, and of adding where they are equal.

    One alarm for all of them. `due` is called with those whose time has come, on the event loop that `add` is called on.
    """

    def __init__(self, clock: Clock, due: Callable[[list[T]], None]) -> None:
        self._clock = clock
        self._due = due
        self._at: dict[float, dict[T, None]] = {}
        self._times: list[float] = []
        self._time_of: dict[T, float] = {}
        self._alarm: asyncio.Handle | None = None
        self._alarm_at = 0.0

    def __len__(self) -> int:
        return len(self._time_of)

    def add(self, one: T, at: float) -> None:
        together = self._at.get(at)
        if together is None:
            together = self._at[at] = {}
            heapq.heappush(self._times, at)
        together[one] = None
        self._time_of[one] = at
        if self._alarm is None or at < self._alarm_at:
            self._set_alarm()

    def discard(self, one: T) -> None:
        at = self._time_of.pop(one, None)
        if at is not None:
            del self._at[at][one]

    def turn(self) -> None:
        """Give back whose time has come and set the alarm anew. The alarm calls it, and whoever knows that the clock was stepped."""
        found = self._take(self._clock.time())
        self._set_alarm()
        if found:
            self._due(found)

    def stop(self) -> None:
        """Forget everyone."""
        self._at.clear()
        self._times.clear()
        self._time_of.clear()
        self._set_alarm()

    def _take(self, now: float) -> list[T]:
        found: list[T] = []
        while self._times and self._times[0] <= now and len(found) < AT_ONCE:
            together = self._at[self._times[0]]
            taken = list(islice(together, AT_ONCE - len(found)))
            for one in taken:
                del together[one], self._time_of[one]
            found += taken
            if not together:
                del self._at[heapq.heappop(self._times)]
        return found

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not self._times:
            return
        self._alarm_at = self._times[0]
        wait = min(self._alarm_at - self._clock.time(), LONGEST_SLEEP_S)
        loop = asyncio.get_running_loop()
        self._alarm = loop.call_later(wait, self.turn) if wait > 0 else loop.call_soon(self.turn)
