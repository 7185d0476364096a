"""How much of one replayable trigger may be accepted and not ended: the rest stays where it is safe, at its source."""

import asyncio
from collections import deque

_Entry = tuple["asyncio.Future[None]", int, int, int, int]


class Window:
    """Counts what is open, in events and bytes. Entering is first come, first served, also across the wait."""

    __slots__ = ("_granted", "_waiting", "events", "size")

    def __init__(self, events: int = 0) -> None:
        self.events = events
        self.size = 0
        self._waiting: deque[_Entry] | None = None
        """Made when somebody has to wait: one timer's event needs a window too, and ten thousand may be open."""
        self._granted = 0

    async def enter(self, events: int, size: int, most: int, most_bytes: int) -> None:
        """Wait until `events` of `size` bytes fit within `most` and `most_bytes`. What is larger than the window enters alone."""
        if self.enters(events, size, most, most_bytes):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (future, events, size, most, most_bytes)
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(entry)
        try:
            await future
        except asyncio.CancelledError:
            self._abandon(entry)
            raise
        self._granted -= 1
        self._grant()

    def enters(self, events: int, size: int, most: int, most_bytes: int) -> bool:
        """Enter if that needs no wait."""
        enters = not self._waiting and not self._granted and self._fits(events, size, most, most_bytes)
        if enters:
            self.add(events, size)
        return enters

    def leave(self, events: int, size: int) -> None:
        """So much has ended."""
        self.events = max(0, self.events - events)
        self.size = max(0, self.size - size)
        self._grant()

    @property
    def idle(self) -> bool:
        """Whether it counts nothing and nobody waits: a new one would be the same."""
        return not self.events and not self._waiting and not self._granted

    def _fits(self, events: int, size: int, most: int, most_bytes: int) -> bool:
        return not events or not self.events or (self.events + events <= most and self.size + size <= most_bytes)

    def add(self, events: int, size: int) -> None:
        """Count in what entered without asking: pushed events, redrives."""
        self.events += events
        self.size += size

    def _grant(self) -> None:
        # one at a time: the next is granted when this one has resumed, or a later caller could overtake it
        while self._waiting and not self._granted:
            future, events, size, most, most_bytes = self._waiting[0]
            if not self._fits(events, size, most, most_bytes):
                return
            self._waiting.popleft()
            if not future.done():
                self.add(events, size)
                self._granted += 1
                future.set_result(None)

    def _abandon(self, entry: _Entry) -> None:
        future, events, size, _, _ = entry
        if future.done() and not future.cancelled():
            self._granted -= 1
            self.leave(events, size)
        elif self._waiting is not None and entry in self._waiting:
            self._waiting.remove(entry)
            self._grant()
