"""A RocketMQ topic in memory, behind the same port as the real one: what was given out is hidden for a time, and comes again after it."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sluice.errors import SourceLost
from sluice_rocketmq.broker import Message, Place, Receipt

PLACE = Place("jobs", "a", "127.0.0.1:8081")
POLL_S = 0.05


@dataclass
class _Stored:
    id: str
    body: bytes
    handle: str = ""
    visible_at: float = 0.0
    attempts: int = 0


@dataclass
class FakeServer:
    """What is in the topic and not acknowledged."""

    messages: list[_Stored] = field(default_factory=list)
    acknowledged: int = 0
    published: int = 0
    prolonged: int = 0
    connected: bool = True
    asked: int = 0
    """How often messages were asked for."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, what is given out stays on its way."""

    def __post_init__(self) -> None:
        self.answers.set()

    def publish(self, body: bytes) -> None:
        self.published += 1
        self.messages.append(_Stored(f"m-{self.published}", body))
        self.changed.set()

    def disconnect(self) -> None:
        self.connected = False
        self.changed.set()


class FakeBroker:
    """One member of the group."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def open(self) -> list[Place]:
        self._check()
        return [PLACE]

    async def receive(self, place: Place, most: int, invisible_s: float) -> list[Message]:
        self._check()
        self._server.asked += 1
        if not self._visible():
            self._server.changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._server.changed.wait(), POLL_S)
            self._check()
        given = [self._give(stored, invisible_s) for stored in self._visible()[:most]]
        await self._server.answers.wait()
        return given

    async def acknowledge(self, place: Place, receipts: Sequence[Receipt]) -> int:
        self._check()
        held = [stored for stored in map(self._held, receipts) if stored]
        for stored in held:
            self._server.messages.remove(stored)
        self._server.acknowledged += len(held)
        return len(receipts) - len(held)

    async def hide(self, place: Place, receipt: Receipt, for_s: float) -> Receipt | None:
        self._check()
        stored = self._held(receipt)
        if stored is None:
            return None
        self._server.prolonged += 1
        stored.handle, stored.visible_at = secrets.token_hex(4), _now() + for_s
        return Receipt(receipt.id, stored.handle)

    async def beat(self) -> None:
        self._check()

    async def watch(self) -> None:
        while True:
            self._check()
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """Nothing stays open."""

    def _visible(self) -> list[_Stored]:
        return [stored for stored in self._server.messages if stored.visible_at <= _now()]

    def _held(self, receipt: Receipt) -> _Stored | None:
        """A message is ours until its time is over, by its last name only."""
        found = (stored for stored in self._server.messages if stored.handle == receipt.handle and stored.visible_at > _now())
        return next(found, None)

    def _give(self, stored: _Stored, invisible_s: float) -> Message:
        stored.handle, stored.visible_at, stored.attempts = secrets.token_hex(4), _now() + invisible_s, stored.attempts + 1
        return Message(stored.id, stored.handle, stored.body, PLACE.topic, tag="t", attempt=stored.attempts)

    def _check(self) -> None:
        if not self._server.connected:
            raise SourceLost("the server went away", 0.01)


def _now() -> float:
    return asyncio.get_running_loop().time()
