"""How much a server takes in before it stops reading: a bound on peers that do not keep to their window."""

import asyncio

from sluice.wire.pace import Pace

SLACK_EVENTS = 16
SLACK_SIZE = 4
"""Peers that keep to their window stay below, even when a slice of each of many stuck triggers comes on top."""


class Room:
    """Counts what is taken in and not yet done with."""

    def __init__(self, pace: Pace) -> None:
        self._events = pace.window_events * SLACK_EVENTS
        self._size = pace.window_size * SLACK_SIZE
        self._again: asyncio.Future[None] | None = None

    def enter(self, events: int, size: int) -> None:
        self._events -= events
        self._size -= size

    def leave(self, events: int, size: int) -> None:
        self._events += events
        self._size += size
        if self._again is not None and self._events > 0 and self._size > 0:
            if not self._again.done():
                self._again.set_result(None)
            self._again = None

    def full(self) -> "asyncio.Future[None] | None":
        """Done when there is room again; nothing if there is now."""
        if self._events > 0 and self._size > 0:
            return None
        self._again = asyncio.get_running_loop().create_future()
        return self._again
