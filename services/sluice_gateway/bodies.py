"""Reading request bodies without ever holding more than was agreed."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from sluice_gateway.refusal import overloaded, too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Lines = Sequence[tuple[bytes, bytes]]


class ClientGone(Exception):
    """The sender closed the connection before its request was whole; nobody is left to be answered."""


class Held:
    """What all bodies together occupy (bytes)."""

    __slots__ = ("most", "now")

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = 0


class Body:
    """One request's body. Whoever made it calls `release` when the request is over."""

    __slots__ = ("_held", "_receive", "_size", "unread")

    def __init__(self, receive: Receive, held: Held) -> None:
        self._receive = receive
        self._held = held
        self._size = 0
        self.unread = True
        """Whether the sender may still be sending."""

    def release(self) -> None:
        """What it occupied is given back."""
        self._held.now -= self._size
        self._size = 0

    async def read(self, limit: int, declared: str | None) -> bytes:
        """All of it. `declared` is Content-Length. Raises Refusal (413, before anything is read if the length is declared; 429 when too
        much is held) or ClientGone."""
        if declared is not None and int(declared) > limit:
            raise too_large(limit)
        chunk, more = await self._chunk(limit)
        if not more:
            return chunk
        chunks = [chunk]
        while more:
            chunk, more = await self._chunk(limit)
            chunks.append(chunk)
        return b"".join(chunks)

    async def _chunk(self, limit: int) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        self.unread = message.get("more_body", False)
        size = len(chunk)
        if self._size + size > limit:
            raise too_large(limit)
        if self._held.now + size > self._held.most:
            raise overloaded(message="Too many request bodies are being held, please retry later")
        self._held.now += size
        self._size += size
        return chunk, self.unread

    def replayed(self, content: bytes) -> Receive:
        """For the app behind: the body that was read, and after it whatever comes, which is the news that the client has gone."""
        messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Message:
            return messages.pop() if messages else await self._receive()

        return receive

    async def drain(self, most: int) -> None:
        """Read and throw away at most this much, so that the sender comes to read its answer."""
        while self.unread and most > 0:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            self.unread = message.get("more_body", False)
            most -= len(message.get("body", b""))


def declared_length(lines: Lines) -> str | None:
    """Content-Length; the server below has refused one that is not a number."""
    for name, value in lines:
        if name == b"content-length":
            return value.decode("latin-1")
    return None


def may_have_body(lines: Lines) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in lines)
