"""The RabbitMQ trigger: hands over what the queue gives, and acknowledges what was accepted."""

import asyncio
from collections.abc import Callable
from functools import partial

from sluice.clock import Clock, SystemClock
from sluice.errors import foremost
from sluice.event import Record
from sluice.outcome import Outcome, Verdict
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
                    await reading.run(ready)
            finally:
                await reading.end()
                reading.acknowledge_all()
        except BaseExceptionGroup as group:
            raise foremost(group) from None
        finally:
            await self._queue.close()


class _Reading:
    """One connection's worth of messages. Each is ours until it is answered for good, so that it keeps its place and is not given out in
    a circle; what waits for its answer is a future, not a task."""

    def __init__(self, settings: RabbitSettings, queue: Queue, source: str, intake: Intake, clock: Clock) -> None:
        self._queue = queue
        self._source = source
        self._intake = intake
        self._clock = clock
        self._recorder = Recorder(settings, source)
        self._window = settings.window
        self._acknowledgements = Acknowledgements()
        self._answering: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._open: set[asyncio.Future[Outcome]] = set()
        self._ended = False
        self._failed: asyncio.Future[None] = self._loop.create_future()

    async def run(self, ready: Callable[[], None]) -> None:
        await self._queue.consume(self._window, self._receive)
        ready()
        while not self._failed.done():
            self._intake.lag(self._source, await self._queue.depth())
            await asyncio.wait((self._failed,), timeout=DEPTH_S)
        self._failed.result()

    async def end(self) -> None:
        """Nothing more is handed over; what was not answered is nobody's."""
        self._ended = True
        self._failed.cancel()
        for answer in self._open:
            answer.cancel()
        if self._open:
            await asyncio.wait(set(self._open))

    def acknowledge_all(self) -> None:
        """What was accepted since the last answer, so that as little as possible comes twice."""
        if self._answering is not None:
            self._answering.cancel()
        self._acknowledge()
        for tag in self._acknowledgements.scattered():
            self._queue.acknowledge(tag, with_earlier=False)

    def _receive(self, message: Message) -> None:
        try:
            record = self._recorder.record(message, int(self._clock.time() * 1000))
        except Exception as error:
            self._fail(error)
        else:
            self._hand_over(message.tag, record)

    def _hand_over(self, tag: int, record: Record) -> None:
        if self._ended:
            return
        try:
            answer = asyncio.ensure_future(self._intake.deliver(record))
        except Exception as error:
            self._fail(error)
            return
        self._open.add(answer)
        answer.add_done_callback(partial(self._answered, tag, record))

    def _answered(self, tag: int, record: Record, answer: "asyncio.Future[Outcome]") -> None:
        self._open.discard(answer)
        if answer.cancelled():
            return
        if (error := answer.exception()) is not None:
            self._fail(error)
            return
        outcome = answer.result()
        if outcome.verdict is Verdict.RETRY:
            self._loop.call_later(outcome.retry_after_s, self._hand_over, tag, record)
            return
        self._acknowledgements.done(tag)
        if self._answering is None and not self._ended:
            self._answering = self._loop.call_later(ACKNOWLEDGE_S, self._acknowledge)

    def _fail(self, error: BaseException) -> None:
        """A bug somewhere, or a mesh that is gone: it ends the run, which the host starts again."""
        if not self._failed.done():
            self._failed.set_exception(error)

    def _acknowledge(self) -> None:
        self._answering = None
        if tag := self._acknowledgements.due():
            self._queue.acknowledge(tag, with_earlier=True)
