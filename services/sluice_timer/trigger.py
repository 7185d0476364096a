"""The timer trigger: a schedule is a source whose position is the last instant handled, in whole seconds since the epoch."""

import math
from collections.abc import Callable
from contextlib import suppress

import structlog

from sluice.binding import Binding
from sluice.errors import ClaimLost
from sluice.event import Record
from sluice.ledger import Claim
from sluice.trigger import Intake
from sluice_timer.clockwork import Clockwork
from sluice_timer.misfire import due
from sluice_timer.settings import TimerSettings

SOURCE = "schedule"

log = structlog.get_logger()


class TimerTrigger:
    """One timer. Whoever holds the claim fires; the others wait for it, so any number of replicas fire each instant once."""

    __slots__ = ("_clockwork", "_name", "_schedule", "_settings")

    def __init__(self, binding: Binding, settings: TimerSettings, clockwork: Clockwork) -> None:
        self._name = binding.trigger
        self._settings = settings
        self._schedule = settings.parsed
        self._clockwork = clockwork

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Ready once the claim is ours. Nothing of a schedule can be lost, so it never raises SourceLost."""
        claim, since = await self._begin(intake)
        ready()
        while True:
            try:
                instants = self._due(since)
                for instant in instants:
                    intake.rest(instant)
                    if instant == instants[-1] < math.inf:  # what was missed before it is not looked for again
                        intake.plan(claim, (_record(instant),), _position(instant), instant)
                    await self._clockwork.at(instant)
                    await intake.offer(claim, (_record(instant),), _position(instant))
                    since = instant
            except ClaimLost:
                claim, since = await self._begin(intake)

    async def _begin(self, intake: Intake) -> tuple[Claim, float]:
        """Our claim and the instant to go on from. The first start writes its own time down, so that a period survives a restart."""
        while True:
            claim = await intake.claim(SOURCE)
            if claim.position is not None:
                return claim, int(claim.position)
            now = int(self._clockwork.clock.time())
            with suppress(ClaimLost):
                await intake.offer(claim, (), str(now))
                return claim, now

    def _due(self, since: float) -> list[float]:
        now = self._clockwork.clock.time()
        found = due(self._schedule, self._settings, since, now)
        if found.missed:
            log.warning("timer missed instants", trigger=self._name, since=since, policy=self._settings.misfire, fires=len(found.instants))
        if not found.instants:
            log.warning("timer never fires again", trigger=self._name)
        return found.instants or [math.inf]


def _position(instant: float) -> str:
    return str(int(instant))


def _record(instant: float) -> Record:
    return Record(None, SOURCE, _position(instant), int(instant) * 1000)
