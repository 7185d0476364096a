"""Reading what a function prints: never more than a bounded rate, so that printing without end slows the printer and nobody else."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

_CHUNK_BYTES = 65_536
_BURST_BYTES = 1024 * 1024
_BYTES_PER_S = 1024 * 1024

Sink = Callable[[str, bytes], None]


class Rate:
    """How much of what is printed is taken: a burst, and then so much a second."""

    def __init__(self, now: float) -> None:
        self._allowance = float(_BURST_BYTES)
        self._seen_at = now

    def take(self, count: int) -> None:
        self._allowance -= count

    def pause_s(self, now: float) -> float:
        """For how long nothing should be read; 0: read on."""
        if self._allowance <= 0:
            self._allowance = min(_BURST_BYTES, self._allowance + (now - self._seen_at) * _BYTES_PER_S)
            self._seen_at = now
        return 0.0 if self._allowance > 0 else (_CHUNK_BYTES - self._allowance) / _BYTES_PER_S


class Pipe:
    """The read end of one stream of an instance. A printer over the rate waits in its own write until we read on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stream: str, descriptor: int) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._sink: Sink | None = None
        self._loop = loop
        self._rate = Rate(loop.time())
        self._resume: asyncio.TimerHandle | None = None
        os.set_blocking(descriptor, False)

    def start(self, sink: Sink) -> None:
        self._sink, self._rate = sink, Rate(self._loop.time())
        self._loop.add_reader(self._descriptor, self._readable)

    def drain(self) -> None:
        """Read what is there now, at most what a pipe holds."""
        if self._descriptor >= 0:
            self._read()

    def close(self) -> None:
        """Read what is left and let the descriptor go."""
        if self._descriptor < 0:
            return
        while self._sink is not None and self._read() == _CHUNK_BYTES:
            pass
        self._stop()
        os.close(self._descriptor)
        self._descriptor = -1

    def _readable(self) -> None:
        if self._read() == 0:
            self._stop()
        elif pause_s := self._rate.pause_s(self._loop.time()):
            self._rest(pause_s)

    def _read(self) -> int:
        """Bytes read: 0 at the end of the stream, -1 when there is nothing now."""
        try:
            data = os.read(self._descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return -1
        except OSError:
            return 0
        self._rate.take(len(data))
        if data and self._sink is not None:
            self._sink(self._stream, data)
        return len(data)

    def _rest(self, pause_s: float) -> None:
        """Stop reading until the rate allows it again."""
        self._loop.remove_reader(self._descriptor)
        self._resume = self._loop.call_later(pause_s, self._go_on)

    def _go_on(self) -> None:
        self._resume = None
        self._loop.add_reader(self._descriptor, self._readable)

    def _stop(self) -> None:
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        with suppress(ValueError, OSError):
            self._loop.remove_reader(self._descriptor)
