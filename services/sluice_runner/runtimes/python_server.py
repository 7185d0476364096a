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
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from sluice_runner.runtimes.serving import INIT, INVOKE, Job, accept, at_sigterm, leave, listening

USER_DATA: dict[str, str] = json.loads(os.environ["RUNTIME_USERDATA"])
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
        return USER_DATA.get(key, default)

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
        leave(1)
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


def _work(jobs: queue.SimpleQueue[Job | None], hooks: Hooks) -> None:
    """Serve jobs until there is a None. A function that wants to exit ends the process, as it would in any program."""
    while True:
        job = jobs.get()
        if job is None:
            return
        try:
            hooks.serve(job)
        except SystemExit as asked:
            leave(asked.code if isinstance(asked.code, int) else 1)
        finally:
            job.done.set()


def main() -> NoReturn:
    sys.path.insert(0, os.getcwd())
    sys.argv = [os.environ["RUNTIME_HANDLER"]]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    hooks = Hooks()
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    at_sigterm(lambda: jobs.put(None))
    threading.Thread(target=accept, args=(listening(), jobs.put), daemon=True).start()
    for _ in range(int(os.environ.get("SLUICE_CONCURRENCY", "1")) - 1):
        threading.Thread(target=_work, args=(jobs, hooks), daemon=True).start()
    _work(jobs, hooks)  # on this thread too: some libraries work in a process's main thread only
    try:
        hooks.stop()
    except Exception:
        traceback.print_exc()
    leave(0)
