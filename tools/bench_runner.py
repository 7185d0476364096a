"""What a call costs in the runner: CPU microseconds of this process a call, and how long a cold start takes.

    .venv/bin/python tools/bench_runner.py [--seconds 3] [--in-flight 64] [--isolation auto]

The function is tests/functions/resp.c, compiled here. Bodies have 1 KiB.
"""

import argparse
import asyncio
import hashlib
import io
import json
import shutil
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop

from sluice.clock import SystemClock
from sluice.event import random_id
from sluice.function import Function
from sluice.outcome import Reply
from sluice.runner import Call
from sluice_runner.engine_process import ProcessEngine
from sluice_runner.service import RunnerOptions, RunnerService

FUNCTIONS = Path(__file__).resolve().parent.parent / "tests" / "functions"
BODY = b"x" * 1024


def compiled(folder: Path) -> bytes:
    """The zip of the compiled function."""
    compiler = shutil.which("cc")
    assert compiler, "a C compiler is needed"
    folder.chmod(0o755)  # functions run as another user
    target = folder / "bootstrap"
    subprocess.run([compiler, "-O2", "-o", str(target), str(FUNCTIONS / "resp.c")], check=True)
    return zipped(target)


def zipped(bootstrap: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.write(bootstrap, "bootstrap")
    return buffer.getvalue()


class Load:
    """Keeps a number of calls in flight."""

    def __init__(self, service: RunnerService, function: Function) -> None:
        self._runner = service.runner
        self._function = function
        self._until = 0.0
        self._event = 0
        self.answered = 0
        self.failures: dict[str, int] = {}

    async def run(self, in_flight: int, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._left = in_flight
        self._over = asyncio.get_running_loop().create_future()
        for _ in range(in_flight):
            self._submit()
        await self._over

    def _submit(self) -> None:
        self._event += 1  # ids are made where events are accepted, not here
        self._runner.submit(Call(self._event.to_bytes(16, "big"), self._function, BODY, mode="async"), self._done)

    def _done(self, call: Call, reply: Reply) -> None:
        self.answered += 1
        if reply.failure:
            self.failures[reply.failure.message] = self.failures.get(reply.failure.message, 0) + 1
        if self.answered & 15 or time.monotonic() < self._until:
            self._submit()
            return
        self._left -= 1
        if self._left == 0:
            self._over.set_result(None)


async def throughput(service: RunnerService, function: Function, in_flight: int, seconds: float) -> dict[str, float]:
    load = Load(service, function)
    await load.run(in_flight, 0.5)
    load.answered = 0
    cpu, wall = time.process_time(), time.monotonic()
    await load.run(in_flight, seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    assert not load.failures, load.failures
    return {"calls_per_s": round(load.answered / wall), "cpu_us_per_call": round(cpu / load.answered * 1e6, 2)}


async def one(service: RunnerService, function: Function) -> Reply:
    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    service.runner.submit(Call(random_id(), function, b"{}"), lambda _, reply: answer.set_result(reply))
    return await answer


async def cold_start(service: RunnerService, name: str, function: Function, times: int) -> dict[str, float]:
    """From submit to the reply of the first call of a new function, its package already here."""
    took = []
    for number in range(times):
        fresh = Function(f"urn:fss:r:p:function:default:{name}{number}:latest", code=function.code, instance_concurrency=1)
        began = time.monotonic()
        reply = await one(service, fresh)
        took.append((time.monotonic() - began) * 1000)
        assert reply.failure is None, reply.failure
        await asyncio.sleep(0.3)
    return {"p50_ms": round(statistics.median(took), 2), "max_ms": round(max(took), 2)}


def bare_start(bootstrap: Path) -> float:
    """The function's own start to its first answer, without us (ms)."""
    import os
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    process = subprocess.Popen([str(bootstrap)], env={"PORT": str(port), "PATH": os.defpath}, stderr=subprocess.DEVNULL)
    try:
        while True:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    client.sendall(b"POST /invoke HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
                    assert client.recv(4096)
                    return (time.monotonic() - began) * 1000
            time.sleep(0.0005)
    finally:
        process.kill()
        process.wait()


async def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        packages = {}
        for package in (compiled(Path(scratch)), zipped(FUNCTIONS / "echo" / "bootstrap")):
            packages[hashlib.sha512(package).hexdigest()] = package

        async def fetch(digest: str) -> AsyncIterator[bytes]:
            yield packages[digest]

        small, python = packages
        data = Path(scratch, "data")
        engine = ProcessEngine(data, isolation=options.isolation)
        async with RunnerService(data, engine, fetch, SystemClock(), RunnerOptions(memory_budget_mb=8192)) as service:
            function = Function("urn:fss:r:p:function:default:resp:latest", code=small, instance_concurrency=options.in_flight)
            await one(service, function)
            figures: dict[str, object] = {"isolation": engine.describe().mode}
            figures["calls"] = [await throughput(service, function, options.in_flight, options.seconds) for _ in range(3)]
            for name, digest, bootstrap in (("c", small, Path(scratch, "bootstrap")), ("python", python, FUNCTIONS / "echo" / "bootstrap")):
                figures[f"cold_{name}"] = await cold_start(service, name, Function(function.urn, code=digest), 10)
                figures[f"bare_{name}_ms"] = round(statistics.median(bare_start(bootstrap) for _ in range(10)), 2)
            print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--isolation", default="auto")
    uvloop.run(main(parser.parse_args()))
