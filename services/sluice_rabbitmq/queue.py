"""The port to a RabbitMQ queue: what the trigger needs of it. `queue_pika` is the real one; the conformance suite has a fake."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol


class Message(NamedTuple):
    """One delivery. `tag` names it on the connection that it came over; `time_s` is the sender's, 0 where it gave none; `redeliveries`
    counts how often it was given out before (a classic queue only tells whether: then 1)."""

    tag: int
    body: bytes
    exchange: str
    routing_key: str
    message_id: str = ""
    time_s: int = 0
    redeliveries: int = 0
    content_type: str = ""
    headers: Mapping[str, Any] = {}


Receive = Callable[[Message], None]


class Queue(Protocol):
    """One consumer of one queue. Every coroutine may raise SourceLost (comes back later) or SourceRefused (change a setting)."""

    async def open(self) -> None:
        """Reach a server, log in, and see that the queue is there; declare and bind it if that is asked for."""
        ...

    async def consume(self, prefetch: int, receive: Receive) -> None:
        """Be given messages in the queue's order, at most `prefetch` without acknowledgement. Once for each `open`: a consumer that is
        cancelled gives back what is on its way, and that comes again out of order."""
        ...

    def acknowledge(self, tag: int, *, with_earlier: bool) -> None:
        """The queue may forget this message, or also all that came before it on this connection."""
        ...

    async def depth(self) -> int:
        """How many messages wait in the queue."""
        ...

    async def watch(self) -> None:
        """Never returns: raises when the connection or the consumer is lost."""
        ...

    async def close(self) -> None:
        """In bounded time, whatever the server does. What is not acknowledged is given out again, by the queue's own rules."""
        ...
