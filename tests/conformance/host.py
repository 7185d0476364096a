"""Runs a trigger the way the host does: again after it raised, and never taking a quiet end for granted."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sluice.errors import SourceRefused, Unavailable
from sluice.trigger import Trigger
from tests.conformance.bench import Bench
from tests.conformance.intake import FakeIntake

STOP_S = 5.0
"""A cancelled trigger has ended within this."""


class Running:
    """One trigger and its runs."""

    def __init__(self, trigger: Trigger, intake: FakeIntake, deadline_s: float) -> None:
        self.trigger = trigger
        self.intake = intake
        self.ready = 0
        """How often the current run said that it is ready."""
        self.records_before_ready = 0
        self.ends: list[BaseException | None] = []
        """What the runs raised; None for one that returned."""
        self._deadline_s = deadline_s
        self._task = asyncio.create_task(self._runs())

    async def until_ready(self) -> None:
        """Or until it is refused, after which it is not going to be."""
        await self.intake.until(lambda: self.ready > 0 or self._task.done() or self._was_refused(), self._deadline_s)

    def _was_refused(self) -> bool:
        return any(isinstance(end, SourceRefused) for end in self.ends)

    async def until_ended(self) -> BaseException | None:
        """What the first run ended with."""
        await self.intake.until(lambda: bool(self.ends), self._deadline_s)
        return self.ends[0]

    async def until_accepted(self, count: int) -> None:
        await self.intake.until(lambda: len(self.intake.accepted) >= count, self._deadline_s)

    async def until_refused(self, count: int) -> None:
        await self.intake.until(lambda: len(self.intake.refused) >= count, self._deadline_s)

    async def stop(self) -> float:
        """Cancel it; seconds until it ended. One that does not listen is asked again."""
        began = time.monotonic()
        while not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=STOP_S)
        return time.monotonic() - began

    async def _runs(self) -> None:
        while True:
            self.ready = 0
            try:
                await self.trigger.run(self.intake, self._say_ready)
            except Exception as error:
                self.ends.append(error)
                await asyncio.sleep(error.retry_after_s if isinstance(error, Unavailable) else 0.01)
            else:
                self.ends.append(None)
                return

    def _say_ready(self) -> None:
        self.records_before_ready += len(self.intake.accepted) if not self.ready else 0
        self.ready += 1


@asynccontextmanager
async def running(bench: Bench, intake: FakeIntake, **settings: object) -> AsyncIterator[Running]:
    """A trigger of the bench that is ready, and stopped at the end."""
    run = Running(bench.trigger(**settings), intake, bench.deadline_s)
    try:
        await run.until_ready()
        yield run
    finally:
        await run.stop()
