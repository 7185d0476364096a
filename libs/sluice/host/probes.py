"""`/livez`, `/readyz` and `/metrics` of a service of the mesh, on a port of its own."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable

from sluice.errors import ConfigurationError
from sluice.wire.address import is_local

HEAD_BYTES = 8 * 1024
READ_WITHIN_S = 5.0

Ready = Callable[[], str]
"""Answers "" when the service can do its work, else what it waits for."""
Admits = Callable[[str], bool]
"""Whether a request with this Authorization may read metrics."""

_TOKEN_WANTED = "metrics want Authorization: Bearer and the metrics_token; without one they are shown on loopback only\n"


def admits(address: str, token: str) -> Admits:
    """Metrics name triggers of all projects: beyond this machine nobody reads them without the token, and with a token nobody anywhere."""
    if not token:
        return lambda _: is_local(address)
    wanted = f"Bearer {token}".encode()
    return lambda authorization: hmac.compare_digest(authorization.encode("latin-1"), wanted)


class Probes:
    """A tiny HTTP server for machines that ask; anything else is answered 404."""

    def __init__(self, ready: Ready, metrics: Callable[[], Awaitable[str]], may_read: Admits) -> None:
        self._ready = ready
        self._metrics = metrics
        self._may_read = may_read

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
            writer.write(await self.response(head.split(b" ", 2)[1].decode("latin-1"), _authorization(head)))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError, ConnectionError):
            pass  # whoever asked has gone, or did not speak HTTP
        finally:
            writer.close()

    async def response(self, path: str, authorization: str) -> bytes:
        """The whole answer to GET `path`."""
        status, kind, text = await self.page(path, authorization)
        body = text.encode()
        return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
            status.encode(),
            kind.encode(),
            len(body),
            body,
        )

    async def page(self, path: str, authorization: str) -> tuple[str, str, str]:
        """Status line, content type and text of a probe's page."""
        match path:
            case "/livez":
                return "200 OK", "text/plain", "ok\n"
            case "/readyz":
                reason = self._ready()
                return ("503 Service Unavailable", "text/plain", reason + "\n") if reason else ("200 OK", "text/plain", "ok\n")
            case "/metrics" if not self._may_read(authorization):
                return "401 Unauthorized", "text/plain", _TOKEN_WANTED
            case "/metrics":
                return "200 OK", "text/plain; version=0.0.4", await self._metrics()
        return "404 Not Found", "text/plain", "not found\n"


def _authorization(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"authorization":
            return value.strip().decode("latin-1")
    return ""
