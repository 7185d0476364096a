"""The server of a function of the runtime `Custom`: a `bootstrap` that asks for its calls, one after the other.

It asks at http://$RUNTIME_API_ADDR: `GET /v1/runtime/invocation/request` waits for a call, `POST /v1/runtime/invocation/response/ID` and
`…/error/ID` answer it. The platform's calls come as they do to any server. Read by any Python from 3.8 on.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import sys
import threading
from typing import NoReturn

from sluice_runner.runtimes.serving import INIT, INVOKE, Job, accept, at_sigterm, leave, listening

REQUEST = "GET /v1/runtime/invocation/request "
ANSWERS = {"POST /v1/runtime/invocation/response/": 200, "POST /v1/runtime/invocation/error/": 500}
IDENTITY = "x-cff-request-id"


class Exchange:
    """Calls that wait until the function asks, and those that it works on."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._working: dict[str, Job] = {}
        self.asked = threading.Event()
        """The function has asked for its first call."""

    def call(self, job: Job) -> None:
        """From the platform."""
        if job.line.startswith(INVOKE):
            self._waiting.put(job)
        else:
            job.status = 200 if job.line.startswith(INIT) else 404
            job.done.set()

    def hear(self, job: Job) -> None:
        """From the function."""
        if job.line.startswith(REQUEST):
            self._give(job)
        else:
            self._settle(job)
        job.done.set()

    def _give(self, asking: Job) -> None:
        self.asked.set()
        call = self._waiting.get()
        self._working[call.headers[IDENTITY]] = call
        asking.status, asking.answer = 200, call.body
        asking.told = {name: value for name, value in call.headers.items() if name.startswith("x-cff-") or name == "traceparent"}

    def _settle(self, telling: Job) -> None:
        place, _, identity = telling.line.partition(" HTTP/")[0].rpartition("/")
        status = ANSWERS.get(place + "/")
        call = self._working.pop(identity, None) if status else None
        if status is None or call is None:
            telling.status, telling.answer = 404, b"there is no such call"
            return
        call.status, call.answer = status, telling.body
        if status >= 500:
            sys.stderr.write(telling.body.decode(errors="replace") + "\n")
            sys.stderr.flush()
        call.done.set()
        telling.status = 202


def _end_with(function: int) -> NoReturn:
    """As the function ends, this ends."""
    _, status = os.waitpid(function, 0)
    leave(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def main() -> NoReturn:
    exchange = Exchange()
    api = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=accept, args=(api, exchange.hear), daemon=True).start()
    environment = {**os.environ, "RUNTIME_API_ADDR": f"127.0.0.1:{api.getsockname()[1]}"}
    function = os.posix_spawn("./bootstrap", ["./bootstrap"], environment)
    at_sigterm(lambda: os.kill(function, signal.SIGTERM))
    threading.Thread(target=_end_with, args=(function,), daemon=True).start()
    exchange.asked.wait()
    accept(listening(), exchange.call)
