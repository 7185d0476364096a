"""Supervision: what starts, what starts again, what stays down, and what stops."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from sluice.binding import Binding, TriggerStatus
from sluice.catalog import Change, Health, Snapshot
from sluice.clock import SystemClock
from sluice.errors import SourceLost, SourceRefused
from sluice.host.supervisor import Supervisor
from sluice.metrics import Exposition
from sluice.trigger import Intake, TriggerKind
from tests.unit.sluice.host.test_intake import RecordingDispatch, a_binding
from tests.waiting import until


class NoSettings(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Scripted:
    """Runs the steps it was given, one a run; then reads for ever."""

    def __init__(self, steps: list[BaseException | None]) -> None:
        self.steps = steps
        self.runs = 0
        self.stopped = asyncio.Event()
        self.reading = asyncio.Event()

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        self.runs += 1
        await intake.claim("s")
        step = self.steps.pop(0) if self.steps else "read"
        if step is None:
            return
        if isinstance(step, BaseException):
            raise step
        ready()
        self.reading.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()


class Supervised:
    """A supervisor over one scripted trigger."""

    def __init__(self, *steps: BaseException | None) -> None:
        self.trigger = Scripted(list(steps))
        self.dispatch = RecordingDispatch()
        self.snapshot = Snapshot()
        kind = TriggerKind("kafka", ("OPENSOURCEKAFKA",), NoSettings, lambda b, s, r: b"", self._build)
        self.supervisor = Supervisor("kafka", {"OPENSOURCEKAFKA": kind}, self.dispatch, self.snapshot, SystemClock(), Exposition())
        self.built: list[Binding] = []

    def _build(self, binding: Binding, _settings: Any) -> Scripted:
        self.built.append(binding)
        return self.trigger

    def say(self, binding: Binding) -> None:
        self.snapshot.apply(Change(binding.generation, binding=binding))

    async def error(self) -> Health:
        """The trigger's health once it is in error."""
        await until(lambda: any(health.state == "error" for health in self.supervisor.health()))
        return self.supervisor.health()[0]

    async def __aenter__(self) -> "Supervised":
        self.task = asyncio.ensure_future(self.supervisor.run())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


def a_generation(number: int, status: TriggerStatus = TriggerStatus.ACTIVE, batch_size: int = 1) -> Binding:
    return msgspec.structs.replace(a_binding(batch_size=batch_size), generation=number, status=status)


async def test_an_active_binding_runs_and_says_so() -> None:
    async with Supervised() as it:
        it.say(a_generation(1))
        await asyncio.wait_for(it.trigger.reading.wait(), 5)
        assert [health.state for health in it.supervisor.health()] == ["running"]


async def test_a_disabled_binding_does_not_run_and_a_disabled_one_stops() -> None:
    async with Supervised() as it:
        it.say(a_generation(1, TriggerStatus.DISABLED))
        assert not it.built
        it.say(a_generation(2))
        await asyncio.wait_for(it.trigger.reading.wait(), 5)
        it.say(a_generation(3, TriggerStatus.DISABLED))
        await asyncio.wait_for(it.trigger.stopped.wait(), 5)
        assert it.dispatch.released == ["s"]


async def test_a_change_that_changes_nothing_for_the_trigger_leaves_it_alone() -> None:
    async with Supervised() as it:
        it.say(a_generation(1))
        await asyncio.wait_for(it.trigger.reading.wait(), 5)
        it.say(a_generation(2))
        assert it.trigger.runs == 1
        it.say(a_generation(3, batch_size=5))
        await asyncio.wait_for(it.trigger.stopped.wait(), 5)


async def test_a_lost_source_is_tried_again_and_its_claims_are_let_go() -> None:
    async with Supervised(SourceLost("gone", retry_after_s=0.0)) as it:
        it.say(a_generation(1))
        await asyncio.wait_for(it.trigger.reading.wait(), 5)
        assert it.trigger.runs == 2
        assert it.dispatch.released == ["s"]


async def test_a_refused_source_shows_why() -> None:
    async with Supervised(SourceRefused("wrong password")) as it:
        it.say(a_generation(1))
        found = await it.error()
        assert "wrong password" in found.reason


async def test_a_run_that_returns_is_a_fault_of_the_trigger() -> None:
    async with Supervised(None) as it:
        it.say(a_generation(1))
        found = await it.error()
        assert it.supervisor.restarts.values == {("error",): 1}
        assert found.reason


async def test_settings_that_do_not_decode_are_named_and_do_not_stop_the_service() -> None:
    async with Supervised() as it:
        it.say(msgspec.structs.replace(a_generation(1), settings=b'{"topc": 1}'))
        found = await it.error()
        assert "topc" in found.reason


async def test_a_removed_binding_stops() -> None:
    async with Supervised() as it:
        it.say(a_generation(1))
        await asyncio.wait_for(it.trigger.reading.wait(), 5)
        it.snapshot.apply(Change(2, removed="binding:t1"))
        await asyncio.wait_for(it.trigger.stopped.wait(), 5)
        assert it.supervisor.health() == []
