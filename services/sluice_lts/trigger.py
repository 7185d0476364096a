"""Takes logs from wherever the settings say."""

import asyncio
from collections.abc import Callable

from sluice.clock import Clock, SystemClock
from sluice.push import Answer, Request
from sluice.pushed import refusal
from sluice.trigger import Intake
from sluice_lts.arrivals import Arrivals
from sluice_lts.requests import answer
from sluice_lts.settings import LtsSettings


class LtsTrigger:
    """One trigger. `run` may be called again after it ended."""

    def __init__(self, settings: LtsSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        arrivals = Arrivals(intake, self._clock, deduplicate=self._settings.deduplicate)

        async def serve(request: Request) -> Answer:
            return refusal(self._settings, request) or await answer(arrivals, request)

        intake.serve(serve, self._settings.topic)
        ready()
        await asyncio.Event().wait()
