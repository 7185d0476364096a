"""The runner as a service: the pool, an engine, code packages and the functions' logs, put together."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from sluice.clock import Clock
from sluice.engine import Engine
from sluice_runner.local import LocalRunner
from sluice_runner.packages import Fetch, Packages
from sluice_runner.pool import Limits


class RunnerOptions(msgspec.Struct, frozen=True):
    """What an operator may set. `memory_budget_mb` 0: half of the machine. `simultaneous_starts` 0: twice the cores."""

    memory_budget_mb: int = 0
    simultaneous_starts: int = 0
    idle_s: float = 60.0
    hold_s: float = 30.0
    start_within_s: float = 60.0

    def limits(self) -> Limits:
        memory = self.memory_budget_mb or machine_memory_mb() // 2
        return Limits(memory, self.simultaneous_starts or 2 * (os.cpu_count() or 1), self.idle_s, self.hold_s)


class RunnerService:
    """One runner of one data directory. Use it as a context manager; in one process the dispatcher calls `runner` directly."""

    def __init__(self, data: Path, engine: Engine, fetch: Fetch, clock: Clock, options: RunnerOptions | None = None) -> None:
        options = options or RunnerOptions()
        self.engine = engine
        packages = Packages(data / "runner" / "code", fetch)
        self.runner = LocalRunner(engine, packages, clock, options.limits(), start_within_s=options.start_within_s)

    async def __aenter__(self) -> Self:
        await self.runner.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.runner.__aexit__(kind, error, trace)


def machine_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
