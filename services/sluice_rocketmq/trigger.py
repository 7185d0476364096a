"""The RocketMQ trigger: reads every place where its topics are, as one member of a consumer group."""

import asyncio
from collections.abc import Callable

from sluice.clock import Clock, SystemClock
from sluice.errors import foremost
from sluice.trigger import Intake
from sluice_rocketmq.broker import Broker
from sluice_rocketmq.reading import Reading
from sluice_rocketmq.settings import RocketSettings


class RocketTrigger:
    """One trigger. `run` may be called again after it ended; the source of a record is its topic."""

    def __init__(self, settings: RocketSettings, broker: Broker, clock: Clock | None = None) -> None:
        self._settings = settings
        self._broker = broker
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost while no proxy answers, SourceRefused for keys, a topic or a filter that is refused."""
        try:
            places = await self._broker.open()
            readings = [Reading(place, self._broker, self._settings, intake, self._clock) for place in places]
            try:
                await self._read(readings, ready)
            finally:
                await asyncio.gather(*(reading.end() for reading in readings))
        except BaseExceptionGroup as group:
            raise foremost(group) from None
        finally:
            await self._broker.close()

    async def _read(self, readings: list[Reading], ready: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._broker.watch())
            for reading in readings:
                tasks.create_task(reading.run())
            # A new group begins at the end of a topic: where that is, is settled when messages are first asked for.
            for reading in readings:
                await reading.asks.wait()
            await self._broker.beat()
            ready()
