"""One HTTP/1.1 request to control and its answer as it comes: httptools on asyncio's streams, a connection each.

The API is no hot path, and a client library with pools would be an eighth of the gateway's memory.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import httptools

from sluice.errors import Unavailable

CONNECT_WITHIN_S = 2.0
READ_BYTES = 64 * 1024

Headers = Iterable[tuple[bytes, bytes]]


class AnswerCut(Exception):
    """The connection ended inside an answer, or what came is not HTTP."""


class Answer:
    """`status` and `headers` are there when it is handed out; the body is read with `chunks`."""

    def __init__(self, reader: asyncio.StreamReader, bodiless: bool) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._reader = reader
        self._parser = httptools.HttpResponseParser(self)
        self._bodiless = bodiless
        self._begun = False
        self._ended = False
        self._parts: list[bytes] = []

    async def begin(self) -> None:
        """Until the head has come. Raises Unavailable if nothing comes any more."""
        try:
            while not self._begun:
                await self._more()
        except (AnswerCut, OSError):
            raise Unavailable("control ended before it answered; whether it did what was asked is not known") from None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes. Raises AnswerCut if it ends too early."""
        while True:
            parts, self._parts = self._parts, []
            for part in parts:
                yield part
            if self._ended:
                return
            await self._more()

    async def _more(self) -> None:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise AnswerCut("the connection was closed inside an answer")
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise AnswerCut(f"this is not HTTP: {error}") from None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._begun = True
        self._ended = self._bodiless

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        self._ended = True


@asynccontextmanager
async def asked(address: str, method: bytes, target: bytes, headers: Headers, content: bytes) -> AsyncIterator[Answer]:
    """Send a request to HOST:PORT; its answer, whose body may still be coming. Leaving closes the connection.

    Raises Unavailable if nobody listens or nothing is answered.
    """
    reader, writer = await _connected(address)
    try:
        lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % header for header in headers)]
        lines += [b"content-length: %d" % len(content), b"connection: close", b"", content]
        writer.write(b"\r\n".join(lines))
        answer = Answer(reader, method == b"HEAD")
        await answer.begin()
        yield answer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            return await asyncio.open_connection(host.strip("[]"), int(port))
    except OSError as error:  # a timeout is one too
        raise Unavailable(f"control is not reachable: {error.strerror or 'no answer'}") from None
