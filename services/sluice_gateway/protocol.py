"""uvicorn's HTTP protocol, with bounds on what it takes from strangers: connections, header bytes, and time."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sluice_gateway.limits import Limits

_CLOSE = b"\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
_PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large", 503: b"Service Unavailable"}


HEADER_OVERHEAD = 32
"""What a header costs beside its bytes, so that many tiny ones count too (HTTP/2 counts the same)."""


class HeadTooLarge(Exception):
    """Raised through the parser, which then takes nothing more."""


class TooFarAhead(Exception):
    """Raised through the parser: so many requests before this one have no answer yet."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `limits` is set by the subclass that `bounded` makes, because uvicorn builds protocols itself.

    `head_began` and `body_began` say since when that part of a request is being received; None when it is not.
    """

    limits: Limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.head_began: float | None = self.loop.time()
        self.body_began: float | None = None
        self.head_size = 0
        self.unfinished = 0
        self.body_size = 0
        self._unsent = 0
        self._stalled_since: float | None = None
        self.running: RequestResponseCycle | None = None
        self.refused = False
        if len(self.connections) > self.limits.connections:
            self.refuse(503, b"FSS.0503", b"Service unavailable: too many connections.")

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's, which tells the last request that was received. The one that runs may be another, and would write on."""
        super().connection_lost(exc)
        if self.running is not None:
            _leave(self.running)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self._unset_keepalive_if_required()
        self._feed(data)
        if self.head_began is None:
            return
        self.unfinished += len(data)
        if self.unfinished > self.limits.header and not self.transport.is_closing():
            self.refuse_head()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if self.head_size > self.limits.header:
                self.refuse_head()
            else:
                self.refuse(400, b"FSS.0400", b"This is not HTTP.")

    def _stay(self, rest: bytes) -> None:
        """A sender may offer to go on in another protocol (Java's client offers HTTP/2 with every first request), and the offer may be
        passed over. The parser takes it for accepted and gives up the body; so a new one gets the request without the offer."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.refuse(400, b"FSS.0400", b"The gateway is no proxy.")
            return
        lines = [b"%b %b HTTP/%b\r\n" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b\r\n" % header for header in _without_offer(self.headers)]
        self.parser = httptools.HttpRequestParser(self)
        self._feed(b"".join((*lines, b"\r\n", rest)))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_size = 0
        if self.head_began is None:
            self.head_began = self.loop.time()

    def on_url(self, url: bytes) -> None:
        self.head_size += len(url)
        super().on_url(url)
        if self.head_size > self.limits.header:
            raise HeadTooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn's, which is not called because a request has many headers and each call counts."""
        self.head_size += len(name) + len(value) + HEADER_OVERHEAD
        if self.head_size > self.limits.header:
            raise HeadTooLarge
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # `_stay` comes next
        if len(self.pipeline) >= self.limits.pipelined:
            raise TooFarAhead
        self.head_began = None
        self.unfinished = 0
        self.body_size = 0
        super().on_headers_complete()
        self.body_began = self.loop.time()

    def on_body(self, body: bytes) -> None:
        self.body_size += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self.body_began = None
        super().on_message_complete()

    def overdue(self, now: float) -> bool:
        """Whether what is being received takes longer than it may."""
        if self.head_began is not None:
            return now - self.head_began > self.limits.header_timeout_s
        if self.body_began is not None:
            return now - self.body_began > self.limits.body_grace_s + self.body_size / self.limits.body_rate
        return False

    def stalled(self, now: float) -> bool:
        """Whether the other side has not taken any of its answer for too long. Asked again and again, it compares with the last time."""
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        if not self._unsent or self._unsent < before:
            self._stalled_since = None
        elif self._stalled_since is None:
            self._stalled_since = now
        return self._stalled_since is not None and now - self._stalled_since > self.limits.write_timeout_s

    def refuse_head(self) -> None:
        self.refuse(431, b"FSS.0400", b"The request headers are too large.")

    def refuse(self, status: int, code: bytes, message: bytes) -> None:
        """Take nothing more, answer without the app, and close. Requests that were whole before this one are answered first, and the
        closed connection is all that this one gets. Nothing is written into an answer that has begun."""
        if self.refused:
            return
        self.refused = True
        self.head_began = self.body_began = None
        running = self.running
        if running is None or running.response_complete:
            self._write_refusal(status, code, message)
        elif running is not self.cycle or not running.more_body:
            self._close_after_answers(running)
            return
        elif not running.response_started:
            self._write_refusal(status, code, message)
        if running is not None:
            _leave(running)
        self.transport.close()

    def _write_refusal(self, status: int, code: bytes, message: bytes) -> None:
        content = b'{"error_code":"%b","error_msg":"%b"}' % (code, message)
        self.transport.write(b"HTTP/1.1 %d %b" % (status, _PHRASES[status]) + _CLOSE % (len(content), content))

    def _close_after_answers(self, running: RequestResponseCycle) -> None:
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()  # the newest, whose body is at fault
        self.cycle = self.pipeline[0][0] if self.pipeline else running
        self.cycle.keep_alive = False


def _leave(cycle: RequestResponseCycle) -> None:
    """Nobody is there to read its answer."""
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()


def _without_offer(headers: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers:
        if name == b"connection":
            value = b", ".join(token for token in value.split(b",") if token.strip().lower() not in (b"upgrade", b"http2-settings"))
        if name not in (b"upgrade", b"http2-settings") and (value or name != b"connection"):
            yield name, value


def bounded(limits: Limits) -> type[BoundedProtocol]:
    """The protocol class for uvicorn's configuration."""
    fields: dict[str, Any] = {"limits": limits}
    return type("BoundedProtocol", (BoundedProtocol,), fields)
