"""How much of one trigger may be accepted and not ended: the rest waits where it is safe, at its source, or with whoever sent it."""

import asyncio
from collections import OrderedDict

from sluice.errors import Unavailable


class Window:
    """Counts what is open, in events and bytes. Entering is first come, first served, also across the wait."""

    __slots__ = ("_granted", "_most", "_waiting", "events", "size")

    def __init__(self, events: int = 0) -> None:
        self.events = events
        self.size = 0
        self._waiting: OrderedDict[asyncio.Future[None], tuple[int, int]] | None = None
        """Made when somebody has to wait: one timer's event needs a window too, and ten thousand may be open."""
        self._granted = 0
        self._most = (0, 0)
        """For those who wait."""

    async def enter(self, events: int, size: int, most: int, most_bytes: int) -> None:
        """Wait until `events` of `size` bytes fit within `most` and `most_bytes`. What is larger than the window enters alone. Raises
        Unavailable when all who wait are refused."""
        if self.enters(events, size, most, most_bytes):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = OrderedDict()
        self._waiting[future] = (events, size)
        self._most = (most, most_bytes)
        try:
            await future
        except asyncio.CancelledError:
            self._abandon(future, events, size)
            raise
        self._granted -= 1
        self._grant()

    def enters(self, events: int, size: int, most: int, most_bytes: int) -> bool:
        """Enter if that needs no wait."""
        enters = not self._waiting and not self._granted and self._fits(events, size, most, most_bytes)
        if enters:
            self.events += events
            self.size += size
        return enters

    def leave(self, events: int, size: int) -> None:
        """So much has ended."""
        self.events = max(0, self.events - events)
        self.size = max(0, self.size - size)
        if self._waiting:
            self._grant()

    def resize(self, most: int, most_bytes: int) -> None:
        """Those who wait are measured by other bounds from now on."""
        self._most = (most, most_bytes)
        self._grant()

    def refuse(self, reason: str, retry_after_s: float) -> None:
        """Nobody needs to wait any more."""
        waiting, self._waiting = self._waiting, None
        for future in waiting or ():
            if not future.done():
                future.set_exception(Unavailable(reason, retry_after_s))

    @property
    def idle(self) -> bool:
        """Whether it counts nothing and nobody waits: a new one would be the same."""
        return not self.events and not self._waiting and not self._granted

    def _fits(self, events: int, size: int, most: int, most_bytes: int) -> bool:
        return not events or not self.events or (self.events + events <= most and self.size + size <= most_bytes)

    def add(self, events: int, size: int) -> None:
        """Count in what enters without asking: redrives, invocations through the API."""
        self.events += events
        self.size += size

    def _grant(self) -> None:
        # one at a time: the next is granted when this one has resumed, or a later caller could overtake it
        while self._waiting and not self._granted:
            future, (events, size) = next(iter(self._waiting.items()))
            if not future.done():
                if not self._fits(events, size, *self._most):
                    return
                self.add(events, size)
                self._granted += 1
                future.set_result(None)
            self._waiting.popitem(last=False)

    def _abandon(self, future: "asyncio.Future[None]", events: int, size: int) -> None:
        if self._waiting is not None and self._waiting.pop(future, None) is not None:
            self._grant()
        elif not future.cancelled() and future.exception() is None:
            self._granted -= 1
            self.leave(events, size)
