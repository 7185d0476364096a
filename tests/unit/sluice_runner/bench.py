"""A runner on a fake engine, and calls on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sluice.clock import SystemClock
from sluice.event import random_id
from sluice.function import Function
from sluice.outcome import Reply
from sluice.runner import Call
from sluice_runner.local import LocalRunner
from sluice_runner.logs import LogStore
from sluice_runner.packages import Packages
from sluice_runner.pool import Limits
from tests.contracts.fake_engine import FakeEngine

LIMITS = Limits(memory_mb=4096, starts=4, idle_s=60.0, hold_s=5.0)


def function(name: str = "one", **fields: object) -> Function:
    return Function(f"urn:fss:region:project:function:default:{name}:latest", image="fake", **fields)  # type: ignore[arg-type]


class Bench:
    def __init__(self, runner: LocalRunner, engine: FakeEngine, logs: LogStore) -> None:
        self.runner = runner
        self.engine = engine
        self.logs = logs
        self.replies = 0

    def submit(self, which: Function, body: bytes = b"{}", **fields: object) -> "asyncio.Future[Reply]":
        """A call; its reply comes into the future, and a second one would be an error."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def done(call: Call, reply: Reply) -> None:
            self.replies += 1
            answer.set_result(reply)

        call = Call(fields.pop("id", None) or random_id(), which, body, **fields)  # type: ignore[arg-type]
        self.runner.submit(call, done)
        assert not answer.done(), "never from inside submit"
        return answer

    async def call(self, which: Function, body: bytes = b"{}", within_s: float = 10.0, **fields: object) -> Reply:
        return await asyncio.wait_for(self.submit(which, body, **fields), within_s)


@asynccontextmanager
async def running(folder: Path, engine: FakeEngine | None = None, limits: Limits = LIMITS) -> AsyncIterator[Bench]:
    async def fetch(digest: str) -> AsyncIterator[bytes]:
        yield b""  # images have no code package

    engine = engine or FakeEngine()
    clock = SystemClock()
    logs = LogStore(folder / "logs", clock)
    async with LocalRunner(engine, Packages(folder / "code", fetch, clock), logs, clock, limits) as runner:
        yield Bench(runner, engine, logs)
