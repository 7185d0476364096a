"""The port to an MQTT server: what the trigger needs of it. `broker_tcp` is the real one; the conformance suite has a fake."""

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Message(NamedTuple):
    """One delivery. `tag` names it on the connection that it came over; `duplicate` says that the server gave it out before. What only
    MQTT 5 has is empty with 3.1.1."""

    tag: int
    topic: str
    payload: bytes
    qos: int = 1
    retained: bool = False
    duplicate: bool = False
    content_type: str = ""
    response_topic: str = ""
    correlation: bytes = b""
    user: tuple[tuple[str, str], ...] = ()


Receive = Callable[[Message], None]


class Broker(Protocol):
    """One session at a server. Every coroutine may raise SourceLost (comes back later) or SourceRefused (change a setting)."""

    async def open(self) -> None:
        """Reach a server, log in, and take up the session where it was."""
        ...

    async def subscribe(self, receive: Receive) -> None:
        """Be given messages in the server's order, what waited in the session first. Once for each `open`. While as many or as large
        messages are open as the settings allow, no more are taken from the connection."""
        ...

    def done(self, tag: int) -> None:
        """The message has its outcome: the server may forget it, and there is room for another one."""
        ...

    async def watch(self) -> None:
        """Never returns: raises when the connection is lost."""
        ...

    async def close(self) -> None:
        """In bounded time, whatever the server does. The session stays, and what has no outcome comes again."""
        ...
