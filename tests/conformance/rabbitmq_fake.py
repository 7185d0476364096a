"""A RabbitMQ queue in memory, behind the same port as the real one: one queue, one consumer at a time."""

import asyncio
from collections import deque

from sluice.errors import SourceLost
from sluice_rabbitmq.queue import Message, Receive


class FakeServer:
    """What waits in the queue; what was given out and not acknowledged comes back when its consumer goes."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[bytes, int]] = deque()
        self.acknowledged = 0
        self.connected = True
        self.changed = asyncio.Event()

    def publish(self, body: bytes) -> None:
        self.waiting.append((body, 0))
        self.changed.set()


class FakeQueue:
    """One connection."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._begin()

    def _begin(self) -> None:
        self._given: dict[int, tuple[bytes, int]] = {}
        self._tag = 0
        self._prefetch = 0
        self._receive: Receive | None = None

    async def open(self) -> None:
        self._check()
        self._begin()

    async def consume(self, prefetch: int, receive: Receive) -> None:
        self._prefetch, self._receive = prefetch, receive
        self._server.changed.set()

    def acknowledge(self, tag: int, *, with_earlier: bool) -> None:
        for given in [given for given in self._given if given == tag or (with_earlier and given < tag)]:
            del self._given[given]
            self._server.acknowledged += 1
        self._server.changed.set()

    async def depth(self) -> int:
        return len(self._server.waiting)

    async def watch(self) -> None:
        while True:
            self._check()
            self._give()
            self._server.changed.clear()
            await self._server.changed.wait()

    async def close(self) -> None:
        for body, times in reversed(self._given.values()):
            self._server.waiting.appendleft((body, times + 1))
        self._begin()

    def _give(self) -> None:
        while self._receive is not None and self._server.waiting and len(self._given) < self._prefetch:
            body, times = self._server.waiting.popleft()
            self._tag += 1
            self._given[self._tag] = (body, times)
            self._receive(Message(self._tag, body, "jobs", "k", redeliveries=times))

    def _check(self) -> None:
        if not self._server.connected:
            raise SourceLost("the server went away", 0.01)
