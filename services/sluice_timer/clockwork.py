"""One heap and one alarm for all timers of a process."""

import asyncio
import heapq
from itertools import count

from sluice.clock import Clock

LONGEST_SLEEP_S = 1.0
"""The wall clock may be set while we sleep; so long it takes at most until that is noticed."""
STRIDE = 256
"""Timers woken before others on the event loop get their turn."""

_Entry = tuple[float, int, "asyncio.Future[None]"]


class Clockwork:
    """Wakes whoever waits for an instant: in the order of instants, and of asking where they are equal.

    It belongs to the event loop it is first asked on; asked on another one, it begins anew there.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[_Entry] = []
        self._asked = count()
        self._sweep_at = STRIDE
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.Handle | None = None
        self._alarm_at = 0.0

    def __len__(self) -> int:
        """How many entries are kept, those given up included until they are swept."""
        return len(self._heap)

    def at(self, instant: float) -> "asyncio.Future[None]":
        """Done once the clock has reached `instant` (seconds since the epoch), never before. Cancel it to give up."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._begin(loop)
        waiting = loop.create_future()
        heapq.heappush(self._heap, (instant, next(self._asked), waiting))
        if len(self._heap) > self._sweep_at:
            self._sweep()
        if self._alarm is None or instant < self._alarm_at or instant <= self.clock.time():
            self._set_alarm()
        return waiting

    def turn(self) -> None:
        """Wake those whose instant has come and set the alarm anew. The alarm calls it, and a test that has stepped its clock."""
        now = self.clock.time()
        heap = self._heap
        for _ in range(STRIDE):
            if not heap or heap[0][0] > now:
                break
            waiting = heapq.heappop(heap)[2]
            if not waiting.done():
                waiting.set_result(None)
        self._set_alarm()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap.clear()
        self._alarm = None

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not self._heap or self._loop is None:
            return
        self._alarm_at = self._heap[0][0]
        wait = min(self._alarm_at - self.clock.time(), LONGEST_SLEEP_S)
        self._alarm = self._loop.call_later(wait, self.turn) if wait > 0 else self._loop.call_soon(self.turn)

    def _sweep(self) -> None:
        """Forget entries nobody waits for each time the heap has doubled, so that changed triggers leave nothing behind."""
        self._heap = [entry for entry in self._heap if not entry[2].done()]
        heapq.heapify(self._heap)
        self._sweep_at = 2 * len(self._heap) + STRIDE
