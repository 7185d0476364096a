"""The MongoDB trigger: claims its namespace, and follows what changes in it from where the claim says."""

import asyncio
from collections.abc import Callable

import structlog

from sluice.clock import Clock, SystemClock
from sluice.errors import foremost
from sluice.ledger import Claim
from sluice.trigger import Intake
from sluice_mongo.changes import Changes
from sluice_mongo.follower import IDLE_S, Follower
from sluice_mongo.offers import ReadAgain
from sluice_mongo.settings import MongoSettings

AGAIN_S = 0.05
"""First pause before a lost claim is asked for again; it doubles up to the last."""
AGAIN_MOST_S = 5.0

log = structlog.get_logger("sluice.mongo")


class MongoTrigger:
    """One trigger. `run` may be called again after it ended."""

    def __init__(self, settings: MongoSettings, changes: Changes, clock: Clock | None = None, idle_s: float = IDLE_S) -> None:
        self._settings = settings
        self._changes = changes
        self._clock = clock or SystemClock()
        self._idle_s = idle_s
        self._pause_s = 0.0

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost while no server answers, SourceRefused for a login or a position that is refused."""
        says = _Once(ready)
        try:
            await self._changes.connect()
            while True:
                claim = await intake.claim(self._settings.namespace)
                pause_s = await self._follow(intake, claim, says)
                await asyncio.sleep(pause_s)
                intake.release(claim)
        finally:
            await self._changes.close()

    async def _follow(self, intake: Intake, claim: Claim, ready: Callable[[], None]) -> float:
        """Until the claim is lost; how long to wait before it is asked for again."""
        accepted = False
        try:
            async with asyncio.TaskGroup() as tasks:
                follower = Follower(self._settings, self._changes, intake, claim, tasks, self._clock, self._idle_s)
                try:
                    await follower.run(ready)
                finally:
                    accepted = follower.offers.accepted
        except BaseExceptionGroup as group:
            error = foremost(group)
            if not isinstance(error, ReadAgain):
                raise error from None
            log.info("claim_lost", source=claim.key.source, epoch=claim.epoch)
            self._pause_s = min(max(0.0 if accepted else self._pause_s * 2, AGAIN_S), AGAIN_MOST_S)
            return max(self._pause_s, error.pause_s)
        raise AssertionError("a follower never returns")


class _Once:
    """Says it the first time only."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._said = False

    def __call__(self) -> None:
        if not self._said:
            self._said = True
            self._say()
