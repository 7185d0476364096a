"""uvicorn's HTTP protocol, with bounds on what it takes from strangers: connections, header bytes, and time."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sluice_gateway.limits import Limits

_CLOSE = b"\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_PHRASES = {408: b"Request Timeout", 431: b"Request Header Fields Too Large", 503: b"Service Unavailable"}


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `limits` is set by the subclass that `bounded` makes, because uvicorn builds protocols itself."""

    limits: Limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_began: float | None = self.loop.time()
        self.body_began: float | None = None
        self.head_bytes = 0
        self.body_bytes = 0
        if len(self.connections) > self.limits.connections:
            self.refuse(503, b"FSS.0503", b"Service unavailable: too many connections.")

    def data_received(self, data: bytes) -> None:
        if self.head_began is not None:
            self.head_bytes += len(data)
        super().data_received(data)
        if self.head_began is not None and self.head_bytes > self.limits.header and not self.transport.is_closing():
            self.refuse(431, b"FSS.0400", b"The request headers are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.head_began is None:
            self.head_began = self.loop.time()

    def on_headers_complete(self) -> None:
        self.head_began = None
        self.head_bytes = 0
        self.body_bytes = 0
        super().on_headers_complete()
        self.body_began = self.loop.time()

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.body_began = None
        super().on_message_complete()

    def overdue(self, now: float) -> bool:
        """Whether what is being received takes longer than it may."""
        if self.head_began is not None and (self.head_bytes or self.cycle is None):
            return now - self.head_began > self.limits.header_timeout_s
        if self.body_began is not None:
            return now - self.body_began > self.limits.body_grace_s + self.body_bytes / self.limits.body_rate
        return False

    def refuse(self, status: int, code: bytes, message: bytes) -> None:
        """Answer without the app, and close. Nothing is written into an answer that has begun."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            content = b'{"error_code":"%b","error_msg":"%b"}' % (code, message)
            self.transport.write(b"HTTP/1.1 %d %b" % (status, _PHRASES[status]) + _CLOSE % (len(content), content))
        self.transport.close()


def bounded(limits: Limits) -> type[BoundedProtocol]:
    """The protocol class for uvicorn's configuration."""
    fields: dict[str, Any] = {"limits": limits}
    return type("BoundedProtocol", (BoundedProtocol,), fields)
