"""One stream, seen from either end: a writer that gathers, a reader, and signs of life."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

import grpc.aio

from sluice.errors import SluiceError, Unavailable
from sluice.wire.pace import Pace

Said = TypeVar("Said")
Heard = TypeVar("Heard")
SaidOnly = TypeVar("SaidOnly", covariant=True)
HeardOnly = TypeVar("HeardOnly", contravariant=True)


class Talk(Protocol[SaidOnly, HeardOnly]):
    """What one end says and hears. All of it is called on the event loop, none of it waits."""

    def waiting(self) -> int:
        """How many events `compose` could send now; at least 1 if there is anything to say."""
        ...

    def compose(self) -> SaidOnly:
        """The next message; an empty one, which only shows life, when there is nothing to say."""
        ...

    def heard(self, message: HeardOnly) -> Awaitable[None] | None:
        """Take a message in. Reading goes on when what it returns is done; nothing: at once."""
        ...

    def beat(self) -> None:
        """A beat has passed: look after what gets old."""
        ...


class Silent(Unavailable):
    """The peer has not shown life for too long: stopped, stuck or cut off."""


class Pipe(Generic[Said, Heard]):
    """Runs one stream until it ends. A lone message leaves at once; what comes within `gather_s` of the last write is gathered."""

    def __init__(
        self,
        talk: Talk[Said, Heard],
        read: Callable[[], Awaitable[Any]],
        write: Callable[[Said], Awaitable[None]],
        pace: Pace,
        on_alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_alive = on_alive
        self._talk = talk
        self._read = read
        self._write = write
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._gathering = False
        self._due = False
        self._wrote = False
        self._heard = False
        self._held = False
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self.alive = False
        """Whether the peer has said anything yet."""

    def wake(self) -> None:
        """There is something to say."""
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (not self._gathering or self._talk.waiting() >= self._pace.events):
            waiter.set_result(None)

    def greet(self) -> None:
        """Say something at once, be it empty."""
        self._due = True
        self.wake()

    def stop(self, why: SluiceError) -> None:
        """End the stream: `run` raises `why`."""
        if not self._stopped.done():
            self._stopped.set_exception(why)
            self._stopped.exception()  # nobody needs to hear of it if the stream has ended already

    async def run(self) -> None:
        """Returns when the peer ends the stream. Raises Silent, AioRpcError, and whatever the talk raises."""
        tasks = [asyncio.ensure_future(work()) for work in (self._reading, self._writing, self._beating)]
        try:
            await asyncio.wait((*tasks, self._stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        if self._stopped.done():
            self._stopped.result()
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
                raise end

    async def _reading(self) -> None:
        heard = self._talk.heard
        while True:
            message = await self._read()
            if message is grpc.aio.EOF:
                return
            self._heard = True
            if not self.alive:
                self.alive = True
                self._on_alive()
            pause = heard(message)
            if pause is not None:
                self._held = True
                await pause
                self._held = False

    async def _writing(self) -> None:
        last = float("-inf")
        talk, pace, loop = self._talk, self._pace, self._loop
        while True:
            while not (ready := talk.waiting()) and not self._due:
                await self._sleep()
            pause = last + pace.gather_s - loop.time()
            if pause > 0 and ready < pace.events and not self._due:
                await self._gather(pause)
            self._due = False
            message = talk.compose()
            last = loop.time()
            self._wrote = True
            await self._write(message)

    async def _sleep(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    async def _gather(self, pause: float) -> None:
        waiter = self._waiter = self._loop.create_future()
        self._gathering = True
        timer = self._loop.call_later(pause, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._gathering = False

    async def _beating(self) -> None:
        missed = 0
        while True:
            await asyncio.sleep(self._pace.beat_s)
            # while we hold the reader back, silence is our own doing
            missed = 0 if self._heard or self._held else missed + 1
            if missed > self._pace.beats:
                raise Silent(f"no sign of life for {missed} beats of {self._pace.beat_s:g} s")
            self._heard = False
            self._talk.beat()
            if not self._wrote:
                self.greet()
            self._wrote = False


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
