"""The server of a Python function: calls its handler for `POST /invoke`, its initializer for `POST /init`, its pre-stop hook at SIGTERM.

An interpreter reads this from its standard input, where the function's code is the working directory. It may be any Python from 3.8 on.
Only the standard library is used, and little of it: each import is a part of every cold start.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

MAX_HEAD_BYTES = 65_536
INIT, INVOKE = "POST /init ", "POST /invoke "
NOTHING = "builtins.bool"
"""Takes a context and does nothing with it."""
_NULL = "null"
"""What the platform may send for credentials that there are none of."""


class Logger:
    """`context.getLogger()`: lines with a time, the request and a level."""

    LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._least = 0

    def setLevel(self, level: str) -> None:  # noqa: N802 - FunctionGraph's name
        """Drop what is below `level`, a name such as "INFO"; names that are not known change nothing."""
        name = str(level).upper().replace("WARNING", "WARN")
        self._least = self.LEVELS.index(name) if name in self.LEVELS else self._least

    def debug(self, message: object, *values: object) -> None:
        self._write(0, message, values)

    def info(self, message: object, *values: object) -> None:
        self._write(1, message, values)

    def warn(self, message: object, *values: object) -> None:
        self._write(2, message, values)

    warning = warn

    def error(self, message: object, *values: object) -> None:
        self._write(3, message, values)

    def _write(self, level: int, message: object, values: tuple[object, ...]) -> None:
        if level < self._least:
            return
        text = str(message) % values if values else str(message)
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"
        sys.stdout.write(f"{stamp} {self._request_id} {self.LEVELS[level]} {text}\n")


class Context:
    """What a handler is told besides the event, by the names of FunctionGraph."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self._began = time.monotonic()
        self._logger = Logger(self.getRequestID())

    def getRequestID(self) -> str:  # noqa: N802 - FunctionGraph's name, as all below
        return self._header("request-id")

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802
        passed = time.monotonic() - self._began
        return max(0, int((self.getRunningTimeInSeconds() - passed) * 1000))

    def getRunningTimeInSeconds(self) -> int:  # noqa: N802
        """The function's timeout."""
        return int(float(os.environ["RUNTIME_TIMEOUT"]))

    def getAccessKey(self) -> str:  # noqa: N802
        return self._header("access-key")

    def getSecretKey(self) -> str:  # noqa: N802
        return self._header("secret-key")

    def getSecurityAccessKey(self) -> str:  # noqa: N802
        return self._header("security-access-key")

    def getSecuritySecretKey(self) -> str:  # noqa: N802
        return self._header("security-secret-key")

    def getSecurityToken(self) -> str:  # noqa: N802
        return self._header("security-token")

    def getToken(self) -> str:  # noqa: N802
        return self._header("auth-token")

    def getUserData(self, key: str, default: str | None = None) -> str | None:  # noqa: N802
        """One of the function's variables."""
        value: str | None = _user_data().get(key, default)
        return value

    def getFunctionName(self) -> str:  # noqa: N802
        return os.environ["RUNTIME_FUNC_NAME"]

    def getVersion(self) -> str:  # noqa: N802
        return os.environ["RUNTIME_FUNC_VERSION"]

    def getAlias(self) -> str:  # noqa: N802
        """The alias that was called, "" if none was."""
        tag = self._header("origin-version-tag")
        return tag[1:] if tag.startswith("!") else ""

    def getPackage(self) -> str:  # noqa: N802
        return os.environ["RUNTIME_PACKAGE"]

    def getProjectID(self) -> str:  # noqa: N802
        return os.environ["RUNTIME_PROJECT_ID"]

    def getMemorySize(self) -> int:  # noqa: N802
        """MB."""
        return int(os.environ["RUNTIME_MEMORY"])

    def getCPUNumber(self) -> int:  # noqa: N802
        """Thousandths of a core."""
        return int(os.environ["RUNTIME_CPU"])

    def getLogger(self) -> Logger:  # noqa: N802
        return self._logger

    def _header(self, name: str) -> str:
        value = self._headers.get("x-cff-" + name, "")
        return "" if value == _NULL else value


def _user_data() -> dict[str, str]:
    found: dict[str, str] = json.loads(os.environ["RUNTIME_USERDATA"])
    return found


class Job:
    """One request, and its answer once `done`."""

    def __init__(self, line: str, headers: dict[str, str], body: bytes) -> None:
        self.line = line
        self.headers = headers
        self.body = body
        self.status = 500
        self.answer = b""
        self.done = threading.Event()


