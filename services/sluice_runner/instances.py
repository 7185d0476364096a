"""Instances from their start to their end, on an engine: what the pool decides is carried out here, and what the engine says is heard."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from sluice.engine import EndCause, Ended, Engine, Start
from sluice.errors import SluiceError
from sluice.event import id_text
from sluice.function import Function
from sluice.outcome import Failure, FailureKind
from sluice_runner.environment import environment
from sluice_runner.fleet import Worker
from sluice_runner.live import InitFailed, LiveInstance
from sluice_runner.logs import LogStore
from sluice_runner.output import Output
from sluice_runner.packages import Packages
from sluice_runner.request import Requests

T = TypeVar("T")

STOP_GRACE_S = 2.0
FAREWELL_S = 5.0
"""What a pre-stop hook has at most when the runner itself ends, which has ten seconds for all it does."""

_log = structlog.get_logger()


class Instances(Generic[T]):
    """Starts and ends instances. `up` is called with each that is ready, `not_up` with each that could not be, and `down` once for each
    that was ready, when nothing of it runs any more: with a failure if it ended by itself, None if it was stopped."""

    def __init__(
        self,
        engine: Engine,
        packages: Packages,
        logs: LogStore,
        start_within_s: float,
        up: Callable[[LiveInstance[T]], None],
        not_up: Callable[[Worker[T], Failure], None],
        down: Callable[[LiveInstance[T], Failure | None], None],
    ) -> None:
        self._engine = engine
        self._packages = packages
        self._logs = logs
        self._start_within_s = start_within_s
        self._up = up
        self._not_up = not_up
        self._down = down
        self._live: dict[str, LiveInstance[T]] = {}
        self._outputs: dict[str, Output] = {}
        self._requests: dict[str, Requests] = {}
        engine.watch(self)

    async def bring_up(self, worker: Worker[T]) -> None:
        """Start an instance and initialise it."""
        output = self._outputs[worker.name] = Output(self._logs, worker.function, worker.name)
        try:
            live = await self._start(worker, output)
        except InitFailed as error:
            await self._engine.stop(worker.name)
            self._failed(worker, Failure(FailureKind.INIT_FAILED, str(error)))
        except (SluiceError, OSError) as error:
            self._failed(worker, Failure(FailureKind.START_FAILED, f"the instance did not start: {error}{_hint(output, worker)}"))
        else:
            self._ready(worker, live)

    async def bring_down(self, live: LiveInstance[T], why: str) -> None:
        """End an instance that has nothing to do, asking it first."""
        if live.dying:
            return
        live.die()
        live.output.said(f"Instance retired: {why}")
        await self._engine.stop(live.name, grace_s=max(STOP_GRACE_S, live.worker.function.pre_stop_timeout_s))
        self._bury(live, None)

    async def kill(self, live: LiveInstance[T]) -> None:
        """End an instance at once; returns when nothing of it runs."""
        await self._engine.stop(live.name)
        self._live.pop(live.name, None)

    async def bid_farewell(self) -> None:
        """Let those with a pre-stop hook end by themselves, all at once."""
        asked = [(live.name, live.worker.function.pre_stop_timeout_s) for live in self._live.values() if live.worker.function.pre_stop]
        await asyncio.gather(*(self._engine.stop(name, grace_s=min(FAREWELL_S, within_s)) for name, within_s in asked))

    def find(self, worker: Worker[T]) -> LiveInstance[T] | None:
        return self._live.get(worker.name)

    def close(self) -> None:
        for live in self._live.values():
            live.die()

    def ended(self, end: Ended) -> None:
        """From the engine."""
        output = self._outputs.pop(end.name, None)
        if output is not None:
            output.end(f"{end.cause.value.replace('_', ' ')}{': ' if end.message else ''}{end.message}")
        live = self._live.get(end.name)
        if live is None:
            return
        live.gone.set()
        if not live.dying:
            live.die()
            self._bury(live, _failure(end))

    def printed(self, name: str, stream: str, data: bytes) -> None:
        """From the engine."""
        output = self._outputs.get(name)
        if output is not None:
            output.printed(stream, data)

    async def _start(self, worker: Worker[T], output: Output) -> LiveInstance[T]:
        function = worker.function
        code = await self._packages.folder(function.code) if function.code else None
        order = Start(worker.name, function, environment(function), code, self._start_within_s)
        instance = await self._engine.start(order)
        live = LiveInstance(worker, instance, self._requests_of(function), output)
        if function.initialize:
            try:
                await live.initialise(function, id_text(secrets.token_bytes(16)))
            except InitFailed:
                live.die()
                raise
        return live

    def _requests_of(self, function: Function) -> Requests:
        """Shared by all instances of a version and memory size."""
        known = self._requests.get(function.place)
        if known is None or known.function is not function:
            known = self._requests[function.place] = Requests(function)
        return known

    def _ready(self, worker: Worker[T], live: LiveInstance[T]) -> None:
        if worker.name not in self._outputs:
            live.die()
            self._failed(worker, Failure(FailureKind.START_FAILED, "the instance ended as soon as it had started"))
            return
        self._live[worker.name] = live
        self._up(live)

    def _failed(self, worker: Worker[T], failure: Failure) -> None:
        output = self._outputs.pop(worker.name, None) or Output(self._logs, worker.function, worker.name)
        output.said(f"Instance not started: {failure.message}")
        _log.warning("instance_not_started", function=worker.function.urn, instance=worker.name, reason=failure.kind.value)
        self._not_up(worker, failure)

    def _bury(self, live: LiveInstance[T], failure: Failure | None) -> None:
        self._live.pop(live.name, None)
        self._down(live, failure)


def _hint(output: Output, worker: Worker[T]) -> str:
    """Where to look, if it printed anything. What it printed may hold secrets and belongs in its log only."""
    return f"; `sluice logs {worker.function.urn.split(':')[-2]}` shows what it printed" if output.has_printed else ""


def _failure(end: Ended) -> Failure | None:
    if end.cause is EndCause.OUT_OF_MEMORY:
        return Failure(FailureKind.OUT_OF_MEMORY, "runtime memory limit exceeded")
    if end.cause is EndCause.EXITED:
        return Failure(FailureKind.CRASHED, f"the instance ended during the call: {end.message}")
    return None


async def end_of(live: LiveInstance[T], within_s: float) -> bool:
    """Whether the instance ends within a moment."""
    try:
        await asyncio.wait_for(live.gone.wait(), within_s)
    except TimeoutError:
        return False
    return True
