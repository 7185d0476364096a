"""One keep-alive HTTP/1.1 connection into an instance: callbacks only, no task and no await a call.

One request is in flight at a time. How it ended is an `Ending`; what that means for the call is decided by its owner.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import cast

import httptools

from sluice.event import MAX_EVENT_BYTES

MAX_ANSWER_BYTES = MAX_EVENT_BYTES
MAX_HEAD_BYTES = 65_536
MAX_DISCARDED_BYTES = 4 * MAX_ANSWER_BYTES
"""Of a too large answer this much more is read and thrown away; a function that still sends then is killed."""


class Ending(Enum):
    """How a request ended."""

    ANSWERED = "answered"
    RESET = "reset"
    """The connection closed before any byte of the answer."""
    CUT = "cut"
    """The connection closed in the middle of the answer."""
    GARBAGE = "garbage"
    """What came is not HTTP."""
    TOO_LARGE = "too_large"
    """The answer ended, but it was over the limit."""
    ENDLESS = "endless"
    """The answer was over the limit and went on, or was cut off there."""
    LATE = "late"
    """The deadline came first."""


Ended = Callable[["Connection", Ending], None]


class Connection(asyncio.Protocol):
    """Reads answers without their headers. `body`, `status` and `reusable` are there when the request has ended as ANSWERED."""

    def __init__(self, lost: Callable[["Connection"], None]) -> None:
        self.closed = False
        self.reused = False
        """An earlier request was answered on it."""
        self.status = 0
        self.reusable = False
        self.deadline = 0.0
        self.wheel_tick = 0
        self._lost = lost
        self._ended: Ended | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._head = b""
        self._head_done = False
        self._complete = False
        self._bodiless = False
        self._stray = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write
        self._parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes, ended: Ended, *, bodiless: bool = False) -> None:
        """Send a request; `ended` is called once, later. `bodiless`: a HEAD, whose answer has a length but no body."""
        self._ended = ended
        self._bodiless = bodiless
        self._head = b""
        self._size = 0
        self._head_done = self._complete = self._stray = False
        self._write(request)

    @property
    def busy(self) -> bool:
        return self._ended is not None

    @property
    def body(self) -> bytes:
        chunks = self._chunks
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return ()

    def abandon(self) -> None:
        """Close at once; a request in flight is forgotten without an ending."""
        self._ended = None
        self._close()

    def expire(self) -> None:
        """The deadline of the request in flight has passed."""
        self._end(Ending.LATE)

    def data_received(self, data: bytes) -> None:
        if self._ended is None:
            self._close()
            return
        if not self._head_done:
            self._head = self._head + data if self._head else data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._complete:
                self._end(Ending.GARBAGE)
                return
            self._stray = True
        if self._complete:
            self._finish()
        elif self._size > MAX_DISCARDED_BYTES:
            self._end(Ending.ENDLESS)
        elif not self._head_done and len(self._head) > MAX_HEAD_BYTES:
            self._end(Ending.GARBAGE)
        elif self._size <= MAX_HEAD_BYTES:
            self._acknowledge()

    def on_message_begin(self) -> None:
        if self._complete:
            self._stray = True
            return
        self._chunks = []

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        self._head_done = True
        self.status = self._parser.get_status_code()
        if self._bodiless and self.status >= 200:
            self._complete, self.reusable = True, False

    def on_body(self, data: bytes) -> None:
        if self._complete:
            return
        self._size += len(data)
        if self._size <= MAX_ANSWER_BYTES:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        if self._complete:
            return
        if self.status < 200:
            self._head_done = False
            self._head = b""
            return
        self.reusable = self._parser.should_keep_alive()
        self._complete = True

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._ended is not None:
            self._end_of_stream(error)
        self._lost(self)

    def _acknowledge(self) -> None:
        """At once: a server that writes head and body separately waits for it, 40 ms if it is left to the kernel."""
        with suppress(OSError, AttributeError):
            self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _end_of_stream(self, error: Exception | None) -> None:
        if not self._head and not self._head_done:
            self._end(Ending.RESET)
        elif error is None and self._head_done and ends_with_stream(self._head):
            self._finish()
        else:
            self._end(Ending.ENDLESS if self._size > MAX_ANSWER_BYTES else Ending.CUT)

    def _finish(self) -> None:
        if not self.reusable or self._stray:
            self.reusable = False
            self._close()
        self._end(Ending.TOO_LARGE if self._size > MAX_ANSWER_BYTES else Ending.ANSWERED)

    def _end(self, ending: Ending) -> None:
        ended, self._ended = self._ended, None
        if ending is not Ending.ANSWERED:
            self.reusable = False
            self._close()
        else:
            self.reused = True
        if ended is not None:
            ended(self, ending)

    def _close(self) -> None:
        if not self.closed:
            self.closed = True
            self._transport.abort()


class HeaderConnection(Connection):
    """Reads the headers of answers too."""

    def __init__(self, lost: Callable[[Connection], None]) -> None:
        super().__init__(lost)
        self._headers: list[tuple[str, str]] = []

    def on_message_begin(self) -> None:
        if not self._complete:
            self._headers = []
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_done and not self._complete:
            self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._headers)


def ends_with_stream(head: bytes) -> bool:
    """Whether an answer with this head has neither a length nor chunks, so that its end is the end of the stream."""
    lines = head.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")[1:]
    return not any(line.startswith((b"content-length:", b"transfer-encoding:")) for line in lines)
