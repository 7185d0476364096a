"""Reads one topic at one broker: hands over what comes, answers for it, and keeps what waits from coming again meanwhile."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

import structlog

from sluice.clock import Clock
from sluice.errors import ConfigurationError, Unavailable
from sluice.hand_overs import HandOvers
from sluice.trigger import Intake
from sluice_rocketmq.broker import Broker, Message, Place, Receipt
from sluice_rocketmq.holds import Hold, Holds
from sluice_rocketmq.record import Recorder
from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.window import MOST_AT_ONCE, Window

WINDOW_BYTES = 16 * 1024 * 1024
GATHER_S = 0.005
"""Answers wait so long for each other."""
RELEASE_S = 3.0
"""What is not given back within this at the end comes again when its time is over."""
log = structlog.get_logger("sluice.rocketmq")


class Reading:
    """From the start of a run to its end."""

    def __init__(self, place: Place, broker: Broker, settings: RocketSettings, intake: Intake, clock: Clock) -> None:
        self._place = place
        self._broker = broker
        self._clock = clock
        self._invisible_s = settings.invisible_s
        self._recorder = Recorder(settings)
        self._hand_overs = HandOvers(intake, self._answered)
        self._window = Window(settings.window, WINDOW_BYTES)
        self._holds = Holds(settings.invisible_s / 2)
        self._tags = count(1)
        self._loop = asyncio.get_running_loop()
        self._something_is_done = asyncio.Event()
        self.asks = asyncio.Event()
        """Set once it has begun to ask for messages."""

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._hand_overs.watch())
            tasks.create_task(self._answer())
            tasks.create_task(self._read())

    async def end(self) -> None:
        """What was accepted is acknowledged, so that as little as possible comes twice; the rest is given back."""
        await self._hand_overs.end()
        with suppress(Unavailable, ConfigurationError, TimeoutError):
            async with asyncio.timeout(RELEASE_S):
                await self._acknowledge()
                await self._hide(self._holds.all(), 0)

    async def _read(self) -> None:
        while True:
            most = await self._window.room()
            self.asks.set()
            messages = await self._broker.receive(self._place, most, self._invisible_s)
            self._window.take([len(message.body) for message in messages])
            for message in messages:
                self._take(message)

    def _take(self, message: Message) -> None:
        tag, now_ms = next(self._tags), int(self._clock.time() * 1000)
        self._holds.add(Hold(tag, Receipt(message.id, message.handle), len(message.body)), self._loop.time())
        self._hand_overs.hand_over(tag, lambda: self._recorder.record(message, tag, now_ms))

    def _answered(self, tag: int) -> None:
        self._window.give(self._holds.done(tag).size)
        self._something_is_done.set()

    async def _answer(self) -> None:
        """One after the other, because a message that is being prolonged has no name to acknowledge it by."""
        while True:
            await self._until_due()
            await self._acknowledge()
            await self._hide(self._holds.due(self._loop.time()), self._invisible_s)

    async def _until_due(self) -> None:
        # Something that comes sooner than what is due now is looked at after half its time.
        until = min(self._holds.next_due(), self._loop.time() + self._invisible_s / 4)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._something_is_done.wait()
                await asyncio.sleep(GATHER_S)

    async def _acknowledge(self) -> None:
        self._something_is_done.clear()
        while receipts := self._holds.answers():
            if late := await self._broker.acknowledge(self._place, receipts):
                log.info("acknowledged_too_late", topic=self._place.topic, count=late)

    async def _hide(self, holds: Sequence[Hold], for_s: float) -> None:
        for start in range(0, len(holds), MOST_AT_ONCE):
            some = [hold for hold in holds[start : start + MOST_AT_ONCE] if hold.receipt is not None]
            answers = await asyncio.gather(*(self._hide_one(hold, for_s) for hold in some), return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def _hide_one(self, hold: Hold, for_s: float) -> None:
        if hold.receipt is not None:
            hold.receipt = await self._broker.hide(self._place, hold.receipt, for_s)
