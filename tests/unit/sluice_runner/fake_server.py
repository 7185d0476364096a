"""A server that answers with exactly the bytes it is told, in the pieces it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sluice_runner.connection import Connection, Ending, HeaderConnection

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = b"POST /invoke HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(len(REQUEST))


def saying(*pieces: bytes, close: bool = False) -> Script:
    """Answers every request with the pieces, one after another."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if close:
                return

    return script


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[int]:
    """The port of a server that runs the script on each connection and then closes it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Client:
    """One connection and what became of its requests."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def ask(self, *, bodiless: bool = False, within_s: float = 5.0) -> Ending:
        answer: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.connection.send(REQUEST, lambda _, ending: answer.set_result(ending), bodiless=bodiless)
        return await asyncio.wait_for(answer, within_s)


@asynccontextmanager
async def connected(script: Script, kind: type[Connection] = HeaderConnection) -> AsyncIterator[Client]:
    async with serving(script) as port:
        lost: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        _, connection = await asyncio.get_running_loop().create_connection(lambda: kind(lost.set_result), "127.0.0.1", port)
        try:
            yield Client(connection)
        finally:
            connection.abandon()
            await lost
