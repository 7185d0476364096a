"""Calls of the driver, each in a task of its own.

The driver loses a cancellation now and then, and a connection that it was about to make loses its socket with one. So a call is never
cancelled: whoever is, stops waiting for it at once, and it ends by itself, with its connection at the latest.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Calls:
    """Of one client."""

    def __init__(self) -> None:
        self._left: set[asyncio.Task[Any]] = set()
        """Those that nobody waits for any more."""

    async def ask(self, call: Coroutine[Any, Any, T]) -> T:
        """What the call gives."""
        task = asyncio.ensure_future(call)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            self._leave(task)
            raise
        return task.result()

    async def settle(self, within_s: float) -> None:
        """Wait for those that were left."""
        if self._left:
            await asyncio.wait(set(self._left), timeout=within_s)

    async def end(self, call: Coroutine[Any, Any, object], within_s: float) -> None:
        """The last call: goes on when it is cancelled, takes those along that were left, and never raises for what goes wrong with it."""
        self._leave(asyncio.ensure_future(call))
        try:
            await self.settle(within_s)
        except asyncio.CancelledError:
            await self.settle(within_s)
            raise

    def _leave(self, task: "asyncio.Task[Any]") -> None:
        self._left.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()
