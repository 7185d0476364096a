"""Supervision: what starts, what starts again, what stays down, and what stops."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import msgspec
import pytest

from sluice.binding import Binding, TriggerStatus
from sluice.catalog import Change, Health, Snapshot
from sluice.clock import SteppedClock, SystemClock
from sluice.errors import ClaimLost, SourceLost, SourceRefused, Unavailable
from sluice.event import Record
from sluice.host.supervisor import A_REPORT, MOST_STARTING, Running, Supervisor
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

    async def __aenter__(self) -> Self:
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


class Sleepy:
    """Offers what it was started for, then rests for a minute."""

    def __init__(self, clock: SteppedClock) -> None:
        self.clock = clock
        self.positions: list[str | None] = []

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        claim = await intake.claim("s")
        self.positions.append(claim.position)
        ready()
        await intake.offer(claim, (), str(len(self.positions)))
        intake.rest(self.clock.time() + 60)
        await asyncio.Event().wait()


class Resting(Supervised):
    """A supervisor over a trigger that rests, with a clock that is stepped."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.sleepy = Sleepy(self.clock)
        kind = TriggerKind("kafka", ("OPENSOURCEKAFKA",), NoSettings, lambda b, s, r: b"", lambda b, s: self.sleepy)
        self.supervisor = Supervisor("kafka", {"OPENSOURCEKAFKA": kind}, self.dispatch, self.snapshot, self.clock, Exposition())

    async def rests(self, runs: int) -> None:
        """After so many runs."""
        await until(lambda: len(self.sleepy.positions) == runs and not any(map(_is_run, asyncio.all_tasks())))


def _is_run(task: "asyncio.Task[Any]") -> bool:
    return task.get_name().startswith("trigger ")


async def test_a_trigger_that_rests_has_no_task_and_goes_on_with_its_claim() -> None:
    async with Resting() as it:
        it.say(a_generation(1))
        await it.rests(1)
        assert [health.state for health in it.supervisor.health()] == ["running"]
        assert it.dispatch.released == []
        it.clock.advance(60)
        await it.rests(2)
        assert it.sleepy.positions == ["0", "1"]
        assert it.dispatch.epoch == 1


async def test_a_resting_trigger_is_not_woken_before_its_time() -> None:
    async with Resting() as it:
        it.say(a_generation(1))
        await it.rests(1)
        it.clock.advance(50)
        it.supervisor._turn()
        await asyncio.sleep(0)
        assert len(it.sleepy.positions) == 1


async def test_a_resting_trigger_that_is_stopped_lets_its_claims_go() -> None:
    async with Resting() as it:
        it.say(a_generation(1))
        await it.rests(1)
        it.say(a_generation(2, TriggerStatus.DISABLED))
        assert it.dispatch.released == ["s"]
        it.clock.advance(60)
        it.supervisor._turn()
        await asyncio.sleep(0)
        assert len(it.sleepy.positions) == 1


async def test_a_trigger_that_rests_when_the_host_stops_lets_its_claims_go() -> None:
    async with Resting() as it:
        it.say(a_generation(1))
        await it.rests(1)
    assert it.dispatch.released == ["s"]


async def test_a_changed_trigger_is_woken_by_its_change() -> None:
    async with Resting() as it:
        it.say(a_generation(1))
        await it.rests(1)
        it.say(a_generation(2, batch_size=5))
        await it.rests(2)
        assert it.dispatch.released == ["s"]
        assert it.dispatch.epoch == 2


class Stuck:
    """Never gets ready."""

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await asyncio.Event().wait()


async def test_triggers_that_do_not_get_ready_do_not_keep_others_from_their_start() -> None:
    async with Supervised() as it:
        for number in range(MOST_STARTING + 100):
            stuck = a_generation(1)
            it.say(msgspec.structs.replace(stuck, trigger=f"t{number}"))
            it.trigger = Stuck()  # type: ignore[assignment] # the kind builds whatever stands here
        await until(lambda: len(it.built) == MOST_STARTING + 100)


async def test_a_report_names_what_changed_and_in_time_each_of_the_others() -> None:
    async with Supervised() as it:
        many = A_REPORT + 500
        for number in range(many):
            it.say(msgspec.structs.replace(a_generation(1), trigger=f"t{number}"))
        await until(lambda: {health.state for health in it.supervisor.health()} == {"running"})
        while it.supervisor._news:
            it.supervisor.report()
        told = [{health.trigger for health in it.supervisor.report()} for _ in range(2)]
        assert len(told[0]) == A_REPORT
        assert len(told[0] | told[1]) == many
        it.say(msgspec.structs.replace(a_generation(2, TriggerStatus.DISABLED), trigger="t7"))
        assert all(health.trigger != "t7" for _ in range(3) for health in it.supervisor.report())


async def test_a_trigger_whose_rest_ends_does_not_wait_for_those_that_start() -> None:
    async with Resting() as it:
        it.say(a_generation(1))
        await it.rests(1)
        it.supervisor._starting.update(Running(a_generation(1)) for _ in range(MOST_STARTING))
        for number in range(MOST_STARTING):
            it.say(msgspec.structs.replace(a_generation(1), trigger=f"new {number}"))
        it.clock.advance(60)
        it.supervisor._turn()
        assert "trigger t1" in {task.get_name() for task in asyncio.all_tasks()}


class Planner:
    """Plans one record a second, and counts its runs."""

    def __init__(self, clock: SteppedClock) -> None:
        self.clock = clock
        self.begins = clock.time()
        self.positions: list[str | None] = []

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        claim = await intake.claim("s")
        self.positions.append(claim.position)
        ready()
        to = int(claim.position or 0) + 1
        intake.plan(claim, (Record(b"x", "s", str(to), 0),), str(to), self.begins + to)
        await asyncio.Event().wait()


