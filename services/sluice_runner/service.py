"""The runner as a service: the pool, an engine, code packages and the functions' logs, put together."""

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import structlog

from sluice.catalog import Change, Snapshot
from sluice.clock import Clock
from sluice.engine import Engine
from sluice.runner import InstanceState, LogLine
from sluice.urn import parse
from sluice_runner.local import LocalRunner
from sluice_runner.logs import LogStore
from sluice_runner.packages import Fetch, Packages
from sluice_runner.pool import Limits
from sluice_runner.reserve import Reserve
from sluice_runner.tasks import Tasks

SWEEP_PACKAGES_S = 600.0

_log = structlog.get_logger()


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
    """One runner of one data directory. Use it as a context manager. `runner` is the Runner port; this is the Logs port."""

    def __init__(self, data: Path, engine: Engine, fetch: Fetch, clock: Clock, options: RunnerOptions | None = None) -> None:
        options = options or RunnerOptions()
        data = data.resolve()  # instances are started from another working directory than ours
        self.engine = engine
        self._log_store = LogStore(data / "runner" / "logs", clock)
        self._packages = Packages(data / "runner" / "code", fetch, clock)
        self.runner = LocalRunner(engine, self._packages, self._log_store, clock, options.limits(), start_within_s=options.start_within_s)
        self._tasks = Tasks()
        self._keeping = Tasks()
        self._clock = clock

    async def __aenter__(self) -> Self:
        await self.runner.__aenter__()
        self._tasks.keep(self._log_store.run)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends all instances, and writes what they printed last."""
        await self._keeping.close()
        await self.runner.__aexit__(kind, error, trace)
        await self._tasks.close()

    def keep(self, snapshot: Snapshot) -> None:
        """Follow the catalog from now until this is left: keep the reserved instances and the code packages that it tells of, and hold no
        call for a function that it disables."""
        snapshot.listen(self._hear)
        self._keeping.keep(Reserve(snapshot, self.runner, self._clock).run)
        self._keeping.keep(partial(self._sweep_packages, snapshot))

    def _hear(self, change: Change) -> None:
        if change.function is not None and change.function.max_instances == 0:
            self.runner.disable(change.function)

    async def _sweep_packages(self, snapshot: Snapshot) -> None:
        while True:
            known = {function.code for function in snapshot.functions.values()}
            removed = await self._packages.sweep(partial(self._is_needed, known))
            if removed:
                _log.info("packages_removed", packages=removed)
            await asyncio.sleep(SWEEP_PACKAGES_S)

    def _is_needed(self, known: set[str], digest: str) -> bool:
        return digest in known or digest in self.runner.packages_in_use()

    def logs(self, function: str, *, since: float, limit: int, follow: bool) -> AsyncIterator[LogLine]:
        return self._log_store.read(function, since=since, limit=limit, follow=follow)

    async def instances(self, project: str) -> list[InstanceState]:
        """Of a project; "": all."""
        states = self.runner.instances()
        return [state for state in states if not project or parse(state.urn, region="", project="").project == project]

    async def drain(self, within_s: float) -> bool:
        """Wait for the calls under way; whether all have ended. New ones are not refused: their source stops first."""
        try:
            await asyncio.wait_for(self.runner.idle(), within_s)
        except TimeoutError:
            return False
        return True


def machine_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
