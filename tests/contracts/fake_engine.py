"""An engine in this process: an instance is a server whose behaviour a test gives. Keeps the promises of `sluice.engine.Engine`."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from sluice.engine import EndCause, Ended, Isolation, Start, StartFailed, Watcher

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class FakeInstance:
    def __init__(self, name: str, server: asyncio.Server, order: Start) -> None:
        self.name = name
        self.order = order
        self.server = server
        self.port: int = server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.requests: list[tuple[str, bytes, bytes]] = []
        """Request line, head and body of each."""
        self.at_once = 0
        self.most_at_once = 0
        self.handlers: set[asyncio.Task[None]] = set()
        self.unread: list[bytes] = []

    async def connect(self) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        return connection

    def memory_mb(self) -> float:
        return 12.5

    def drain(self) -> None:
        self.unread.clear()


Answer = Callable[[FakeInstance, str, bytes], Awaitable[bytes]]
"""The bytes of the answer to a request (its line and its body); empty closes the connection."""


async def always_ok(instance: FakeInstance, line: str, body: bytes) -> bytes:
    return OK


class FakeEngine:
    def __init__(self, answer: Answer = always_ok) -> None:
        self.answer = answer
        self.orders: list[Start] = []
        self.instances: dict[str, FakeInstance] = {}
        self.seen: list[FakeInstance] = []
        self.fail_starts = 0
        self.last_words = b""
        """What an instance prints before its start fails."""
        self.stopped: list[str] = []
        self._watcher: Watcher

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for name in list(self.instances):
            await self.stop(name)

    def watch(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def start(self, order: Start) -> FakeInstance:
        self.orders.append(order)
        await asyncio.sleep(0)
        if self.fail_starts:
            self.fail_starts -= 1
            if self.last_words:
                self._watcher.printed(order.name, "stderr", self.last_words)
            raise StartFailed("told to fail")
        holder: list[FakeInstance] = []
        server = await asyncio.start_server(lambda reader, writer: self._serve(holder[0], reader, writer), "127.0.0.1", 0)
        instance = FakeInstance(order.name, server, order)
        holder.append(instance)
        self.instances[order.name] = instance
        self.seen.append(instance)
        return instance

    async def stop(self, name: str, *, grace_s: float = 0.0) -> None:
        self.stopped.append(name)
        await self.end(name, EndCause.STOPPED)

    async def list(self) -> list[str]:
        return list(self.instances)

    def describe(self) -> Isolation:
        return Isolation("fake", "none")

    async def end(self, name: str, cause: EndCause = EndCause.EXITED, message: str = "exit code 1") -> None:
        """The instance ends, as if by itself."""
        instance = self.instances.pop(name, None)
        if instance is None:
            return
        instance.server.close()
        for handler in instance.handlers:
            handler.cancel()
        await asyncio.gather(*instance.handlers, return_exceptions=True)
        self._watcher.ended(Ended(name, cause, message))

    def prints(self, name: str, text: str, stream: str = "stdout") -> None:
        self._watcher.printed(name, stream, text.encode())

    async def _serve(self, instance: FakeInstance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            instance.handlers.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._one(instance, reader, writer):
                    pass
        finally:
            if task is not None:
                instance.handlers.discard(task)
            writer.transport.abort()

    async def _one(self, instance: FakeInstance, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        line = head.split(b"\r\n")[0].decode()
        instance.requests.append((line, head, body))
        instance.at_once += 1
        instance.most_at_once = max(instance.most_at_once, instance.at_once)
        try:
            answer = await self.answer(instance, line, body)
        finally:
            instance.at_once -= 1
        writer.write(answer)
        await writer.drain()
        return bool(answer)
