"""Synchronous calls through the gateway, loaded by wrk, beside the function called directly."""

import re
import shutil
import subprocess
from pathlib import Path

import msgspec

from tests.e2e.driver import Sluice
from tools.benches.figure import Row, at_least, at_most, figure
from tools.benches.processes import used_s
from tools.benches.setting import ANSWER, BODY_BYTES, Missing, Setting, bare_function, make_function, tree

SCRIPT = f'wrk.method = "POST"\nwrk.body = string.rep("x", {BODY_BYTES})\nwrk.headers["Content-Type"] = "application/octet-stream"\n'
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


class Load(msgspec.Struct, frozen=True):
    """What wrk saw."""

    requests: int
    rate: float
    p50_ms: float


def parsed(text: str) -> Load:
    """Of wrk's output with --latency. Any answer that was not 2xx, and any broken connection, is an AssertionError. Pure."""
    assert "Non-2xx" not in text, text
    assert "Socket errors" not in text, text
    requests = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", text)
    median = re.search(r"50%\s*([\d.]+)(us|ms|s)\b", text)
    assert requests, text
    assert rate, text
    assert median, text
    return Load(int(requests[1]), float(rate[1]), float(median[1]) * MILLISECONDS[median[2]])


class Wrk:
    """The load generator, posting 1 KiB, or what another script says."""

    def __init__(self, folder: Path, script: str = SCRIPT) -> None:
        found = shutil.which("wrk")
        if found is None:
            raise Missing("wrk is not installed: run make servers")
        self._program = found
        self._script = folder / "post.lua"
        self._script.write_text(script)

    def load(self, url: str, connections: int, seconds: int) -> Load:
        command = [self._program, "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", str(self._script), url]
        return parsed(subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout)


def row(setting: Setting) -> Row:
    wrk = Wrk(setting.scratch)
    function = setting.compiled(ANSWER)
    many, cpu, lone, direct = [], [], [], []
    with setting.sluice() as sluice, bare_function(function) as port:
        url = _trigger(sluice, make_function(sluice, "http", function))
        bare = f"http://127.0.0.1:{port}/invoke"
        wrk.load(url, 64, 1)
        for _ in range(setting.runs):
            before = tree(sluice).cpu()
            load = wrk.load(url, 64, setting.scaled(5, 2))
            cpu.append(used_s(before, tree(sluice).cpu()) / load.requests * 1e6)
            many.append(load.rate)
            lone.append(wrk.load(url, 1, setting.scaled(3, 1)).p50_ms)
            direct.append(wrk.load(bare, 1, setting.scaled(3, 1)).p50_ms)
    figures = (
        figure("throughput, 64 connections", "requests/s", many, at_least(10_000)),
        figure("CPU, 64 connections", "µs a request", cpu),
        figure(
            "p50 over the function itself, 1 connection", "ms", [one - other for one, other in zip(lone, direct, strict=True)], at_most(0.4)
        ),
        figure("p50, 1 connection", "ms", lone),
        figure("p50 of the function itself, 1 connection", "ms", direct),
    )
    return Row("http", "HTTP sync through the gateway, one process", figures)


def _trigger(sluice: Sluice, urn: str) -> str:
    sluice.trigger(urn, "APIG", {"path": "/bench", "auth": "NONE", "req_method": "POST"})
    return f"{sluice.credentials['endpoint']}/bench"
