"""The RabbitMQ trigger: hands over what the queue gives, and acknowledges what was accepted."""

import asyncio
from collections.abc import Callable

from sluice.clock import Clock, SystemClock
from sluice.errors import foremost
from sluice.hand_overs import HandOvers
from sluice.trigger import Intake
from sluice_rabbitmq.acknowledgements import Acknowledgements
from sluice_rabbitmq.queue import Message, Queue
from sluice_rabbitmq.record import Recorder
from sluice_rabbitmq.settings import RabbitSettings

ACKNOWLEDGE_S = 0.005
"""Answers wait so long for each other."""
DEPTH_S = 5.0
"""How often the queue's length is asked for."""


class RabbitTrigger:
    """One trigger. `run` may be called again after it ended; `source` is the queue's name."""

    def __init__(self, settings: RabbitSettings, queue: Queue, source: str, clock: Clock | None = None) -> None:
        self._settings = settings
        self._queue = queue
        self._source = source
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost while no server answers, SourceRefused for a login or a queue that is refused."""
        try:
            await self._queue.open()
            reading = _Reading(self._settings, self._queue, self._source, intake, self._clock)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._queue.watch())
                    tasks.create_task(reading.hand_overs.watch())
                    await reading.run(ready)
            finally:
                await reading.end()
        except BaseExceptionGroup as group:
            raise foremost(group) from None
        finally:
            await self._queue.close()


class _Reading:
    """One connection's worth of messages."""

    def __init__(self, settings: RabbitSettings, queue: Queue, source: str, intake: Intake, clock: Clock) -> None:
        self.hand_overs = HandOvers(intake, self._answered)
        self._queue = queue
        self._source = source
        self._intake = intake
        self._clock = clock
        self._recorder = Recorder(settings, source)
        self._window = settings.window
        self._acknowledgements = Acknowledgements()
        self._answering: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    async def run(self, ready: Callable[[], None]) -> None:
        await self._queue.consume(self._window, self._receive)
        ready()
        while True:
            self._intake.lag(self._source, await self._queue.depth())
            await asyncio.sleep(DEPTH_S)

    async def end(self) -> None:
        """What was accepted since the last answer is acknowledged, so that as little as possible comes twice."""
        await self.hand_overs.end()
        if self._answering is not None:
            self._answering.cancel()
        self._acknowledge()
        for tag in self._acknowledgements.scattered():
            self._queue.acknowledge(tag, with_earlier=False)

    def _receive(self, message: Message) -> None:
        self.hand_overs.hand_over(message.tag, lambda: self._recorder.record(message, int(self._clock.time() * 1000)))

    def _answered(self, tag: int) -> None:
        self._acknowledgements.done(tag)
        if self._answering is None:
            self._answering = self._loop.call_later(ACKNOWLEDGE_S, self._acknowledge)

    def _acknowledge(self) -> None:
        self._answering = None
        if tag := self._acknowledgements.due():
            self._queue.acknowledge(tag, with_earlier=True)
