"""The first call of a function, beside the function's own start to its first answer."""

import json
import os
import re
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sluice.function import Function
from sluice.runtimes import HANDLED
from sluice_runner.environment import environment
from sluice_runner.programs import program
from tests.e2e.driver import FUNCTIONS, Sluice
from tools.benches.figure import Figure, Row, at_most, figure
from tools.benches.setting import RESP, Setting, make_function

REQUEST = b"POST /invoke HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
BODY = json.dumps({}).encode()
HANDLERS = ("Python3.10", "Node.js18.15")
SETTLE_S = 0.3
"""Between two starts: the machine is idle when the next one begins."""


class Started(NamedTuple):
    """How the same program is started without Sluice: what is executed, what it reads, and its environment."""

    arguments: list[str]
    given: str = ""
    environment: Mapping[str, str] = {}


def row(setting: Setting) -> Row:
    times = max(setting.runs, setting.scaled(10, 4))
    compiled = setting.compiled(RESP)
    with setting.sluice() as sluice:
        figures = [
            *_figures(sluice, "compiled", compiled, times, Started(["./bootstrap"])),
            *_figures(sluice, "Python", FUNCTIONS / "echo", times, Started(["./bootstrap"])),
            *(each for runtime in HANDLERS for each in _handler_figures(sluice, runtime, times)),
        ]
    note = (
        "A signed synchronous invocation through the API of a function that was never called; its package is already unpacked. "
        "Of a handler the own start is that of its interpreter with the platform's server."
    )
    return Row("cold", "cold start, process engine", tuple(figures), note)


def _handler_figures(sluice: Sluice, runtime: str, times: int) -> tuple[Figure, Figure]:
    settings = {"runtime": runtime, "handler": "index.handler"}
    function = Function("urn:fss:region:project:function:default:handled:latest", runtime=runtime, handler="index.handler")
    own = program(function)
    name = f"handler in {HANDLED[runtime].language.name}"
    return _figures(sluice, name, FUNCTIONS / "handled", times, Started(own.arguments, own.given, environment(function)), **settings)


def _figures(sluice: Sluice, name: str, folder: Path, times: int, started: Started, **settings: Any) -> tuple[Figure, Figure]:
    stem = re.sub(r"\W", "-", name)
    _first_call_ms(sluice, f"{stem}-unpacked", folder, settings)
    bare = [_bare_start_ms(folder, started) for _ in range(times)]
    own = statistics.median(bare)
    over = [_first_call_ms(sluice, f"{stem}-{number}", folder, settings) - own for number in range(times)]
    return figure(f"over the function's own start, {name}", "ms", over, at_most(30)), figure(f"own start, {name}", "ms", bare)


def _first_call_ms(sluice: Sluice, name: str, folder: Path, settings: Mapping[str, Any]) -> float:
    urn = make_function(sluice, name, folder, **settings)
    time.sleep(SETTLE_S)
    began = time.monotonic()
    status, answer = sluice.send("POST", f"/v2/{sluice.project}/fgs/functions/{urn}:latest/invocations", BODY)
    took = time.monotonic() - began
    assert status == 200, answer
    return took * 1000


def _bare_start_ms(folder: Path, started: Started) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    environment = {"PATH": os.defpath, **started.environment, "PORT": str(address[1])}
    with tempfile.TemporaryFile() as given:
        given.write(started.given.encode())
        given.seek(0)
        began = time.monotonic()
        process = subprocess.Popen(started.arguments, cwd=folder, env=environment, stdin=given, stderr=subprocess.DEVNULL)
    try:
        _first_answer(address)
        return (time.monotonic() - began) * 1000
    finally:
        process.kill()
        process.wait()


def _first_answer(address: tuple[str, int]) -> None:
    while True:
        with socket.socket() as client:
            if client.connect_ex(address) == 0:
                client.sendall(REQUEST)
                assert client.recv(4096).startswith(b"HTTP/1.1 200")
                return
        time.sleep(0.0005)
