"""The OBS trigger of a queue: hands over what its messages tell, and has them forgotten when all of it was accepted."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from sluice.clock import Clock, SystemClock
from sluice.errors import SluiceError, foremost
from sluice.event import Record
from sluice.hand_overs import HandOvers
from sluice.trigger import Intake
from sluice_obs.bucket import Bucket
from sluice_obs.held import Held
from sluice_obs.notification import NotANotification
from sluice_obs.queue import Message, Queue
from sluice_obs.record import Recorder
from sluice_obs.settings import BATCH, ObsSettings

GATHER_S = 0.02
"""Messages that are done with wait so long for each other."""
DEPTH_S = 5.0
"""How often the queue's length is asked for."""
CLOSE_S = 2.0
KEPT_TIMES = 3
"""A message is kept hidden so often within its time: two requests may fail."""
MOST_RECEIVES = 5
"""A message that is no notification is thrown away when it was given out so often, unless the queue's own rules moved it before."""

log = structlog.get_logger("sluice.obs")


class PulledTrigger:
    """One trigger. `run` may be called again after it ended."""

    def __init__(
        self, settings: ObsSettings, queue: Queue, recorder: Recorder, bucket: Bucket | None = None, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._recorder = recorder
        self._bucket = bucket
        self._clock = clock or SystemClock()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        """See sluice.trigger. Raises SourceLost while the queue does not answer, SourceRefused for keys, a queue or a bucket that is not
        right."""
        try:
            await self._queue.open()
            if self._bucket is not None:
                await self._bucket.install()
            reading = _Reading(self._settings, self._queue, self._recorder, intake, self._clock)
            try:
                await reading.run(ready)
            finally:
                await reading.end()
        except BaseExceptionGroup as group:
            raise foremost(group) from None
        finally:
            await self._queue.close()


class _Reading:
    """One run's worth of messages."""

    def __init__(self, settings: ObsSettings, queue: Queue, recorder: Recorder, intake: Intake, clock: Clock) -> None:
        self._settings = settings
        self._queue = queue
        self._recorder = recorder
        self._intake = intake
        self._clock = clock
        self._hand_overs = HandOvers(intake, self._answered)
        self._held = Held()
        self._some_done = asyncio.Event()
        self._has_room = asyncio.Event()

    async def run(self, ready: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hand_overs.watch())
            tasks.create_task(self._keep())
            tasks.create_task(self._forget())
            tasks.create_task(self._measure())
            ready()
            await self._read()

    async def end(self) -> None:
        """What was accepted is forgotten and the rest given back, so that as little as possible comes twice, or late. A queue that does not
        let us does so by itself, later."""
        await self._hand_overs.end()
        with suppress(TimeoutError, SluiceError):
            async with asyncio.timeout(CLOSE_S):
                await self._forget_due()
                for receipts in self._held.still_open():
                    await self._queue.give_back(receipts)

    async def _read(self) -> None:
        while True:
            while (room := self._settings.window - self._held.records) <= 0:
                self._has_room.clear()
                await self._has_room.wait()
            for message in await self._queue.receive(min(BATCH, room)):
                self._take(message)

    def _take(self, message: Message) -> None:
        try:
            records = self._recorder.records(message.body, int(self._clock.time() * 1000))
        except NotANotification as reason:
            self._strange(message, reason)
            return
        for tag, record in zip(self._held.take(message.receipt, len(records)), records, strict=True):
            self._hand_overs.hand_over(tag, partial(_itself, record))
        if not records:
            self._some_done.set()

    def _strange(self, message: Message, reason: NotANotification) -> None:
        """It is nobody's here. It stays at the queue for a while, which may have a place for such messages."""
        thrown_away = message.receives >= MOST_RECEIVES
        log.warning("not_a_notification", bucket=self._settings.bucket, reason=str(reason), thrown_away=thrown_away)
        if thrown_away:
            self._held.take(message.receipt, 0)
            self._some_done.set()

    def _answered(self, tag: int) -> None:
        self._has_room.set()
        if self._held.answered(tag):
            self._some_done.set()

    async def _forget(self) -> None:
        while True:
            await self._some_done.wait()
            if len(self._held.due()) <= 1:
                await asyncio.sleep(GATHER_S)
            self._some_done.clear()
            await self._forget_due()

    async def _forget_due(self) -> None:
        for receipts in self._held.due():
            await self._queue.forget(receipts)
            self._held.forgotten(receipts)
            self._has_room.set()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._settings.visibility_timeout / KEPT_TIMES)
            for receipts in self._held.still_open():
                await self._queue.keep(receipts)

    async def _measure(self) -> None:
        while True:
            self._intake.lag(self._settings.bucket, await self._queue.depth())
            await asyncio.sleep(DEPTH_S)


def _itself(record: Record) -> Record:
    return record
