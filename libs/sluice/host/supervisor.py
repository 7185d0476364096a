"""Runs the triggers of one service: one task for each active binding, started again with back-off when it stops by itself."""

import asyncio
import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import msgspec
import structlog

from sluice.binding import Binding, TriggerStatus
from sluice.catalog import Change, Health, Snapshot
from sluice.clock import Clock
from sluice.dispatch import Dispatch, Session
from sluice.errors import ClaimLost, ConfigurationError, SourceLost, Unavailable
from sluice.host.batching import Batching
from sluice.host.doors import LocalDoors
from sluice.host.intake import HostIntake, Rested
from sluice.host.plans import Plans
from sluice.host.rests import Rests
from sluice.ledger import Claim, Slice
from sluice.metrics import RESTARTS, Counter, Exposition
from sluice.tracing import NoTraces, Traces
from sluice.trigger import Trigger, TriggerKind

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
REFUSED_PAUSE_S = 30.0
STEADY_S = 60.0
"""A run of this length forgives the failures before it."""
TICK_S = 0.1
"""How often is looked for triggers whose rest ends."""
MOST_STARTING = 512
"""More are started when these are ready: what a hundred thousand need all at once to start would stay with the process."""
STRIDE = 64
STRIDE_S = 0.005
"""So many are started at once, so long after one another; the event loop has other work."""
WAKE = 16
"""So many are woken at once, or a part of LEAST_TURNS where more wait: what is due meanwhile must not have to wait for it."""
LEAST_TURNS = 8
TRICKLE = 8
"""So many instead while those that start do not get ready."""
A_REPORT = 2048
"""Triggers that are told of in each report even if they are as they were; of more triggers at least a part of ROUND, so that each is told
of before its last report is too old (60 s)."""
ROUND = 16

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Running:
    """One supervised trigger. While it rests it has no task and no intake, only the claims it held, and shortly before it fires what it
    has planned."""

    binding: Binding
    task: "asyncio.Task[None] | None" = None
    intake: HostIntake | None = None
    held: tuple[Claim, ...] = ()
    planned: Slice | None = None
    state: str = "starting"
    reason: str = ""
    failures: int = 0


