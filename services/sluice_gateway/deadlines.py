"""Ends waits that nobody else ended: one timer for all of them, because one for each would cost a tenth of a request."""

import asyncio
from typing import Self

TICK_S = 0.25


class Deadline:
    """One wait of the current task, as `async with asyncio.timeout` but late by up to a tick. Raises TimeoutError."""

    __slots__ = ("_deadlines", "_task", "at", "missed")

    def __init__(self, deadlines: "Deadlines", task: "asyncio.Task[object]", at: float) -> None:
        self._deadlines = deadlines
        self._task = task
        self.at = at
        self.missed = False

    def __enter__(self) -> Self:
        self._deadlines.waiting.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._deadlines.waiting.discard(self)
        if self.missed and kind is asyncio.CancelledError and self._task.uncancel() == 0:
            raise TimeoutError

    def miss(self) -> None:
        self.missed = True
        self._deadlines.waiting.discard(self)
        self._task.cancel()


class Deadlines:
    """The waits of one event loop. The timer runs only while somebody waits."""

    def __init__(self) -> None:
        self.waiting: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> Deadline:
        """For `with`, around the awaits of the current task."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(TICK_S, self._tick, loop)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task has a deadline")
        return Deadline(self, task, loop.time() + seconds)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for deadline in [one for one in self.waiting if one.at <= now]:
            deadline.miss()
        self._timer = loop.call_later(TICK_S, self._tick, loop) if self.waiting else None
