"""The runner in one process: the pool's decisions carried out on an engine, and calls on keep-alive connections."""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import Self

from sluice.clock import Clock
from sluice.engine import Engine
from sluice.function import Function
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import Call, Done, InstanceState
from sluice_runner.connection import Connection, Ending
from sluice_runner.deadlines import Deadlines
from sluice_runner.fleet import Worker
from sluice_runner.instances import Instances, end_of
from sluice_runner.live import LiveInstance
from sluice_runner.logs import LogStore
from sluice_runner.packages import Packages
from sluice_runner.pool import Limits, Pool, Refuse, StartWorker, StopWorker
from sluice_runner.replay import BadEvent
from sluice_runner.run import Run
from sluice_runner.tasks import Tasks

START_WITHIN_S = 60.0
_TICK_S = 0.01
_SWEEP_S = 1.0
_FATE_WITHIN_S = 0.25
"""After a connection broke, this long is waited to hear whether the instance ended too."""

_TOO_LARGE = Failure(FailureKind.ANSWER_TOO_LARGE, "the answer's body is larger than max value '6291456'")
_BROKEN = {
    Ending.RESET: Failure(FailureKind.CRASHED, "the connection closed before any byte of the answer"),
    Ending.CUT: Failure(FailureKind.CRASHED, "the connection closed in the middle of the answer"),
    Ending.GARBAGE: Failure(FailureKind.BAD_ANSWER, "what came back is not HTTP"),
}
_RESET = Failure(FailureKind.CONNECTION_RESET, "a reused connection was reset before any byte of the answer")
_CANCELLED = Failure(FailureKind.CANCELLED, "function invocation canceled")
"""Of the call that somebody asked for, and of those that its instance ran beside it."""
_BYSTANDER = Failure(FailureKind.LOST, "the end of another call took the instance along")


