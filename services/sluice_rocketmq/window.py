"""How much is asked for at once, so that neither too many messages nor too many bytes are here. Pure but for the waiting."""

import asyncio
from collections.abc import Sequence

MOST_AT_ONCE = 32
"""The server gives no more in one answer."""
LARGEST = 4 * 1024 * 1024
"""What a message may have by the server's default; expected of the next ones until some were seen."""


class Window:
    """Room for so many messages and, but for those of one answer that are larger than those before, so many bytes."""

    def __init__(self, messages: int, size: int) -> None:
        self._messages = messages
        self._bytes = size
        self._expected = LARGEST
        self._changed = asyncio.Event()

    def ask(self) -> int:
        """How many messages may come; 0 while there is no room."""
        if self._messages <= 0 or self._bytes <= 0:
            return 0
        return min(MOST_AT_ONCE, self._messages, max(1, self._bytes // self._expected))

    async def room(self) -> int:
        """Waits for room; how many messages may come."""
        while not (most := self.ask()):
            self._changed.clear()
            await self._changed.wait()
        return most

    def take(self, sizes: Sequence[int]) -> None:
        """These came in one answer."""
        if sizes:
            self._expected = max(1, *sizes)
        self._messages -= len(sizes)
        self._bytes -= sum(sizes)

    def give(self, size: int) -> None:
        """One of them is accepted."""
        self._messages += 1
        self._bytes += size
        self._changed.set()
