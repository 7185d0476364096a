"""The figures of events at the gateway of a mesh: the dispatcher has them, and Prometheus asks at the door."""

import asyncio

import structlog

from sluice.clock import Clock
from sluice.errors import SluiceError
from sluice.metrics import DISPATCHER_UP, ENDED, FILTERED, PENDING, RECEIVED, RUNNING, Sample
from sluice.status import Status

KEPT_S = 1.0
"""However often is asked here, the dispatcher is asked once in this time."""
SHOWN = frozenset({RECEIVED.name, ENDED.name, PENDING.name, RUNNING.name, FILTERED.name})

log = structlog.get_logger()


class DispatcherFigures:
    """As they were a second ago at most. While the dispatcher does not answer they are absent, and `sluice_dispatcher_up` is 0."""

    def __init__(self, dispatcher: Status, clock: Clock) -> None:
        self._dispatcher = dispatcher
        self._clock = clock
        self._kept: list[Sample] = []
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def samples(self) -> list[Sample]:
        async with self._asking:
            if self._clock.monotonic() >= self._until:
                self._kept = await self._ask()
                self._until = self._clock.monotonic() + KEPT_S
        return self._kept

    async def _ask(self) -> list[Sample]:
        try:
            figures = await self._dispatcher.figures()
        except SluiceError as error:
            log.warning("figures of the dispatcher are missing", reason=str(error))
            return [(DISPATCHER_UP, (), 0)]
        return [(DISPATCHER_UP, (), 1), *(sample for sample in figures if sample[0].name in SHOWN)]