class Supervisor:
    """The triggers of the kinds that this process serves. Follows the snapshot's bindings."""

    def __init__(
        self,
        service: str,
        kinds: Mapping[str, TriggerKind],
        dispatch: Dispatch,
        snapshot: Snapshot,
        clock: Clock,
        exposition: Exposition,
        traces: Traces | None = None,
    ) -> None:
        self._traces = traces or NoTraces()
        self._service = service
        self._kinds = kinds
        self._dispatch = dispatch
        self._session: Session = dispatch.session(service)
        self._snapshot = snapshot
        self._clock = clock
        self._running: dict[str, Running] = {}
        self._due: deque[Running] = deque()
        self._starting: set[Running] = set()
        self._waking: deque[Running] = deque()
        self._rests: Rests[Running] = Rests(clock.time())
        self._plans: Plans[Running] = Plans(clock, self._offer)
        self._news: dict[str, None] = {}
        self._round: Iterator[str] = iter(())
        self._ending: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.doors = LocalDoors(self._bindings_starting)
        """Those of the triggers that are pushed to."""
        self.restarts = Counter(RESTARTS)
        exposition.add(self.restarts.samples)

    async def run(self) -> None:
        """Supervise until cancelled; then every trigger is stopped and its sources are let go."""
        self._snapshot.listen(self._changed)
        for binding in list(self._snapshot.bindings.values()):
            self._set(binding)
        try:
            while True:
                pause_s = self._turn()
                await asyncio.sleep(pause_s)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Stop every trigger; records not yet accepted stay at their source."""
        self._stopping = True
        self._plans.stop()
        for name in list(self._running):
            self._remove(name)
        if self._ending:
            await asyncio.wait(self._ending)
        await self._session.close()

    def health(self) -> list[Health]:
        """How each trigger is."""
        return self._healths(list(self._running))

    def report(self) -> list[Health]:
        """The next report to the catalog: what changed, and of the others so many that none is forgotten there."""
        count = max(A_REPORT, len(self._running) // ROUND)
        names = dict.fromkeys(islice(self._news, count))
        for name in names:
            del self._news[name]
        return self._healths(list(names | dict.fromkeys(self._next_of_all(count))))

    def _next_of_all(self, count: int) -> list[str]:
        taken = list(islice(self._round, count))
        if len(taken) < count:
            self._round = iter(list(self._running))
            taken += islice(self._round, count - len(taken))
        return taken

    def _healths(self, names: list[str]) -> list[Health]:
        now = self._clock.time()
        known = [(name, self._running[name]) for name in names if name in self._running]
        return [Health(name, self._service, one.state, one.reason, self._lag(one), at=now) for name, one in known]

    def _say(self, running: Running, state: str, reason: str = "") -> None:
        if (state, reason) != (running.state, running.reason):
            running.state, running.reason = state, reason
            self._news[running.binding.trigger] = None

    def _lag(self, running: Running) -> int:
        lags = running.intake.lags if running.intake else {}
        return sum(lags.values()) if lags else -1

    def _bindings_starting(self) -> list[Binding]:
        return [running.binding for running in (*self._starting, *self._due) if self._is_current(running)]

    def _changed(self, change: Change) -> None:
        if change.binding:
            self._set(change.binding)
        elif change.removed.startswith("binding:"):
            self._remove(change.removed.partition(":")[2])

    def _set(self, binding: Binding) -> None:
        if binding.type not in self._kinds or self._stopping:
            return
        running = self._running.get(binding.trigger)
        if running is not None:
            if _same(running.binding, binding):
                return
            self._remove(binding.trigger)
        if binding.status is TriggerStatus.ACTIVE:
            self._running[binding.trigger] = running = Running(binding)
            self._due.append(running)
            self._begin_due()

    def _turn(self) -> float:
        """Wake those whose rest ends, and start as many of the new ones as there is room for; when to look again (s)."""
        self._plans.turn()
        self._waking.extend(self._rests.due(self._clock.time()))
        for _ in range(min(len(self._waking), max(WAKE, len(self._waking) // LEAST_TURNS))):
            self._go_on(self._waking.popleft())
        self._begin_due(TRICKLE)
        return STRIDE_S if self._due or self._waking else TICK_S

    def _go_on(self, running: Running) -> None:
        if self._is_current(running):
            self._begin(running)

    def _is_current(self, running: Running) -> bool:
        return self._running.get(running.binding.trigger) is running

    def _begin_due(self, least: int = 0) -> None:
        room = min(STRIDE, max(least, MOST_STARTING - len(self._starting)))
        while self._due and room > 0:
            running = self._due.popleft()
            if self._is_current(running):
                self._starting.add(running)
                self._begin(running)
                room -= 1

    def _begin(self, running: Running) -> None:
        running.task = asyncio.get_running_loop().create_task(self._supervise(running), name=f"trigger {running.binding.trigger}")

    def _remove(self, trigger: str) -> None:
        running = self._running.pop(trigger, None)
        if running is None:
            return
        self._news.pop(trigger, None)
        self._starting.discard(running)
        self._rests.discard(running)
        self._plans.discard(running)
        self._let_go(running)
        if running.task is not None:
            self._end(running.task)

    def _let_go(self, running: Running) -> None:
        for claim in running.held:
            self._session.release(claim)
        running.held = ()

    def _end(self, task: "asyncio.Task[None]") -> None:
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _supervise(self, running: Running) -> None:
        """Start the trigger again and again. What it raises says how long to wait."""
        while True:
            began = self._clock.monotonic()
            try:
                pause, reason, state = await self._run_once(running)
            except Rested as rested:
                self._rest(running, rested)
                return
            if not self._is_current(running):
                return  # it failed at the moment at which it was cancelled, and told only the former
            self._starting.discard(running)
            running.failures = 0 if self._clock.monotonic() - began > STEADY_S else running.failures + 1
            self._say(running, state, reason)
            self.restarts.add(state)
            backed_off = min(LONGEST_PAUSE_S, pause * 2 ** min(running.failures - 1, 6)) if running.failures else pause
            await asyncio.sleep(backed_off * (0.75 + 0.5 * random.random()))  # noqa: S311 - spreads restarts, guards nothing

    def _ready(self, running: Running) -> None:
        self._starting.discard(running)
        self._say(running, "running")

    def _rest(self, running: Running, rested: Rested) -> None:
        self._ready(running)
        if not self._is_current(running):
            self._let_go(running)
            return
        running.task, running.intake, running.failures = None, None, 0
        running.planned = rested.piece
        if rested.piece is None:
            self._rests.add(running, rested.until, self._clock.time())
        else:
            self._plans.add(running, rested.until)

    def _offer(self, due: list[Running]) -> None:
        """Hand over what was planned for this time."""
        offered = [(running, running.planned) for running in due if running.planned is not None]
        for running in due:
            running.planned = None
        self._session.accept_all([piece for _, piece in offered], partial(self._told, offered))

    def _told(self, offered: list[tuple[Running, Slice]], index: int, error: Exception | None) -> None:
        """The trigger goes on behind what was accepted; else it claims again, and offers anew what is still missing."""
        running, piece = offered[index]
        if not self._is_current(running):
            return
        if error is None:
            running.held = (Claim(piece.key, piece.epoch, piece.to),)
            self._rests.soon(running, self._clock.time())
            return
        self._let_go(running)
        pause_s = error.retry_after_s if isinstance(error, Unavailable) else FIRST_PAUSE_S
        asyncio.get_running_loop().call_later(0.0 if isinstance(error, ClaimLost) else pause_s, self._go_on, running)

    async def _run_once(self, running: Running) -> tuple[float, str, str]:
        """Run until it stops; how long to pause, why, and the state to show."""
        binding = running.binding
        trigger: Trigger
        try:
            if not running.held:
                self._say(running, "starting")
            trigger, running.intake = self._make(running)
            await trigger.run(running.intake, partial(self._ready, running))
        except Rested:
            if running.intake is not None:
                running.held = running.intake.keep()
            raise
        except SourceLost as lost:
            log.warning("source lost", trigger=binding.trigger, kind=binding.kind, reason=str(lost))
            return lost.retry_after_s, str(lost), "waiting"
        except ConfigurationError as refused:
            log.error("trigger refused", trigger=binding.trigger, kind=binding.kind, reason=str(refused))
            return REFUSED_PAUSE_S, str(refused), "error"
        except ClaimLost as lost:
            return FIRST_PAUSE_S, str(lost), "waiting"
        except Exception as bug:
            log.exception("trigger failed", trigger=binding.trigger, kind=binding.kind)
            return FIRST_PAUSE_S, f"{type(bug).__name__}: {bug}", "error"
        finally:
            if running.intake is not None:
                running.intake.close()
        log.error("trigger ended by itself", trigger=binding.trigger, kind=binding.kind)
        return FIRST_PAUSE_S, "run ended although nobody stopped it", "error"

    def _make(self, running: Running) -> tuple[Trigger, HostIntake]:
        binding, kind = running.binding, self._kinds[running.binding.type]
        settings = _settings(kind, binding)
        shape, match = partial(kind.shape, binding, settings), kind.matcher(settings, binding.filter)
        batching = Batching(binding, shape, match, self._traces, event_bytes=kind.event_bytes, batch_bytes=kind.batch_bytes)
        trigger = kind.build(binding, settings)
        held, running.held = running.held, ()
        doors = self.doors if kind.pushed else None
        return trigger, HostIntake(binding, self._session, self._dispatch, batching, self._clock, held, doors)


def _settings(kind: TriggerKind, binding: Binding) -> Any:
    try:
        return msgspec.json.decode(binding.settings, type=kind.settings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"settings of {kind.name}: {error}") from None


def _same(one: Binding, other: Binding) -> bool:
    """Whether a running trigger need not be started again for this change."""
    return msgspec.structs.replace(one, generation=0) == msgspec.structs.replace(other, generation=0)
