"""What the servers of runtimes share: an HTTP server of requests that are answered by somebody else, and the end of the process.

Read by any Python from 3.8 on, as they are: the standard library only, and little of it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

MAX_HEAD_BYTES = 65_536
INIT, INVOKE = "POST /init ", "POST /invoke "
"""How the lines of the platform's requests begin."""


class Job:
    """One request, and its answer once `done`."""

    def __init__(self, line: str, headers: dict[str, str], body: bytes) -> None:
        self.line = line
        self.headers = headers
        self.body = body
        self.status = 500
        self.answer = b""
        self.told: dict[str, str] = {}
        """More headers of the answer."""
        self.done = threading.Event()


class Connection:
    """One connection: reads a request, waits for its answer, and so on until it is closed."""

    def __init__(self, connection: socket.socket, take: Callable[[Job], None]) -> None:
        self._connection = connection
        self._take = take
        self._unread = b""

    def run(self) -> None:
        connection = self._connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                while True:
                    job = self._read()
                    self._take(job)
                    job.done.wait()
                    self._answer(job.status, job.answer, job.told)
            except ValueError as wrong:
                self._answer(400, str(wrong).encode(), {"Connection": "close"})
            except OSError:
                return  # it was closed

    def _answer(self, status: int, body: bytes, told: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **told}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._connection.sendall(f"HTTP/1.1 {status} -\r\n{head}\r\n".encode("latin-1") + body)

    def _read(self) -> Job:
        line, *fields = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        if "expect" in headers:
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        return Job(line, headers, self._chunks() if chunked else self._exactly(int(headers.get("content-length", "0"))))

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            parts.append(self._exactly(size))
            self._exactly(2)
        while self._until(b"\r\n"):
            pass  # trailers
        return b"".join(parts)

    def _until(self, end: bytes) -> bytes:
        while end not in self._unread:
            if len(self._unread) > MAX_HEAD_BYTES:
                raise ValueError("the head of a request is too large")
            self._unread += self._some(MAX_HEAD_BYTES)
        found, _, self._unread = self._unread.partition(end)
        return found

    def _exactly(self, size: int) -> bytes:
        parts, missing = [self._unread], size - len(self._unread)
        while missing > 0:
            parts.append(self._some(min(missing, 1 << 20)))
            missing -= len(parts[-1])
        found = b"".join(parts)
        self._unread = found[size:]
        return found[:size]

    def _some(self, most: int) -> bytes:
        part = self._connection.recv(most)
        if not part:
            raise OSError("closed")
        return part


def at_sigterm(do: Callable[[], None]) -> None:
    """The signal may reach any thread, while the one that would handle it waits for a job; the descriptor is written to in any case."""
    awakened, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(wake.detach(), warn_on_full_buffer=False)

    def wait() -> None:
        while signal.SIGTERM not in awakened.recv(1):
            pass
        do()

    threading.Thread(target=wait, daemon=True).start()


def accept(listening: socket.socket, take: Callable[[Job], None]) -> NoReturn:
    """Serve connections for ever. `take` is called on the connection's own thread and may wait there."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=Connection(connection, take).run, daemon=True).start()


def listening() -> socket.socket:
    """Where the platform connects to."""
    return socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), backlog=1024)


def leave(status: int) -> NoReturn:
    """At once, whatever threads the function has left."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
