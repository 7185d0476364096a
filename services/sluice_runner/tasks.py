"""Tasks with an owner: those that are not awaited one by one are cancelled and awaited together."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

AGAIN_S = 1.0
LONGEST_AGAIN_S = 60.0
STEADY_S = 60.0
"""Work that lasted so long begins again after the shortest pause."""

_log = structlog.get_logger()


class Tasks:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run until done or until `close`. An exception is a bug: it is logged by its type and ends only this task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run until `close`. An exception is a bug: it is logged, and the work begins again after a pause, twice as long as the last."""
        self.spawn(self._kept(work))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _kept(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        now = asyncio.get_running_loop().time
        pause_s = AGAIN_S
        while True:
            began = now()
            try:
                return await work()
            except Exception:
                pause_s = AGAIN_S if now() - began > STEADY_S else min(LONGEST_AGAIN_S, pause_s * 2)
                _log.exception("runner_task_failed", again_in_s=pause_s)
            await asyncio.sleep(pause_s)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("runner_task_failed", exc_info=error)
