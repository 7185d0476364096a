"""The first call of a function, beside the function's own start to its first answer."""

import json
import os
import socket
import statistics
import subprocess
import time
from pathlib import Path

from tests.e2e.driver import FUNCTIONS, Sluice
from tools.benches.figure import Figure, Row, at_most, figure
from tools.benches.setting import RESP, Setting, make_function

REQUEST = b"POST /invoke HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
BODY = json.dumps({}).encode()
SETTLE_S = 0.3
"""Between two starts: the machine is idle when the next one begins."""


def row(setting: Setting) -> Row:
    times = max(setting.runs, setting.scaled(10, 4))
    with setting.sluice() as sluice:
        figures = [
            *_figures(sluice, "compiled", setting.compiled(RESP), times),
            *_figures(sluice, "Python", FUNCTIONS / "echo", times),
        ]
    note = "A signed synchronous invocation through the API of a function that was never called; its package is already unpacked."
    return Row("cold", "cold start, process engine", tuple(figures), note)


def _figures(sluice: Sluice, name: str, folder: Path, times: int) -> tuple[Figure, Figure]:
    _first_call_ms(sluice, f"{name}-unpacked", folder)
    bare = [_bare_start_ms(folder / "bootstrap") for _ in range(times)]
    own = statistics.median(bare)
    over = [_first_call_ms(sluice, f"{name}-{number}", folder) - own for number in range(times)]
    return figure(f"over the function's own start, {name}", "ms", over, at_most(30)), figure(f"own start, {name}", "ms", bare)


def _first_call_ms(sluice: Sluice, name: str, folder: Path) -> float:
    urn = make_function(sluice, name, folder)
    time.sleep(SETTLE_S)
    began = time.monotonic()
    status, answer = sluice.send("POST", f"/v2/{sluice.project}/fgs/functions/{urn}:latest/invocations", BODY)
    took = time.monotonic() - began
    assert status == 200, answer
    return took * 1000


def _bare_start_ms(bootstrap: Path) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    began = time.monotonic()
    process = subprocess.Popen([str(bootstrap)], env={"PORT": str(address[1]), "PATH": os.defpath}, stderr=subprocess.DEVNULL)
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
