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
LAST_S = 0.5
"""An answer that is on its way when the run ends is waited for so long: what is in it would be hidden from everybody."""
RELEASE_S = 3.0
"""What is not given back within this at the end comes again when its time is over."""
ROUNDS = 100
"""No more rounds of requests are made to prolong, or give back, everything that is here."""
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
        self._receiving: asyncio.Future[list[Message]] | None = None
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
                await self._last_answer()
                await self._hide(self._holds.all(), 0)

    async def _read(self) -> None:
        while True:
            most = await self._window.room()
            self.asks.set()
            self._receiving = asyncio.ensure_future(self._broker.receive(self._place, most, self._invisible_s))
            messages = await asyncio.shield(self._receiving)
            self._receiving = None
            self._window.take([len(message.body) for message in messages])
            for message in messages:
                self._take(message)

    def _take(self, message: Message) -> None:
        tag, now_ms = self._hold(message), int(self._clock.time() * 1000)
        self._hand_overs.hand_over(tag, lambda: self._recorder.record(message, tag, now_ms))

    def _hold(self, message: Message) -> int:
        tag = next(self._tags)
        self._holds.add(Hold(tag, Receipt(message.id, message.handle), len(message.body)), self._loop.time())
        return tag

    async def _last_answer(self) -> None:
        """What comes with it is held, to be given back; if nothing comes, nothing was on its way."""
        if self._receiving is not None:
            with suppress(TimeoutError):
                for message in await asyncio.wait_for(self._receiving, LAST_S):
                    self._hold(message)

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
        # What comes while this waits is due after half of its time, and is seen after a quarter.
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
        """In their order, because that is how the server gives them out again; of many some at a time, so that it ends."""
        width = min(MOST_AT_ONCE, 1 + len(holds) // ROUNDS)
        for start in range(0, len(holds), width):
            some = (self._hide_one(hold, for_s) for hold in holds[start : start + width])
            for answer in await asyncio.gather(*some, return_exceptions=True):
                if isinstance(answer, BaseException):
                    raise answer

    async def _hide_one(self, hold: Hold, for_s: float) -> None:
        if hold.receipt is not None:
            hold.receipt = await self._broker.hide(self._place, hold.receipt, for_s)
