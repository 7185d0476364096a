"""Runs the triggers of one service: one task for each active binding, started again with back-off when it stops by itself."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import structlog

from sluice.binding import Binding, TriggerStatus
from sluice.catalog import Change, Health, Snapshot
from sluice.clock import Clock
from sluice.dispatch import Dispatch, Session
from sluice.errors import ClaimLost, ConfigurationError, SourceLost
from sluice.filters import parse
from sluice.host.batching import Batching
from sluice.host.intake import HostIntake
from sluice.metrics import RESTARTS, Counter, Exposition
from sluice.tracing import Traces
from sluice.trigger import Trigger, TriggerKind

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
REFUSED_PAUSE_S = 30.0
STEADY_S = 60.0
"""A run of this length forgives the failures before it."""

log = structlog.get_logger()


@dataclass(slots=True)
class Running:
    """One supervised trigger."""

    binding: Binding
    task: "asyncio.Task[None] | None" = None
    intake: HostIntake | None = None
    state: str = "starting"
    reason: str = ""
    failures: int = 0

    def say_ready(self) -> None:
        self.state, self.reason = "running", ""


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
        self._traces = traces
        self._service = service
        self._kinds = kinds
        self._dispatch = dispatch
        self._session: Session = dispatch.session(service)
        self._snapshot = snapshot
        self._clock = clock
        self._running: dict[str, Running] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.restarts = Counter(RESTARTS)
        exposition.add(self.restarts.samples)

    async def run(self) -> None:
        """Supervise until cancelled; then every trigger is stopped and its sources are let go."""
        self._snapshot.listen(self._changed)
        for binding in list(self._snapshot.bindings.values()):
            self._set(binding)
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Stop every trigger; records not yet accepted stay at their source."""
        self._stopping = True
        for name in list(self._running):
            self._remove(name)
        if self._ending:
            await asyncio.wait(self._ending)
        await self._session.close()

    def health(self) -> list[Health]:
        """How each trigger is, for the catalog and `get triggers`."""
        now = self._clock.time()
        return [
            Health(name, self._service, running.state, running.reason, self._lag(running), at=now)
            for name, running in self._running.items()
        ]

    def _lag(self, running: Running) -> int:
        lags = running.intake.lags if running.intake else {}
        return sum(lags.values()) if lags else -1

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
            self._begin(Running(binding))

    def _begin(self, running: Running) -> None:
        self._running[running.binding.trigger] = running
        running.task = asyncio.get_running_loop().create_task(self._supervise(running), name=f"trigger {running.binding.trigger}")

    def _remove(self, trigger: str) -> None:
        running = self._running.pop(trigger, None)
        if running is None or running.task is None:
            return
        task = running.task
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _supervise(self, running: Running) -> None:
        """Start the trigger again and again. What it raises says how long to wait."""
        while True:
            began = self._clock.monotonic()
            pause, reason, state = await self._run_once(running)
            running.failures = 0 if self._clock.monotonic() - began > STEADY_S else running.failures + 1
            running.state, running.reason = state, reason
            self.restarts.add(state)
            backed_off = min(LONGEST_PAUSE_S, pause * 2 ** min(running.failures - 1, 6)) if running.failures else pause
            await asyncio.sleep(backed_off * (0.75 + 0.5 * random.random()))  # noqa: S311 - spreads restarts, guards nothing

    async def _run_once(self, running: Running) -> tuple[float, str, str]:
        """Run until it stops; how long to pause, why, and the state to show."""
        binding = running.binding
        trigger: Trigger
        try:
            trigger, running.intake = self._make(binding)
            running.state = "starting"
            await trigger.run(running.intake, running.say_ready)
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

    def _make(self, binding: Binding) -> tuple[Trigger, HostIntake]:
        kind = self._kinds[binding.type]
        settings = _settings(kind, binding)
        batching = Batching(binding, partial(kind.shape, binding, settings), parse(binding.filter), self._traces)
        return kind.build(binding, settings), HostIntake(binding, self._session, self._dispatch, batching)


def _settings(kind: TriggerKind, binding: Binding) -> Any:
    try:
        return msgspec.json.decode(binding.settings, type=kind.settings)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"settings of {kind.name}: {error}") from None


def _same(one: Binding, other: Binding) -> bool:
    """Whether a running trigger need not be started again for this change."""
    return msgspec.structs.replace(one, generation=0) == msgspec.structs.replace(other, generation=0)
