"""The Kafka trigger: reads what the group assigns, from where the claims say, and commits what was accepted."""

import asyncio
from collections.abc import Callable

from sluice.clock import Clock, SystemClock
from sluice.errors import foremost
from sluice.trigger import Intake
from sluice_kafka.broker import Broker
from sluice_kafka.reader import TICK_S, Reader
from sluice_kafka.settings import KafkaSettings


class KafkaTrigger:
    """One trigger. `run` may be called again after it ended."""

    def __init__(self, settings: KafkaSettings, broker: Broker, clock: Clock | None = None, tick_s: float = TICK_S) -> None:
        self._settings = settings
        self._broker = broker
        self._clock = clock or SystemClock()
        self._tick_s = tick_s

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost while no broker answers, SourceRefused for a login, topic or position that is refused."""
        try:
            await self._broker.connect()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._broker.watch())
                await self._read(Reader(self._settings, self._broker, intake, tasks, self._clock, self._tick_s), ready)
        except BaseExceptionGroup as group:
            raise foremost(group) from None
        finally:
            await self._broker.close()

    async def _read(self, reader: Reader, ready: Callable[[], None]) -> None:
        try:
            await self._broker.join(reader.assignment)
            await reader.assignment.taken.wait()
            ready()
            await reader.run()
        finally:
            await reader.assignment.revoked()
