"""The runner in one process: the pool's decisions carried out on an engine, and calls on keep-alive connections."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Self

import structlog

from sluice.clock import Clock
from sluice.engine import EndCause, Ended, Engine, Start, StartFailed
from sluice.errors import SluiceError
from sluice.event import id_text
from sluice.function import Function
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import Call, Done, InstanceState
from sluice_runner.connection import Connection, Ending
from sluice_runner.deadlines import Deadlines
from sluice_runner.environment import environment
from sluice_runner.live import InitFailed, LiveInstance
from sluice_runner.packages import Packages
from sluice_runner.pool import Limits, Pool, Refuse, StartWorker, StopWorker, Worker
from sluice_runner.replay import BadEvent
from sluice_runner.request import Requests
from sluice_runner.run import Run
from sluice_runner.tasks import Tasks

_TICK_S = 0.01
_SWEEP_S = 1.0
START_WITHIN_S = 60.0
_STOP_GRACE_S = 2.0
_FATE_WITHIN_S = 0.25
"""After a connection broke, this long is waited to hear whether the instance ended too."""

_log = structlog.get_logger()
_FAILURES = {
    Ending.CUT: Failure(FailureKind.CRASHED, "the connection closed in the middle of the answer"),
    Ending.GARBAGE: Failure(FailureKind.BAD_ANSWER, "what came back is not HTTP"),
    Ending.TOO_LARGE: Failure(FailureKind.ANSWER_TOO_LARGE, "the answer's body is larger than max value '6291456'"),
    Ending.ENDLESS: Failure(FailureKind.ANSWER_TOO_LARGE, "the answer's body is larger than max value '6291456' and did not end"),
}


class LocalRunner:
    """Implements `sluice.runner.Runner` on one engine. Enter it before the first call; leaving it ends all instances."""

    def __init__(self, engine: Engine, packages: Packages, clock: Clock, limits: Limits, *, start_within_s: float = START_WITHIN_S) -> None:
        self._engine = engine
        self._packages = packages
        self._now = clock.monotonic
        self._clock = clock
        self._start_within_s = start_within_s
        self._pool: Pool[Run] = Pool(limits, f"{secrets.token_hex(3)}-")
        self._runs: dict[bytes, Run] = {}
        self._lives: dict[str, LiveInstance[Run]] = {}
        self._handles: dict[Worker[Run], LiveInstance[Run]] = {}
        self._ends: dict[str, asyncio.Future[Ended]] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._grown: set[str] = set()
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None
        self._deciding = False
        engine.watch(self)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._deadlines = Deadlines(self._loop)
        await self._engine.__aenter__()
        self._swept_at = self._now()
        self._timer = self._loop.call_later(_SWEEP_S, self._tick)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._deadlines.close()
        await self._tasks.close()
        for run in list(self._runs.values()):
            self._reply(run, Reply(0, failure=Failure(FailureKind.LOST, "the runner has stopped")))
        for live in self._lives.values():
            live.close()
        await self._engine.__aexit__(*exc)

    def submit(self, call: Call, done: Done) -> None:
        run = Run(call, done, self._answered)
        self._runs[call.id] = run
        worker = self._pool.take(run, call.function, self._now())
        if worker is not None:
            self._begin(run, worker)
        elif not self._deciding:
            self._decide_soon()

    def credit(self, function: Function) -> int:
        return self._pool.credit(function, self._now())

    def on_credit(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def cancel(self, event: bytes) -> bool:
        run = self._runs.get(event)
        if run is None:
            return False
        failure = Failure(FailureKind.CANCELLED, "somebody asked for its end")
        if not run.begun:
            if not self._pool.drop(run, run.call.function):
                return False
            self._loop.call_soon(self._reply, run, Reply(0, failure=failure))
            return True
        self._kill(run, failure)
        return True

    def instances(self) -> list[InstanceState]:
        return [self._state(worker) for fleet in self._pool.fleets.values() for worker in fleet.workers]

    @property
    def busy(self) -> int:
        """Calls taken and not yet answered."""
        return len(self._runs)

    # The way of a call.

    def _begin(self, run: Run, worker: Worker[Run]) -> None:
        run.live = live = self._handles[worker]
        run.begun = True
        if live.idle:
            self._send(run, live, live.idle.pop())
        else:
            self._tasks.spawn(self._connect(run, live))

    def _send(self, run: Run, live: LiveInstance[Run], connection: Connection) -> None:
        call = run.call
        bodiless = False
        if call.function.is_http:
            try:
                request, bodiless = live.requests.replay(call)
            except BadEvent as error:
                live.idle.append(connection)
                self._loop.call_soon(self._finish, run, Reply(0, failure=Failure(FailureKind.REFUSED, str(error))))
                return
        else:
            request = live.requests.invoke(call)
        run.started_at = self._now()
        connection.send(request, run.ended, bodiless=bodiless)
        self._deadlines.watch(connection, self._loop.time() + (call.timeout_s or call.function.timeout_s))

    async def _connect(self, run: Run, live: LiveInstance[Run]) -> None:
        try:
            connection = await live.connect()
        except (OSError, TimeoutError) as error:
            await self._fate(run, live, Failure(FailureKind.CONNECTION_RESET, f"no connection to the instance: {error}"), kill=True)
            return
        if run.call.id in self._runs and not live.dying:
            self._send(run, live, connection)
        else:
            connection.abandon()

    def _answered(self, run: Run, connection: Connection, ending: Ending) -> None:
        live = run.live
        if ending is not Ending.ANSWERED:
            self._broken(run, live, connection, ending)
            return
        status = connection.status
        failure = None
        if not 200 <= status < 300 and not run.call.function.is_http:
            failure = Failure(FailureKind.FUNCTION_ERROR, f"the function answered with status {status}")
        reply = Reply(status, connection.body, connection.headers, failure)
        live.give_back(connection)
        self._finish(run, reply)

    def _finish(self, run: Run, reply: Reply) -> None:
        """The instance is well and the call has its reply: the next call takes its place."""
        live = run.live
        worker = live.worker
        now = self._now()
        took_s = now - run.started_at if run.started_at else 0.0
        reply.instance = live.name
        reply.duration_ms = took_s * 1000
        if live.cold:
            live.cold, reply.cold = False, True
        following = self._pool.release(worker, took_s, now)
        if following is not None:
            self._begin(following, worker)
        elif self._pool.stirred:
            self._decide_soon()
        self._reply(run, reply)

    def _reply(self, run: Run, reply: Reply) -> None:
        call = run.call
        if self._runs.pop(call.id, None) is None:
            return
        self._grew(call.function.urn)
        run.done(call, reply)

    def _grew(self, urn: str) -> None:
        """The function's credit may have grown; its listeners hear it once, soon."""
        if not self._grown:
            self._loop.call_soon(self._tell_credit)
        self._grown.add(urn)

    def _tell_credit(self) -> None:
        grown, self._grown = self._grown, set()
        for urn in grown:
            for listener in self._listeners:
                listener(urn)

    # What goes wrong.

    def _broken(self, run: Run, live: LiveInstance[Run], connection: Connection, ending: Ending) -> None:
        if ending is Ending.TOO_LARGE:
            self._finish(run, Reply(connection.status, failure=_FAILURES[ending]))
        elif ending is Ending.ENDLESS:
            self._kill(run, _FAILURES[ending])
        elif ending is Ending.LATE:
            limit = run.call.timeout_s or run.call.function.timeout_s
            self._kill(run, Failure(FailureKind.TIMEOUT, f"no whole answer within {limit:g} s; the instance was stopped"))
        elif ending is Ending.RESET and connection.used:
            failure = Failure(FailureKind.CONNECTION_RESET, "a reused connection was reset before any byte of the answer")
            self._tasks.spawn(self._fate(run, live, failure, kill=False))
        elif ending is Ending.RESET:
            failure = Failure(FailureKind.CRASHED, "the connection closed before any byte of the answer")
            self._tasks.spawn(self._fate(run, live, failure, kill=True))
        else:
            self._tasks.spawn(self._fate(run, live, _FAILURES[ending], kill=True))

    async def _fate(self, run: Run, live: LiveInstance[Run], failure: Failure, *, kill: bool) -> None:
        """Wait a moment for the end of the instance, which explains a broken connection better than the connection can."""
        end = self._ends.get(live.name)
        if end is not None:
            await asyncio.wait((end,), timeout=_FATE_WITHIN_S)
        if run.call.id not in self._runs or live.dying:
            return
        if kill:
            self._kill(run, failure)
        else:
            self._finish(run, Reply(0, failure=failure))

    def _kill(self, run: Run, failure: Failure) -> None:
        """End the instance of a call. The reply comes when the instance is known dead, so that no other attempt can overlap it."""
        live = run.live
        if live.dying:
            return
        live.dying = True
        self._pool.retire(live.worker, failure.message)
        live.close()
        self._tasks.spawn(self._kill_and_tell(run, live, failure))

    async def _kill_and_tell(self, run: Run, live: LiveInstance[Run], failure: Failure) -> None:
        await self._engine.stop(live.name)
        counts = failure.kind in (FailureKind.CRASHED, FailureKind.BAD_ANSWER)
        self._buried(live, failure if counts else None)
        self._reply(run, self._failed(run, live, failure))
        bystander = Failure(FailureKind.LOST, "another call's end took the instance along")
        self._fail_all(live, bystander)

    def _fail_all(self, live: LiveInstance[Run], failure: Failure) -> None:
        for run in [each for each in self._runs.values() if each.begun and each.live is live]:
            self._reply(run, self._failed(run, live, failure))

    def _failed(self, run: Run, live: LiveInstance[Run], failure: Failure) -> Reply:
        took = self._now() - run.started_at if run.started_at else 0.0
        return Reply(0, failure=failure, instance=live.name, cold=live.cold, duration_ms=took * 1000)

    def _buried(self, live: LiveInstance[Run], failure: Failure | None) -> None:
        worker = live.worker
        self._handles.pop(worker, None)
        self._lives.pop(live.name, None)
        self._pool.ended(worker, failure, self._now())
        self._grew(worker.function.urn)
        self._decide_soon()

    # What the engine says.

    def ended(self, end: Ended) -> None:
        future = self._ends.pop(end.name, None)
        if future is not None and not future.done():
            future.set_result(end)
        live = self._lives.get(end.name)
        if live is None or live.dying:
            return
        live.dying = True
        live.close()
        failure = _end_failure(end)
        self._buried(live, failure)
        self._fail_all(live, failure or Failure(FailureKind.LOST, "the instance was stopped"))

    def printed(self, name: str, stream: str, data: bytes) -> None:
        _log.debug("function_printed", instance=name, stream=stream, size=len(data))

    # What the pool decides.

    def _decide_soon(self) -> None:
        if self._pool.stirred and not self._deciding:
            self._deciding = True
            self._loop.call_soon(self._decide)
        elif self._pool.held:
            self._tick_within(_TICK_S)

    def _tick_within(self, seconds: float) -> None:
        if self._timer is not None and self._timer.when() > self._loop.time() + seconds:
            self._timer.cancel()
            self._timer = self._loop.call_later(seconds, self._tick)

    def _tick(self) -> None:
        now = self._now()
        if now - self._swept_at >= _SWEEP_S:
            self._swept_at = now
            self._pool.sweep(now)
        self._timer = self._loop.call_later(_TICK_S if self._pool.held else _SWEEP_S, self._tick)
        self._decide()

    def _decide(self) -> None:
        self._deciding = False
        for decision in self._pool.decide(self._now()):
            match decision:
                case StartWorker(worker):
                    self._tasks.spawn(self._bring_up(worker))
                case StopWorker(worker, why):
                    self._tasks.spawn(self._bring_down(worker, why))
                case Refuse(run, failure):
                    self._reply(run, Reply(0, failure=failure))
        self._decide_soon()

    async def _bring_up(self, worker: Worker[Run]) -> None:
        self._ends[worker.name] = self._loop.create_future()
        try:
            live = await self._start(worker)
        except (StartFailed, SluiceError, OSError) as error:
            self._not_started(worker, Failure(FailureKind.START_FAILED, f"the instance did not start: {error}"))
        except InitFailed as error:
            await self._engine.stop(worker.name)
            self._not_started(worker, Failure(FailureKind.INIT_FAILED, str(error)))
        else:
            self._up(worker, live)

    async def _start(self, worker: Worker[Run]) -> LiveInstance[Run]:
        function = worker.function
        code = await self._packages.folder(function.code) if function.code else None
        order = Start(worker.name, function, environment(function), code, self._start_within_s)
        instance = await self._engine.start(order)
        live = LiveInstance(worker, instance, Requests(function))
        if function.initialize:
            await live.initialise(function, id_text(secrets.token_bytes(16)))
        return live

    def _up(self, worker: Worker[Run], live: LiveInstance[Run]) -> None:
        end = self._ends.get(worker.name)
        if end is None:
            live.close()
            self._not_started(worker, Failure(FailureKind.START_FAILED, "the instance ended as soon as it had started"))
            return
        self._handles[worker] = live
        self._lives[worker.name] = live
        for run in self._pool.ready(worker, self._now()):
            self._begin(run, worker)
        self._grew(worker.function.urn)
        self._decide_soon()

    def _not_started(self, worker: Worker[Run], failure: Failure) -> None:
        self._ends.pop(worker.name, None)
        _log.warning("instance_not_started", function=worker.function.urn, instance=worker.name, reason=failure.message)
        self._pool.start_failed(worker, failure, self._now())
        self._grew(worker.function.urn)
        self._decide_soon()

    async def _bring_down(self, worker: Worker[Run], why: str) -> None:
        live = self._handles.get(worker)
        if live is None or live.dying:
            return
        live.dying = True
        live.close()
        _log.info("instance_retired", function=worker.function.urn, instance=worker.name, reason=why)
        await self._engine.stop(worker.name, grace_s=_STOP_GRACE_S)
        self._buried(live, None)

    def _state(self, worker: Worker[Run]) -> InstanceState:
        live = self._handles.get(worker)
        started_at = self._clock.time() - (self._now() - worker.started_at)
        memory = live.instance.memory_mb() if live else 0.0
        return InstanceState(worker.name, worker.function.urn, worker.state.value, started_at, worker.calls, memory, worker.why)


def _end_failure(end: Ended) -> Failure | None:
    if end.cause is EndCause.OUT_OF_MEMORY:
        return Failure(FailureKind.OUT_OF_MEMORY, "runtime memory limit exceeded")
    if end.cause is EndCause.EXITED:
        return Failure(FailureKind.CRASHED, f"the instance ended during the call: {end.message}")
    return None
