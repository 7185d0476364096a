"""The OBS trigger that stores notify themselves, by a request to its address or to its bucket's."""

import asyncio
from collections.abc import Callable

from sluice.clock import Clock, SystemClock
from sluice.push import Answer, Request, problem
from sluice.pushed import deliver_all, refusal, told
from sluice.trigger import Intake
from sluice_obs.bucket import Bucket
from sluice_obs.notification import NotANotification
from sluice_obs.record import Recorder
from sluice_obs.settings import ObsSettings


class PushedTrigger:
    """One trigger. Its sender is answered when all that a request tells was accepted."""

    def __init__(self, settings: ObsSettings, recorder: Recorder, bucket: Bucket | None = None, clock: Clock | None = None) -> None:
        self._settings = settings
        self._recorder = recorder
        self._bucket = bucket
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost and SourceRefused of a bucket that is to be told whom to notify."""

        async def answer(request: Request) -> Answer:
            return refusal(self._settings, request) or await self._take(intake, request)

        intake.serve(answer, self._settings.bucket)
        if self._bucket is not None:
            await self._bucket.install()
        ready()
        await asyncio.Event().wait()

    async def _take(self, intake: Intake, request: Request) -> Answer:
        if request.method != "POST":
            return problem(405, "Method not allowed: notifications are sent with POST.")
        try:
            records = self._recorder.records(request.body, int(self._clock.time() * 1000))
        except NotANotification as reason:
            return problem(400, f"Invalid parameter: {reason}.")
        return told(await deliver_all(intake, records))
