"""The port to RocketMQ: what the trigger needs of it. `broker_grpc` is the real one; the conformance suite has a fake."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Place(NamedTuple):
    """One topic at one broker, which is asked by itself."""

    topic: str
    broker: str
    endpoint: str
    """Where its proxy is: `host:port`."""


class Message(NamedTuple):
    """One delivery. `handle` is what it is acknowledged with, for as long as it is ours; `attempt` counts deliveries from 1."""

    id: str
    handle: str
    body: bytes
    topic: str
    born_ms: int = 0
    tag: str = ""
    keys: tuple[str, ...] = ()
    group: str = ""
    """Message group: of the messages of one the order counts. "" for none."""
    attempt: int = 1
    properties: Mapping[str, str] = {}
    trace: str = ""


class Receipt(NamedTuple):
    """What a message that was received is called in answers."""

    id: str
    handle: str


class Broker(Protocol):
    """One member of one consumer group. Every coroutine may raise SourceLost (comes back later) or SourceRefused (change a setting)."""

    async def open(self) -> list[Place]:
        """Reach a proxy, join the group, and learn where the topics are."""
        ...

    async def receive(self, place: Place, most: int, invisible_s: float) -> list[Message]:
        """Up to `most` messages, which nobody else gets for so long; none if none came for some seconds."""
        ...

    async def acknowledge(self, place: Place, receipts: Sequence[Receipt]) -> int:
        """The group is done with these. How many of them were no longer ours: they are given out again."""
        ...

    async def hide(self, place: Place, receipt: Receipt, for_s: float) -> Receipt | None:
        """Nobody gets it for so long from now; 0 gives it back at once. What it is called from now on; None if it is no longer ours."""
        ...

    async def beat(self) -> None:
        """Tell the server that we are there. When it returns, the server has seen what was asked before."""
        ...

    async def watch(self) -> None:
        """Never returns: raises when a connection is lost, or topics have moved."""
        ...

    async def close(self) -> None:
        """Leave the group, in bounded time, whatever the server does."""
        ...
