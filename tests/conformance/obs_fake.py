"""A queue in memory, behind the same port as the real one: what was given out stays hidden until it is forgotten or given back."""

import asyncio
from collections.abc import Sequence

from sluice.errors import SourceLost
from sluice_obs.queue import Message


class FakeServer:
    """One queue. `hidden` says what was given out, and by how many receives it came so far."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, int]] = []
        self.hidden: dict[str, tuple[str, int]] = {}
        self.forgotten = 0
        self.kept: list[str] = []
        self.connected = True
        self.changed = asyncio.Event()
        self._receipts = 0

    def send(self, body: str) -> None:
        self.waiting.append((body, 0))
        self.changed.set()

    def give(self) -> Message:
        body, receives = self.waiting.pop(0)
        self._receipts += 1
        receipt = f"receipt-{self._receipts}"
        self.hidden[receipt] = (body, receives + 1)
        return Message(receipt, body, receives + 1)

    def show_again(self, receipt: str) -> None:
        """Its time is up, or it was given back."""
        self.waiting.append(self.hidden.pop(receipt))
        self.changed.set()

    def check(self) -> None:
        if not self.connected:
            raise SourceLost("the server went away", 0.01)


class FakeQueue:
    """What one reader sees of it."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def open(self) -> None:
        self._server.check()

    async def receive(self, most: int) -> Sequence[Message]:
        while True:
            self._server.check()
            if self._server.waiting:
                return [self._server.give() for _ in range(min(most, len(self._server.waiting)))]
            self._server.changed.clear()
            await self._server.changed.wait()

    async def forget(self, receipts: Sequence[str]) -> None:
        self._server.check()
        for receipt in receipts:
            del self._server.hidden[receipt]
            self._server.forgotten += 1

    async def keep(self, receipts: Sequence[str]) -> None:
        self._server.check()
        self._server.kept.extend(receipts)

    async def give_back(self, receipts: Sequence[str]) -> None:
        self._server.check()
        for receipt in receipts:
            self._server.show_again(receipt)

    async def depth(self) -> int:
        return len(self._server.waiting)

    async def close(self) -> None: ...