class Planning(Resting):
    """A supervisor over a trigger that plans, with a clock that is stepped."""

    def __init__(self) -> None:
        super().__init__()
        self.planner = Planner(self.clock)
        kind = TriggerKind("kafka", ("OPENSOURCEKAFKA",), NoSettings, lambda b, s, r: b"", lambda b, s: self.planner)
        self.supervisor = Supervisor("kafka", {"OPENSOURCEKAFKA": kind}, self.dispatch, self.snapshot, self.clock, Exposition())

    async def planned(self, runs: int) -> None:
        """After so many runs."""
        await until(lambda: len(self.planner.positions) == runs and not any(map(_is_run, asyncio.all_tasks())))

    async def offered(self, slices: int) -> None:
        await until(lambda: len(self.dispatch.slices) == slices)


async def test_what_was_planned_is_offered_at_its_time_without_a_task_and_the_trigger_goes_on_behind_it() -> None:
    async with Planning() as it:
        it.say(a_generation(1))
        await it.planned(1)
        assert [health.state for health in it.supervisor.health()] == ["running"]
        assert it.dispatch.slices == []
        it.clock.advance(1)
        await it.offered(1)
        it.clock.advance(0.7)
        await it.planned(2)
        assert it.planner.positions == ["0", "1"]
        it.clock.advance(0.3)
        await it.offered(2)
        assert [(piece.start, piece.to) for piece in it.dispatch.slices] == [("0", "1"), ("1", "2")]
        assert it.dispatch.epoch == 1


@pytest.mark.parametrize("error", [ClaimLost("taken"), Unavailable("full", 0.0)])
async def test_what_was_planned_and_not_accepted_is_offered_anew_under_a_new_claim(error: Exception) -> None:
    async with Planning() as it:
        it.say(a_generation(1))
        await it.planned(1)
        it.dispatch.error = error
        it.clock.advance(1)
        await until(lambda: bool(it.dispatch.released))
        it.dispatch.error = None
        await it.offered(1)
        assert it.dispatch.epoch >= 2


async def test_a_plan_of_a_trigger_that_is_stopped_is_given_up_and_its_claim_let_go() -> None:
    async with Planning() as it:
        it.say(a_generation(1))
        await it.planned(1)
        it.say(a_generation(2, TriggerStatus.DISABLED))
        assert it.dispatch.released == ["s"]
        it.clock.advance(1)
        it.supervisor._turn()
        await asyncio.sleep(0)
        assert it.dispatch.slices == []


async def test_a_plan_dies_with_its_host_and_its_claim_is_let_go() -> None:
    async with Planning() as it:
        it.say(a_generation(1))
        await it.planned(1)
    assert it.dispatch.released == ["s"]
    it.clock.advance(1)
    await asyncio.sleep(0)
    assert it.dispatch.slices == []


async def test_records_that_the_kinds_own_settings_do_not_choose_are_filtered() -> None:
    class Delivering:
        async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
            for value in (b"1", b"2"):
                await intake.deliver(Record(value, "s", value.decode(), 0))
            ready()
            await asyncio.Event().wait()

    dispatch, snapshot = RecordingDispatch(), Snapshot()
    kind = TriggerKind(
        "kafka",
        ("OPENSOURCEKAFKA",),
        NoSettings,
        lambda b, s, records: records[0].value or b"",
        lambda b, s: Delivering(),
        selects=lambda settings: lambda record: "" if record.value == b"2" else "the first",
    )
    supervisor = Supervisor("kafka", {"OPENSOURCEKAFKA": kind}, dispatch, snapshot, SystemClock(), Exposition())
    running = asyncio.create_task(supervisor.run())
    snapshot.apply(Change(1, binding=a_generation(1, batch_size=1)))
    await until(lambda: bool(dispatch.filters))
    running.cancel()
    await asyncio.wait({running})
    assert [event.body for event, _ in dispatch.pushed] == [b"2"]
    assert dispatch.filters == [("t1", 1)]


async def test_a_run_that_fails_while_it_is_cancelled_is_not_started_again() -> None:
    class Failing(Scripted):
        async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
            try:
                await super().run(intake, ready)
            except asyncio.CancelledError:
                raise SourceLost("gone at the same moment", retry_after_s=0.0) from None

    async with Supervised() as it:
        it.trigger = Failing([])
        it.say(a_generation(1))
        await asyncio.wait_for(it.trigger.reading.wait(), 5)
        it.say(a_generation(2, TriggerStatus.DISABLED))
        await asyncio.wait_for(it.trigger.stopped.wait(), 5)
        await until(lambda: not it.supervisor._ending)
        assert it.trigger.runs == 1


async def test_a_run_whose_task_group_failed_late_is_started_again() -> None:
    """Python 3.11 leaves a task that waited for a failing group as if somebody had cancelled it."""

    class Grouped(Scripted):
        async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
            if self.runs:
                return await super().run(intake, ready)
            self.runs += 1
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._fail())
            except BaseExceptionGroup as failed:
                raise failed.exceptions[0] from None

        async def _fail(self) -> None:
            await asyncio.sleep(0)
            raise SourceLost("gone", retry_after_s=0.0)

    async with Supervised() as it:
        it.trigger = Grouped([])
        it.say(a_generation(1))
        await asyncio.wait_for(it.trigger.reading.wait(), 5)
        assert it.trigger.runs == 2