class Hooks:
    """The functions of the package that its settings name."""

    def __init__(self) -> None:
        self._handler = _load(os.environ["RUNTIME_HANDLER"])
        self._initializer = _load(os.environ.get("RUNTIME_INITIALIZER_HANDLER") or NOTHING)
        self._pre_stop = _load(os.environ.get("RUNTIME_PRESTOP_HANDLER") or NOTHING)

    def serve(self, job: Job) -> None:
        call = self._invoke if job.line.startswith(INVOKE) else self._init if job.line.startswith(INIT) else None
        if call is None:
            job.status = 404
            return
        try:
            job.answer = call(job)
            job.status = 200
        except Exception as error:
            job.answer = _told(error)
        sys.stdout.flush()
        sys.stderr.flush()

    def stop(self) -> None:
        self._pre_stop(Context({}))

    def _invoke(self, job: Job) -> bytes:
        return _written(self._handler(_event(job.body), Context(job.headers)))

    def _init(self, job: Job) -> bytes:
        self._initializer(Context(job.headers))
        return b""


def _load(name: str) -> Callable[..., Any]:
    """The function that is named as file.function. Ends the process if there is no such."""
    file, _, function = name.rpartition(".")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(file.replace("/", ".")), function)
    except BaseException:
        traceback.print_exc()
        sys.stderr.write(f"{name} cannot be loaded\n")
        _leave(1)
    return found


def _event(body: bytes) -> Any:
    """The event: decoded JSON, or the text as it is where it is none."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _written(result: Any) -> bytes:
    """A text as it is, anything else as JSON."""
    if isinstance(result, bytes):
        return result
    return (result if isinstance(result, str) else json.dumps(result)).encode()


def _told(error: BaseException) -> bytes:
    """An error for whoever called; its trace goes to the log too."""
    trace = traceback.format_exception(type(error), error, error.__traceback__)
    sys.stderr.write("".join(trace))
    payload = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}
    return json.dumps(payload).encode()


def _leave(status: int) -> NoReturn:
    """At once, whatever threads the function has left."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Connection:
    """One connection: reads a request, waits for its answer, and so on until it is closed."""

    def __init__(self, connection: socket.socket, jobs: queue.SimpleQueue[Job | None]) -> None:
        self._connection = connection
        self._jobs = jobs
        self._unread = b""

    def run(self) -> None:
        connection = self._connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                while True:
                    job = self._read()
                    self._jobs.put(job)
                    job.done.wait()
                    head = f"HTTP/1.1 {job.status} -\r\nContent-Type: application/json\r\nContent-Length: {len(job.answer)}\r\n\r\n"
                    connection.sendall(head.encode() + job.answer)
            except (OSError, ValueError):
                return  # it was closed, or does not speak HTTP

    def _read(self) -> Job:
        while b"\r\n\r\n" not in self._unread:
            if len(self._unread) > MAX_HEAD_BYTES:
                raise ValueError("the head of a request is too large")
            self._receive()
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        size = int(headers.get("content-length", "0"))
        parts, missing = [rest], size - len(rest)
        while missing > 0:
            part = self._connection.recv(min(missing, 1 << 20))
            if not part:
                raise OSError("closed in the middle of a request")
            parts.append(part)
            missing -= len(part)
        body = b"".join(parts)
        self._unread = body[size:]
        return Job(line, headers, body[:size])

    def _receive(self) -> None:
        part = self._connection.recv(MAX_HEAD_BYTES)
        if not part:
            raise OSError("closed")
        self._unread += part


def _work(jobs: queue.SimpleQueue[Job | None], hooks: Hooks) -> None:
    """Serve jobs until there is a None. A function that wants to exit ends the process, as it would in any program."""
    while True:
        job = jobs.get()
        if job is None:
            return
        try:
            hooks.serve(job)
        except SystemExit as asked:
            _leave(asked.code if isinstance(asked.code, int) else 1)
        finally:
            job.done.set()


def _stop_at_sigterm(jobs: queue.SimpleQueue[Job | None]) -> None:
    """The signal may reach any thread, while the one that would handle it waits for a job; the descriptor is written to in any case."""
    awakened, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(wake.detach(), warn_on_full_buffer=False)

    def wait() -> None:
        while signal.SIGTERM not in awakened.recv(1):
            pass
        jobs.put(None)

    threading.Thread(target=wait, daemon=True).start()


def _accept(listening: socket.socket, jobs: queue.SimpleQueue[Job | None]) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=Connection(connection, jobs).run, daemon=True).start()


def main() -> NoReturn:
    sys.path[0] = os.getcwd()
    sys.argv = [os.environ["RUNTIME_HANDLER"]]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    hooks = Hooks()
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    # The first worker is this thread: some libraries work in a process's main thread only.
    _stop_at_sigterm(jobs)
    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), backlog=1024) as listening:
        threading.Thread(target=_accept, args=(listening, jobs), daemon=True).start()
        for _ in range(int(os.environ.get("SLUICE_CONCURRENCY", "1")) - 1):
            threading.Thread(target=_work, args=(jobs, hooks), daemon=True).start()
        _work(jobs, hooks)
    try:
        hooks.stop()
    except Exception:
        traceback.print_exc()
    _leave(0)


if __name__ == "__main__":
    main()
