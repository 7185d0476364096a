"""An MQTT session in memory, behind the same port as the real one: one subscription, one connection at a time."""

import asyncio
from collections import deque

from sluice.errors import SourceLost
from sluice_mqtt.broker import Message, Receive


class FakeServer:
    """What waits in the session; what was given out and is not done comes back when its connection goes."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[bytes, bool]] = deque()
        self.done = 0
        self.connected = True
        self.changed = asyncio.Event()

    def publish(self, payload: bytes) -> None:
        self.waiting.append((payload, False))
        self.changed.set()


class FakeBroker:
    """One connection."""

    def __init__(self, server: FakeServer, most: int) -> None:
        self._server = server
        self._most = most
        self._given: dict[int, bytes] = {}
        self._tag = 0
        self._receive: Receive | None = None

    async def open(self) -> None:
        self._check()

    async def subscribe(self, receive: Receive) -> None:
        self._receive = receive
        self._server.changed.set()

    def done(self, tag: int) -> None:
        del self._given[tag]
        self._server.done += 1
        self._server.changed.set()

    async def watch(self) -> None:
        while True:
            self._check()
            self._give()
            self._server.changed.clear()
            await self._server.changed.wait()

    async def close(self) -> None:
        self._server.waiting.extendleft((payload, True) for payload in reversed(self._given.values()))
        self._given, self._receive = {}, None

    def _give(self) -> None:
        while self._receive is not None and self._server.waiting and len(self._given) < self._most:
            payload, again = self._server.waiting.popleft()
            self._tag += 1
            self._given[self._tag] = payload
            self._receive(Message(self._tag, "jobs/1", payload, duplicate=again))

    def _check(self) -> None:
        if not self._server.connected:
            raise SourceLost("the server went away", 0.01)