class LocalRunner:
    """Implements `sluice.runner.Runner` on one engine. Enter it before the first call; leaving it ends all instances."""

    def __init__(
        self,
        engine: Engine,
        packages: Packages,
        logs: LogStore,
        clock: Clock,
        limits: Limits,
        *,
        start_within_s: float = START_WITHIN_S,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._now = clock.monotonic
        self._pool: Pool[Run] = Pool(limits, f"{secrets.token_hex(3)}-")
        self._instances: Instances[Run] = Instances(engine, packages, logs, start_within_s, self._up, self._not_up, self._down)
        self._handles: dict[Worker[Run], LiveInstance[Run]] = {}
        self._runs: dict[bytes, Run] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._grown: set[str] = set()
        self._tasks = Tasks()
        self._timer: asyncio.TimerHandle | None = None
        self._deciding = False
        self._idle: asyncio.Future[None] | None = None

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
        self._instances.close()
        await self._instances.bid_farewell()
        await self._engine.__aexit__(*exc)
        for run in list(self._runs.values()):
            self._reply(run, Reply(0, failure=Failure(FailureKind.LOST, "the runner has stopped")))

    def submit(self, call: Call, done: Done) -> None:
        run = Run(call, done, self._answered)
        self._runs[call.id] = run
        worker = self._pool.take(run, call.function, self._now())
        if worker is not None:
            self._begin(run, self._handles[worker])
        elif not self._deciding:
            self._decide_soon()

    def settled(self, calls: Iterable[Call]) -> None:
        """It ends with its dispatcher and keeps nothing for the next one."""

    def credit(self, function: Function) -> int:
        return self._pool.credit(function, self._now())

    def on_credit(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        run = self._runs.get(event)
        if run is None:
            return False
        failure = _CANCELLED
        if run.begun:
            if force:
                self._kill(run, failure)
            return force
        if not self._pool.drop(run, run.call.function):
            return False
        self._loop.call_soon(self._reply, run, Reply(0, failure=failure))
        return True

    def reserve(self, function: Function, count: int) -> None:
        """Keep `count` instances of this version from now on, whether there are calls or not."""
        self._pool.reserve(function, count)
        self._decide_soon()

    def disable(self, function: Function) -> None:
        """Calls of it that run go on; those that wait are refused, also when no further call tells that it is disabled."""
        self._pool.disable(function)
        self._decide_soon()

    def busy(self, function: Function) -> int:
        """Calls of the function that run or wait here."""
        fleet = self._pool.fleets.get(function.place)
        return fleet.busy if fleet else 0

    async def unstarted(self) -> frozenset[bytes]:
        return frozenset(event for event, run in self._runs.items() if not run.begun)

    def instances(self) -> list[InstanceState]:
        return [self._state(worker) for fleet in self._pool.fleets.values() for worker in fleet.workers]

    def packages_in_use(self) -> frozenset[str]:
        """Digests of the code that instances run, or are being started with."""
        return frozenset(worker.function.code for fleet in self._pool.fleets.values() for worker in fleet.workers)

    async def idle(self) -> None:
        """Returns when no call is under way."""
        while self._runs:
            self._idle = self._idle or self._loop.create_future()
            await asyncio.shield(self._idle)

    # The way of a call. Each of these runs once a call: no task, no await.

    def _begin(self, run: Run, live: LiveInstance[Run]) -> None:
        run.live = live
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
        if call.log:
            live.instance.drain()  # what the call before printed is not this one's
        run.written = live.output.began(call.id, tail=call.log)
        run.started_at = self._now()
        connection.send(request, run.ended, bodiless=bodiless)
        self._deadlines.watch(connection, self._loop.time() + (call.timeout_s or call.function.timeout_s))

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
        if live.dying:
            return  # whoever ends the instance replies
        now = self._now()
        took_s = now - run.started_at if run.started_at else 0.0
        self._complete(run, reply, took_s)
        following = self._pool.release(live.worker, took_s, now)
        if following is not None:
            self._begin(following, live)
        elif self._pool.stirred:
            self._decide_soon()
        self._reply(run, reply)

    def _complete(self, run: Run, reply: Reply, took_s: float) -> None:
        """What the runner knows of the call beside the answer."""
        live = run.live
        reply.instance = live.name
        reply.duration_ms = took_s * 1000
        reply.memory_mb = live.instance.memory_mb()
        if live.cold:
            live.cold, reply.cold = False, True
        if run.written:
            live.instance.drain()
            live.output.finished(run.call.id, reply)
        if run.call.log:
            reply.log = live.output.take_tail(run.call.id)

    def _reply(self, run: Run, reply: Reply) -> None:
        call = run.call
        if self._runs.pop(call.id, None) is None:
            return
        self._grew(call.function.place)
        run.done(call, reply)
        if self._idle is not None and not self._runs:
            self._idle.set_result(None)
            self._idle = None

    def _grew(self, place: str) -> None:
        """The function's credit may have grown; its listeners hear it once, soon."""
        if not self._grown:
            self._loop.call_soon(self._tell_credit)
        self._grown.add(place)

    def _tell_credit(self) -> None:
        grown, self._grown = self._grown, set()
        for place in grown:
            for listener in self._listeners:
                listener(place)

    # What goes wrong.

    async def _connect(self, run: Run, live: LiveInstance[Run]) -> None:
        try:
            connection = await live.connect()
        except (OSError, TimeoutError) as error:
            await self._find_out(run, live, Failure(FailureKind.CONNECTION_RESET, f"no connection to the instance: {error}"), kill=True)
            return
        self._send(run, live, connection)

    def _broken(self, run: Run, live: LiveInstance[Run], connection: Connection, ending: Ending) -> None:
        match ending:
            case Ending.TOO_LARGE:
                self._finish(run, Reply(connection.status, failure=_TOO_LARGE))
            case Ending.ENDLESS:
                self._kill(run, _TOO_LARGE)
            case Ending.LATE:
                limit = run.call.timeout_s or run.call.function.timeout_s
                self._kill(run, Failure(FailureKind.TIMEOUT, f"no whole answer within {limit:g} s; the instance was stopped"))
            case Ending.RESET if connection.reused:
                self._tasks.spawn(self._find_out(run, live, _RESET, kill=False))
            case _:
                self._tasks.spawn(self._find_out(run, live, _BROKEN[ending], kill=True))

    async def _find_out(self, run: Run, live: LiveInstance[Run], failure: Failure, *, kill: bool) -> None:
        """The end of the instance explains a broken connection better than the connection can; it is heard a moment later. If the
        instance lives, the call may go on inside it: then it is killed, unless the connection was closed between two calls."""
        if await end_of(live, _FATE_WITHIN_S) or live.dying:
            return
        if kill:
            self._kill(run, failure)
        else:
            self._finish(run, Reply(0, failure=failure))

    def _kill(self, run: Run, failure: Failure) -> None:
        """End the instance of a call. The reply comes when the instance is known dead, so that no other attempt can overlap it."""
        live = run.live
        if not live.dying:
            live.die()
            self._pool.retire(live.worker, failure.message)
            self._tasks.spawn(self._kill_and_tell(run, live, failure))

    async def _kill_and_tell(self, run: Run, live: LiveInstance[Run], failure: Failure) -> None:
        await self._instances.kill(live)
        self._fail(run, failure)
        crashed = failure.kind in (FailureKind.CRASHED, FailureKind.BAD_ANSWER)
        self._bury(live, failure if crashed else None, failure if failure is _CANCELLED else _BYSTANDER)

    def _fail(self, run: Run, failure: Failure) -> None:
        reply = Reply(0, failure=failure)
        self._complete(run, reply, self._now() - run.started_at if run.started_at else 0.0)
        self._reply(run, reply)

    def _bury(self, live: LiveInstance[Run], ended: Failure | None, told: Failure) -> None:
        """The instance is gone: its calls are told, and the pool."""
        self._handles.pop(live.worker, None)
        self._pool.ended(live.worker, ended, self._now())
        for run in [each for each in self._runs.values() if each.begun and each.live is live]:
            self._fail(run, told)
        self._grew(live.worker.function.place)
        self._decide_soon()

    # What becomes of instances.

    def _up(self, live: LiveInstance[Run]) -> None:
        worker = live.worker
        self._handles[worker] = live
        runs = self._pool.ready(worker, self._now())
        live.cold = bool(runs)
        for run in runs:
            self._begin(run, live)
        self._grew(worker.function.place)
        self._decide_soon()

    def _not_up(self, worker: Worker[Run], failure: Failure) -> None:
        self._pool.start_failed(worker, failure, self._now())
        self._grew(worker.function.place)
        self._decide_soon()

    def _down(self, live: LiveInstance[Run], failure: Failure | None) -> None:
        self._bury(live, failure, failure or Failure(FailureKind.LOST, "the instance was stopped"))

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
            for place in self._pool.sweep(now):
                self._grew(place)
        self._timer = self._loop.call_later(_TICK_S if self._pool.held else _SWEEP_S, self._tick)
        self._decide()

    def _decide(self) -> None:
        self._deciding = False
        for decision in self._pool.decide(self._now()):
            match decision:
                case StartWorker(worker):
                    self._tasks.spawn(self._instances.bring_up(worker))
                case StopWorker(worker, why):
                    self._tasks.spawn(self._instances.bring_down(self._handles[worker], why))
                case Refuse(run, failure):
                    self._reply(run, Reply(0, failure=failure))
        self._decide_soon()

    def _state(self, worker: Worker[Run]) -> InstanceState:
        live = self._handles.get(worker)
        started_at = self._clock.time() - (self._now() - worker.started_at)
        memory = live.instance.memory_mb() if live else 0.0
        return InstanceState(worker.name, worker.function.urn, worker.state.value, started_at, worker.calls, memory, worker.why)
