"""`/livez`, `/readyz` and `/metrics` of a service of the mesh, on a port of its own."""

import asyncio
from collections.abc import Callable

from sluice.errors import ConfigurationError

HEAD_BYTES = 8 * 1024
READ_WITHIN_S = 5.0

Ready = Callable[[], str]
"""Answers "" when the service can do its work, else what it waits for."""


class Probes:
    """A tiny HTTP server for machines that ask; anything else is answered 404."""

    def __init__(self, ready: Ready, metrics: Callable[[], str]) -> None:
        self._ready = ready
        self._metrics = metrics

    async def serve(self, address: str) -> asyncio.Server:
        """Listen on HOST:PORT until the returned server is closed."""
        host, _, port = address.rpartition(":")
        try:
            return await asyncio.start_server(self._answer, host, int(port), limit=HEAD_BYTES)
        except OSError as error:
            raise ConfigurationError(f"cannot listen on {address}: {error.strerror}") from None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(self.response(head.split(b" ", 2)[1].decode("latin-1")))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError, ConnectionError):
            pass  # whoever asked has gone, or did not speak HTTP
        finally:
            writer.close()

    def response(self, path: str) -> bytes:
        """The whole answer to GET `path`."""
        status, kind, text = self.page(path)
        body = text.encode()
        return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
            status.encode(),
            kind.encode(),
            len(body),
            body,
        )

    def page(self, path: str) -> tuple[str, str, str]:
        """Status line, content type and text of a probe's page."""
        match path:
            case "/livez":
                return "200 OK", "text/plain", "ok\n"
            case "/readyz":
                reason = self._ready()
                return ("503 Service Unavailable", "text/plain", reason + "\n") if reason else ("200 OK", "text/plain", "ok\n")
            case "/metrics":
                return "200 OK", "text/plain; version=0.0.4", self._metrics()
        return "404 Not Found", "text/plain", "not found\n"
