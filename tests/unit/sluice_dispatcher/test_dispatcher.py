"""The dispatcher over the real embedded ledger and a runner that the test answers for."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from sluice.binding import Binding, Mode, TriggerStatus
from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.errors import ClaimLost, Unavailable
from sluice.event import MAX_ASYNC_BODY_BYTES, MAX_EVENT_BYTES, Event, random_id
from sluice.function import Function
from sluice.ledger import DeadFilter, Ended, Retry, Slice, SourceKey, Story, StoryFilter
from sluice.metrics import ENDED, PENDING, RECEIVED, RUNNING, SPAN_ATTEMPT, Exposition
from sluice.outcome import Failure, FailureKind, Reply, Verdict
from sluice_dispatcher.dispatcher import Dispatcher, api_trigger
from sluice_dispatcher.ledger_sqlite.ledger import SqliteLedger, open_ledger
from tests.unit.sluice_dispatcher.fake_runner import FakeRunner, failed
from tests.waiting import until

FUNCTION = "urn:fss:local-1:p1:function:default:f"
URN = f"{FUNCTION}:latest"
KEY = SourceKey("t1", "1", "p0")


class FakeSpan:
    def __init__(self) -> None:
        self.traceparent = "child"
        self.ends: list[str] = []

    def end(self, error: str = "") -> None:
        self.ends.append(error)


class FakeTraces:
    """Samples what begins with `sampled`."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Mapping[str, str | int], FakeSpan]] = []

    def sampled(self) -> str:
        return ""

    def span(self, name: str, traceparent: str, attributes: Mapping[str, str | int]) -> FakeSpan | None:
        if not traceparent.startswith("sampled"):
            return None
        span = FakeSpan()
        self.spans.append((name, attributes, span))
        return span

    def close(self) -> None: ...


class Mesh:
    """One dispatcher that can be killed and started again on the same directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.snapshot = Snapshot()
        self.runner = FakeRunner()
        self.exposition = Exposition()
        self.bind(Binding("t1", "p1", "OPENSOURCEKAFKA", "kafka", URN, b"{}"))
        self.define(Function(URN))

    def bind(self, binding: Binding) -> None:
        self.snapshot.apply(Change(1, binding=binding))

    def define(self, function: Function) -> None:
        self.snapshot.apply(Change(1, function=function))

    async def start(self, traces: FakeTraces | None = None) -> None:
        self.ledger: SqliteLedger = await open_ledger(self.directory, clock=SystemClock())
        self.dispatcher = Dispatcher(self.ledger, self.runner, self.snapshot, SystemClock(), self.exposition, traces)
        self.task = asyncio.ensure_future(self.dispatcher.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        await self.ledger.close()

    async def restart(self) -> None:
        """As after a crash: the runner's calls are gone, the exposition starts at nothing."""
        await self.stop()
        self.runner = FakeRunner()
        self.exposition = Exposition()
        await self.start()

    async def push(self, body: bytes = b"{}", trigger: str = "t1") -> bytes:
        event = Event(random_id(), body)
        outcome = await self.dispatcher.push(trigger, event)
        assert outcome.verdict is Verdict.DONE
        return event.id

    async def state(self, event: bytes) -> str:
        story = await self.dispatcher.explain("p1", event)
        return story.state if story else ""

    async def until_state(self, event: bytes, state: str) -> Story:
        async with asyncio.timeout(10):
            while True:
                story = await self.dispatcher.explain("p1", event)
                if story is not None and story.state == state:
                    return story
                await asyncio.sleep(0.005)

    async def running(self, number: int) -> None:
        await until(lambda: len(self.runner.held) == number)

    def sample(self, name: str) -> str:
        return next(line for line in self.exposition.text().splitlines() if line.startswith(name))


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    mesh = Mesh(tmp_path / "ledger")
    await mesh.start()
    yield mesh
    await mesh.stop()


def a_slice(start: str | None, to: str, *events: Event, epoch: int = 1) -> Slice:
    return Slice(KEY, epoch, start, to, events)


def an_event(body: bytes = b"{}", lane: str = "") -> Event:
    return Event(random_id(), body, lane)


async def test_a_pushed_event_runs_and_ends(mesh: Mesh) -> None:
    event = await mesh.push(b'{"a":1}')
    await mesh.running(1)
    assert await mesh.state(event) == "RUNNING"
    call = mesh.runner.answer()
    assert (call.id, call.body, call.attempt, call.mode) == (event, b'{"a":1}', 1, "async")
    await mesh.until_state(event, "SUCCESS")


async def test_a_slice_is_accepted_once(mesh: Mesh) -> None:
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY, assigned=True)
    await session.accept(a_slice(claim.position, "2", an_event(), an_event(), epoch=claim.epoch))
    with pytest.raises(ClaimLost):
        await session.accept(a_slice(claim.position, "2", an_event(), an_event(), epoch=claim.epoch))
    await mesh.running(2)
    assert mesh.ledger.counts()["t1"].received == 2


async def test_a_source_that_was_taken_over_is_refused_to_its_old_owner(mesh: Mesh) -> None:
    old, new = mesh.dispatcher.session("kafka-1"), mesh.dispatcher.session("kafka-2")
    first = await old.claim(KEY, assigned=True)
    second = await new.claim(KEY, assigned=True)
    assert second.epoch > first.epoch
    with pytest.raises(ClaimLost):
        await old.accept(a_slice(None, "1", an_event(), epoch=first.epoch))
    await new.accept(a_slice(None, "1", an_event(), epoch=second.epoch))


async def test_a_claim_waits_for_the_living_owner(mesh: Mesh) -> None:
    old, new = mesh.dispatcher.session("timer-1"), mesh.dispatcher.session("timer-2")
    await old.claim(KEY)
    waiting = asyncio.ensure_future(new.claim(KEY))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await old.close()
    assert (await asyncio.wait_for(waiting, 5)).epoch == 2


async def test_a_claim_that_was_taken_over_is_not_let_go_by_its_old_owner(mesh: Mesh) -> None:
    old, new, third = (mesh.dispatcher.session(f"kafka-{number}") for number in range(3))
    await old.claim(KEY)
    await new.claim(KEY, assigned=True)
    await old.close()
    waiting = asyncio.ensure_future(third.claim(KEY))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await new.close()
    await asyncio.wait_for(waiting, 5)


async def test_the_window_holds_a_replayable_source_back(mesh: Mesh) -> None:
    mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], max_pending=2))
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    await session.accept(a_slice(None, "2", an_event(), an_event(), epoch=claim.epoch))
    third = asyncio.ensure_future(session.accept(a_slice("2", "3", an_event(), epoch=claim.epoch)))
    await mesh.running(2)
    assert not third.done()
    mesh.runner.answer()
    await asyncio.wait_for(third, 5)


async def test_an_empty_slice_waits_behind_what_the_window_holds_back(mesh: Mesh) -> None:
    mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], max_pending=1))
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    await session.accept(a_slice(None, "1", an_event(), epoch=claim.epoch))
    second = asyncio.ensure_future(session.accept(a_slice("1", "2", an_event(), epoch=claim.epoch)))
    gap = asyncio.ensure_future(session.accept(a_slice("2", "9", epoch=claim.epoch)))
    await mesh.running(1)
    mesh.runner.answer()
    await asyncio.wait_for(asyncio.gather(second, gap), 5)


async def test_what_reached_the_disk_runs_even_if_whoever_offered_it_has_gone(mesh: Mesh) -> None:
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    offered = asyncio.ensure_future(session.accept(a_slice(None, "1", an_event(), epoch=claim.epoch)))
    pushed = asyncio.ensure_future(mesh.dispatcher.push("t1", an_event()))
    await asyncio.sleep(0)
    offered.cancel()
    pushed.cancel()
    await mesh.running(2)


async def test_an_unknown_or_disabled_trigger_is_told_to_come_back(mesh: Mesh) -> None:
    mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], trigger="t2", status=TriggerStatus.DISABLED))
    for trigger in ("t2", "nobody"):
        outcome = await mesh.dispatcher.push(trigger, an_event())
        assert outcome.verdict is Verdict.RETRY
        assert outcome.retry_after_s > 0
        with pytest.raises(Unavailable):
            await mesh.dispatcher.accept(Slice(SourceKey(trigger, "1", "s"), 1, None, "1", [an_event()]))


async def test_a_failing_event_is_retried_with_the_same_id_and_the_next_attempt(mesh: Mesh) -> None:
    mesh.define(Function(URN, generation=2, max_retries=1))
    event = await mesh.push()
    await mesh.running(1)
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await mesh.running(1)
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    story = await mesh.until_state(event, "FAIL")
    assert mesh.runner.calls == [(event, 1), (event, 2)]
    assert any("function_error" in step.detail for step in story.steps)


async def test_dead_events_keep_their_body_and_run_again_as_new_ones(mesh: Mesh) -> None:
    old = await mesh.push(b"the body")
    await mesh.running(1)
    mesh.runner.answer(failed(FailureKind.TIMEOUT))
    await mesh.until_state(old, "FAIL")
    which = DeadFilter(project="p1")
    assert [dead.event.body for dead in await mesh.dispatcher.dead(which, 0, 10)] == [b"the body"]
    assert await mesh.dispatcher.redrive(which, 10, dry_run=True) == [old]
    (new,) = await mesh.dispatcher.redrive(which, 10, dry_run=False)
    assert new != old
    await mesh.running(1)
    assert mesh.runner.answer().body == b"the body"
    await mesh.until_state(new, "SUCCESS")
    assert await mesh.dispatcher.redrive(which, 10, dry_run=False) == [], "it was redriven already"


async def test_a_lane_goes_on_only_after_the_end_before_it(mesh: Mesh) -> None:
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    first, second, other = an_event(lane="l"), an_event(lane="l"), an_event(lane="m")
    await session.accept(a_slice(None, "3", first, second, other, epoch=claim.epoch))
    await mesh.running(2)
    assert [call.id for call, _ in mesh.runner.held] == [first.id, other.id]
    mesh.runner.answer()
    await until(lambda: any(call.id == second.id for call, _ in mesh.runner.held))


async def test_credit_bounds_what_the_runner_gets(mesh: Mesh) -> None:
    mesh.runner.slots = 2
    for _ in range(5):
        await mesh.push()
    await mesh.running(2)
    for _ in range(5):
        await until(lambda: mesh.runner.held)
        mesh.runner.answer()
    assert len(mesh.runner.calls) == 5


async def test_a_version_with_credit_is_found_behind_many_triggers_without(mesh: Mesh) -> None:
    other = f"{FUNCTION}:v1"
    mesh.define(Function(other))
    mesh.bind(Binding("late", "p1", "OPENSOURCEKAFKA", "kafka", other, b"{}"))
    mesh.runner.full = {URN}
    for number in range(200):
        mesh.bind(Binding(f"many-{number}", "p1", "OPENSOURCEKAFKA", "kafka", URN, b"{}"))
        await mesh.push(trigger=f"many-{number}")
    event = await mesh.push(trigger="late")
    await mesh.running(1)
    assert mesh.runner.answer().id == event


async def test_a_function_that_cannot_start_is_probed_by_one_event(mesh: Mesh) -> None:
    probing, *_, waiting = [await mesh.push() for _ in range(10)]
    await mesh.running(10)
    for _ in range(10):
        mesh.runner.answer(failed(FailureKind.START_FAILED))
    await until(lambda: len(mesh.runner.calls) == 11)
    assert len(mesh.runner.held) == 1, "one probes, nine wait"
    for event in (probing, waiting):
        story = await mesh.dispatcher.explain("p1", event)
        assert story is not None
        assert any("start_failed: why" in step.detail for step in story.steps)
    mesh.runner.answer()
    await mesh.running(9)
    story = await mesh.dispatcher.explain("p1", waiting)
    assert story is not None
    assert not any("start_failed" in step.detail for step in story.steps)


async def test_a_restart_loses_nothing_and_runs_what_was_running_again(mesh: Mesh) -> None:
    events = [await mesh.push() for _ in range(5)]
    await mesh.running(5)
    mesh.runner.answer()
    done = mesh.runner.calls[0][0]
    await mesh.until_state(done, "SUCCESS")
    await mesh.restart()
    await mesh.running(4)
    assert {call.id for call, _ in mesh.runner.held} == set(events) - {done}
    while mesh.runner.held:
        mesh.runner.answer()
    for event in events:
        await mesh.until_state(event, "SUCCESS")
    counts = mesh.ledger.counts()["t1"]
    assert (counts.received, counts.success, counts.open) == (5, 5, 0)


async def test_a_recorded_event_that_was_running_at_a_crash_is_interrupted(mesh: Mesh) -> None:
    mesh.bind(Binding("t9", "p1", "TIMER", "timer", URN, b"{}", mode=Mode.RECORDED))
    event = await mesh.push(trigger="t9")
    await mesh.running(1)
    assert mesh.runner.held[0][0].mode == "sync"
    await mesh.restart()
    story = await mesh.until_state(event, "FAIL")
    assert "interrupted" in story.steps[-1].detail
    assert not mesh.runner.calls


async def test_a_recorded_event_that_had_not_begun_still_runs_after_a_crash(mesh: Mesh) -> None:
    mesh.bind(Binding("t9", "p1", "TIMER", "timer", URN, b"{}", mode=Mode.RECORDED))
    mesh.runner.slots = 0
    event = await mesh.push(trigger="t9")
    await mesh.restart()
    await mesh.running(1)
    mesh.runner.answer()
    await mesh.until_state(event, "SUCCESS")


async def test_more_than_memory_holds_runs_in_order_from_the_ledger(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path / "ledger")
    await mesh.start()
    mesh.runner.slots = 0
    mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], max_pending=20_000))
    bodies = [b"%d" % number for number in range(15_000)]
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    for start in range(0, 15_000, 500):
        events = [an_event(body) for body in bodies[start : start + 500]]
        position = str(start) if start else None
        await session.accept(a_slice(position, str(start + 500), *events, epoch=claim.epoch))
    mesh.runner.slots = 50
    mesh.runner.grow(URN)
    seen: list[bytes] = []

    def answered() -> bool:
        while mesh.runner.held:
            seen.append(mesh.runner.answer().body)
        return len(seen) >= 15_000

    await until(answered, 60)
    assert seen == bodies
    await mesh.stop()


async def test_events_of_a_deleted_function_are_discarded_and_kept(mesh: Mesh) -> None:
    mesh.runner.slots = 0
    event = await mesh.push()
    mesh.snapshot.apply(Change(2, removed=f"function:{URN}"))
    await mesh.until_state(event, "DISCARD")
    (dead,) = await mesh.dispatcher.dead(DeadFilter(project="p1"), 0, 10)
    assert dead.failure == FailureKind.FUNCTION_GONE


async def test_events_of_a_function_that_a_remembered_catalog_lacks_wait_until_control_has_spoken(mesh: Mesh) -> None:
    other = Function("urn:fss:local-1:p1:function:default:other:latest")
    mesh.bind(Binding("t2", "p1", "OPENSOURCEKAFKA", "kafka", other.urn, b"{}"))
    mesh.define(other)
    event = await mesh.push()
    await mesh.push(trigger="t2")
    await mesh.running(2)
    mesh.snapshot = Snapshot()
    mesh.snapshot.remembered = True
    mesh.define(other)
    await mesh.restart()
    await mesh.running(1)
    assert await mesh.state(event) == "WAIT"
    mesh.snapshot.remembered = False
    mesh.define(Function(URN))
    await mesh.running(2)


async def test_a_function_that_a_remembered_catalog_lacks_is_not_said_to_be_gone_before_control_has_spoken(mesh: Mesh) -> None:
    newer = f"{FUNCTION}:newer"
    mesh.snapshot.remembered = True
    told = await mesh.dispatcher.invoke("p1", newer, an_event())
    assert (told.verdict, told.reply and told.reply.failure and told.reply.failure.kind) == (Verdict.DONE, FailureKind.START_FAILED)
    outcome = await mesh.dispatcher.invoke_async("p1", newer, an_event())
    assert (outcome.verdict, outcome.retry_after_s > 0) == (Verdict.RETRY, True)
    mesh.snapshot.remembered = False
    for invoke in (mesh.dispatcher.invoke, mesh.dispatcher.invoke_async):
        assert (await invoke("p1", newer, an_event())).verdict is Verdict.REFUSED


async def test_events_of_a_deleted_trigger_still_run(mesh: Mesh) -> None:
    mesh.runner.slots = 0
    event = await mesh.push()
    mesh.snapshot.apply(Change(2, removed="binding:t1"))
    mesh.runner.slots = 1
    mesh.runner.grow(URN)
    await mesh.running(1)
    mesh.runner.answer()
    await mesh.until_state(event, "SUCCESS")


async def test_a_cancelled_event_that_waits_is_discarded_at_once(mesh: Mesh) -> None:
    mesh.runner.slots = 0
    first, second = await mesh.push(), await mesh.push()
    assert await mesh.dispatcher.cancel("p1", second)
    story = await mesh.dispatcher.explain("p1", second)
    assert story is not None
    assert (story.state, story.failure, story.message) == ("DISCARD", "cancelled", "function invocation canceled")
    assert not await mesh.dispatcher.cancel("p1", second), "it has ended"
    assert not await mesh.dispatcher.cancel("p2", first), "it belongs to another project"
    assert await mesh.state(first) == "WAIT"
    await mesh.restart()
    assert await mesh.state(second) == "DISCARD"


async def test_a_running_event_is_cancelled_by_force_only_and_was_executed(mesh: Mesh) -> None:
    event = await mesh.push()
    await mesh.running(1)
    assert await mesh.dispatcher.cancel("p1", event)
    assert await mesh.state(event) == "RUNNING"
    assert await mesh.dispatcher.cancel("p1", event, force=True)
    story = await mesh.until_state(event, "FAIL")
    assert (story.failure, story.message) == ("cancelled", "function invocation canceled")


async def test_a_cancelled_event_that_runs_has_its_last_attempt(mesh: Mesh) -> None:
    mesh.define(Function(URN, max_retries=3))
    good, bad = await mesh.push(), await mesh.push()
    await mesh.running(2)
    for event in (good, bad):
        assert await mesh.dispatcher.cancel("p1", event)
    mesh.runner.answer()
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR, "no"))
    await mesh.until_state(good, "SUCCESS")
    story = await mesh.until_state(bad, "FAIL")
    assert (story.failure, story.message) == ("cancelled", "function invocation canceled; function_error: no")


async def test_an_event_that_the_runner_has_and_no_instance_waits(mesh: Mesh) -> None:
    runs, waits = await mesh.push(), await mesh.push()
    await mesh.running(2)
    mesh.runner.without_instance = {waits}
    assert [await mesh.state(event) for event in (runs, waits)] == ["RUNNING", "WAIT"]
    listed = await mesh.dispatcher.recent(StoryFilter("p1", FUNCTION, ("WAIT",)), 10, 0)
    assert [story.id for story in listed.stories] == [waits]
    assert await mesh.dispatcher.cancel("p1", waits)
    story = await mesh.until_state(waits, "DISCARD")
    assert story.failure == "cancelled"
    assert await mesh.state(runs) == "RUNNING"


async def test_an_event_that_no_instance_took_in_its_time_is_discarded(mesh: Mesh) -> None:
    mesh.define(Function(URN, max_age_s=1))
    runs, late = await mesh.push(), await mesh.push()
    await mesh.running(2)
    mesh.runner.without_instance = {late}
    story = await mesh.until_state(late, "DISCARD")
    assert story.failure == "expired"
    assert await mesh.state(runs) == "RUNNING", "what began in time may end"


async def test_a_cancelled_event_that_waits_for_its_retry_fails_and_its_lane_goes_on(mesh: Mesh) -> None:
    mesh.define(Function(URN, max_retries=3))
    first, second, third = (Event(random_id(), b"{}", "lane") for _ in range(3))
    for event in (first, second, third):
        await mesh.dispatcher.push("t1", event)
    await mesh.running(1)
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await until(lambda: not mesh.runner.held)
    assert await mesh.dispatcher.cancel("p1", second.id), "behind another of its lane"
    assert await mesh.state(second.id) == "DISCARD"
    assert not mesh.runner.held
    assert await mesh.dispatcher.cancel("p1", first.id)
    assert await mesh.state(first.id) == "FAIL"
    await mesh.running(1)
    assert mesh.runner.held[0][0].id == third.id


async def test_an_event_that_another_one_s_end_took_along_runs_again(mesh: Mesh) -> None:
    event = await mesh.push()
    await mesh.running(1)
    mesh.runner.answer(Reply(0, failure=Failure(FailureKind.CANCELLED, "function invocation canceled"), instance="i-1"))
    await mesh.running(1)
    assert mesh.runner.calls == [(event, 1), (event, 2)]
    mesh.runner.answer()
    await mesh.until_state(event, "SUCCESS")


async def test_a_cancelled_event_that_is_in_the_ledger_only_ends_when_its_turn_comes(mesh: Mesh) -> None:
    mesh.runner.slots = 0
    first, second = await mesh.push(), await mesh.push()
    await mesh.stop()
    mesh.runner = FakeRunner()
    mesh.ledger = await open_ledger(mesh.directory, clock=SystemClock())
    mesh.dispatcher = Dispatcher(mesh.ledger, mesh.runner, mesh.snapshot, SystemClock(), Exposition())
    assert await mesh.dispatcher.cancel("p1", second)
    mesh.task = asyncio.ensure_future(mesh.dispatcher.run())
    await mesh.until_state(second, "DISCARD")
    await mesh.running(1)
    assert mesh.runner.held[0][0].id == first


async def test_what_runs_and_what_waits_are_listed_apart_and_counted(mesh: Mesh) -> None:
    mesh.runner.slots = 2
    pushed = [await mesh.push() for _ in range(5)]
    await mesh.running(2)

    async def listed(*states: str, limit: int = 10) -> tuple[set[bytes], int]:
        page = await mesh.dispatcher.recent(StoryFilter("p1", FUNCTION, states), limit, 0)
        return {story.id for story in page.stories}, page.total

    assert await listed("RUNNING") == (set(pushed[:2]), 2)
    assert await listed("WAIT") == (set(pushed[2:]), 3)
    assert (await listed("WAIT", "RUNNING", limit=1))[1] == 5
    mesh.runner.slots = 0
    for _ in range(2):
        mesh.runner.answer()
    await mesh.until_state(pushed[1], "SUCCESS")
    assert await listed("RUNNING") == (set(), 0)


async def test_a_synchronous_call_gets_the_answer_and_leaves_no_record(mesh: Mesh) -> None:
    event = an_event()
    calling = asyncio.ensure_future(mesh.dispatcher.call("t1", event, 5))
    await mesh.running(1)
    mesh.runner.answer(Reply(201, b"made"))
    outcome = await calling
    assert outcome.reply is not None
    assert (outcome.reply.status, outcome.reply.body) == (201, b"made")
    assert await mesh.dispatcher.explain("p1", event.id) is None


async def test_a_synchronous_call_is_not_kept_longer_than_its_caller_waits(mesh: Mesh) -> None:
    outcome = await mesh.dispatcher.call("t1", an_event(), 0.01)
    assert outcome.reply is not None
    assert outcome.reply.failure == Failure(FailureKind.TIMEOUT, "no answer within 0.01 s")


async def test_calls_beyond_the_credit_wait_their_turn_and_beyond_the_bound_are_refused(mesh: Mesh) -> None:
    mesh.runner.slots = 1
    mesh.dispatcher._calls._max_waiting = 2
    calls = [asyncio.ensure_future(mesh.dispatcher.call("t1", an_event(), 5)) for _ in range(4)]
    await mesh.running(1)
    refused = [call.result() for call in (await asyncio.wait(calls, timeout=0.05))[0]]
    assert [outcome.verdict for outcome in refused] == [Verdict.RETRY]
    for _ in range(3):
        await until(lambda: mesh.runner.held)
        mesh.runner.answer()
    done = await asyncio.gather(*calls)
    assert sum(outcome.verdict is Verdict.DONE for outcome in done) == 3


async def test_an_invocation_of_another_projects_function_does_not_exist(mesh: Mesh) -> None:
    for invoke in (mesh.dispatcher.invoke, mesh.dispatcher.invoke_async):
        outcome = await invoke("p2", URN, an_event())
        assert outcome.verdict is Verdict.REFUSED


async def test_an_asynchronous_invocation_is_accepted_recorded_and_bounded(mesh: Mesh) -> None:
    event = an_event()
    assert (await mesh.dispatcher.invoke_async("p1", URN, event)).verdict is Verdict.DONE
    await mesh.running(1)
    mesh.runner.answer()
    await mesh.until_state(event.id, "SUCCESS")
    assert mesh.ledger.counts()[api_trigger("p1")].received == 1
    large = await mesh.dispatcher.invoke_async("p1", URN, an_event(b"x" * (MAX_ASYNC_BODY_BYTES + 1)))
    assert large.verdict is Verdict.REFUSED


async def test_an_oversized_event_of_a_source_is_recorded_as_refused_and_its_neighbours_run(mesh: Mesh) -> None:
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    large, small = an_event(b"x" * (MAX_EVENT_BYTES + 1)), an_event()
    await session.accept(a_slice(None, "2", large, small, epoch=claim.epoch))
    await mesh.running(1)
    assert mesh.runner.answer().id == small.id
    await mesh.until_state(large.id, "DISCARD")


async def test_an_oversized_event_does_not_let_the_slices_behind_it_overtake(mesh: Mesh) -> None:
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    large = an_event(b"x" * (MAX_EVENT_BYTES + 1))
    pieces = [a_slice(None, "1", large, epoch=claim.epoch), a_slice("1", "2", an_event(), epoch=claim.epoch)]
    await asyncio.wait_for(asyncio.gather(*(session.accept(piece) for piece in pieces)), 10)
    assert mesh.ledger.counts()["t1"].received == 2


async def test_a_reply_is_settled_with_the_runner_once_its_end_is_on_disk(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = await mesh.push()
    held, let_go = asyncio.Event(), asyncio.Event()
    settle = mesh.ledger.settle

    async def later(results: Sequence[Ended | Retry]) -> None:
        held.set()
        await let_go.wait()
        await settle(results)

    monkeypatch.setattr(mesh.ledger, "settle", later)
    await mesh.running(1)
    mesh.runner.answer()
    await asyncio.wait_for(held.wait(), 10)
    assert mesh.runner.settles == []
    let_go.set()
    await until(lambda: mesh.runner.settles == [(ended, 1)])
    assert await mesh.state(ended) == "SUCCESS"


@pytest.mark.parametrize("kind", [FailureKind.START_FAILED, FailureKind.NO_CAPACITY, FailureKind.FUNCTION_ERROR])
async def test_a_reply_that_ends_nothing_is_settled_too(mesh: Mesh, kind: FailureKind) -> None:
    event = await mesh.push()
    await mesh.running(1)
    mesh.runner.answer(failed(kind))
    await until(lambda: mesh.runner.settles == [(event, 1)])


async def test_a_redrive_that_nobody_waits_for_any_more_runs(mesh: Mesh) -> None:
    event = await mesh.push()
    await mesh.running(1)
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await mesh.until_state(event, "FAIL")
    redriving = asyncio.ensure_future(mesh.dispatcher.redrive(DeadFilter(project="p1"), 10, dry_run=False))
    await until(lambda: mesh.ledger._commits.waiting == 1)
    redriving.cancel()
    await mesh.running(1)


async def test_an_event_seen_before_is_answered_and_not_run_again(mesh: Mesh) -> None:
    for _ in range(2):
        outcome = await mesh.dispatcher.push("t1", an_event(), "message-1")
        assert outcome.verdict is Verdict.DONE
    await mesh.running(1)
    assert mesh.ledger.counts()["t1"].received == 1


async def test_the_metrics_balance(mesh: Mesh) -> None:
    for _ in range(3):
        await mesh.push()
    await mesh.running(3)
    first = await mesh.push()
    mesh.runner.answer()
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await until(lambda: mesh.ledger.counts()["t1"].open == 2)
    assert first
    assert mesh.sample(RECEIVED.name) == 'sluice_events_received_total{trigger="t1"} 4'
    assert mesh.sample(RUNNING.name + "{") == 'sluice_events_running{trigger="t1"} 2'
    assert mesh.sample(PENDING.name + "{") == 'sluice_events_pending{trigger="t1"} 0'
    assert mesh.sample(ENDED.name + '{trigger="t1",end="failed"') == 'sluice_events_ended_total{trigger="t1",end="failed"} 1'


async def test_drain_waits_for_what_runs_and_begins_nothing(mesh: Mesh) -> None:
    mesh.runner.slots = 1
    await mesh.push()
    await mesh.push()
    await mesh.running(1)
    draining = asyncio.ensure_future(mesh.dispatcher.drain())
    await asyncio.sleep(0.01)
    assert not draining.done()
    mesh.runner.answer()
    await asyncio.wait_for(draining, 5)
    assert not mesh.runner.held
    assert mesh.ledger.counts()["t1"].open == 1


async def test_each_attempt_of_a_sampled_event_is_a_span_and_the_function_is_its_child(tmp_path: Path) -> None:
    mesh, traces = Mesh(tmp_path / "ledger"), FakeTraces()
    mesh.define(Function(URN, generation=2, max_retries=1))
    await mesh.start(traces)
    for trace in ("sampled", "not"):
        await mesh.dispatcher.push("t1", Event(random_id(), b"{}", trace=trace))
    await mesh.running(2)
    assert [call.trace for call, _ in mesh.runner.held] == ["child", "not"]
    mesh.runner.answer(failed(FailureKind.TIMEOUT))
    mesh.runner.answer()
    await mesh.running(1)
    mesh.runner.answer()
    assert [(name, attributes["sluice.attempt"], span.ends) for name, attributes, span in traces.spans] == [
        (SPAN_ATTEMPT, 1, ["timeout: why"]),
        (SPAN_ATTEMPT, 2, [""]),
    ]
    await mesh.stop()


async def test_tail_tells_ends_of_its_own_project_only(mesh: Mesh) -> None:
    mine, others = mesh.dispatcher.tail("p1"), mesh.dispatcher.tail("p2")
    told = asyncio.ensure_future(anext(mine))
    untold = asyncio.ensure_future(anext(others))
    await asyncio.sleep(0)
    event = await mesh.push()
    await mesh.running(1)
    mesh.runner.answer()
    assert (await asyncio.wait_for(told, 5)).id == event
    assert not untold.done()
    untold.cancel()
    await asyncio.wait({untold})


async def test_of_slices_offered_together_one_that_waits_or_is_refused_holds_up_no_other(mesh: Mesh) -> None:
    for name in ("t2", "t3", "t4"):
        status = TriggerStatus.DISABLED if name == "t3" else TriggerStatus.ACTIVE
        mesh.bind(Binding(name, "p1", "TIMER", "timer", URN, b"{}", max_pending=1, status=status))
    session = mesh.dispatcher.session("timer")
    keys = [SourceKey(name, "1", "s") for name in ("t2", "t3", "t4", "t1")]
    claims = [await session.claim(key) for key in keys]
    await session.accept(Slice(claims[2].key, claims[2].epoch, None, "1", [Event(random_id(), b"{}")]))
    lost = await session.claim(keys[3])
    told: dict[int, Exception | None] = {}
    pieces = [Slice(claim.key, claim.epoch, None, "1", [Event(random_id(), b"{}")]) for claim in (claims[0], claims[1])]
    pieces.append(Slice(claims[2].key, claims[2].epoch, "1", "2", [Event(random_id(), b"{}")]))
    pieces.append(Slice(keys[3], lost.epoch - 1, None, "1", [Event(random_id(), b"{}")]))
    session.accept_all(pieces, told.__setitem__)
    assert not told
    await until(lambda: len(told) == 3)
    assert told[0] is None
    assert isinstance(told[1], Unavailable)
    assert isinstance(told[3], ClaimLost)
    await mesh.running(2)
    mesh.runner.answer(Reply(200))
    mesh.runner.answer(Reply(200))
    await until(lambda: len(told) == 4)
    assert told[2] is None
    await mesh.running(1)
    assert "t1" not in mesh.ledger.counts()


async def test_credit_that_grows_after_the_end_begins_nothing(mesh: Mesh) -> None:
    mesh.bind(Binding("t2", "p1", "TIMER", "timer", URN, b"{}", mode=Mode.RECORDED))
    mesh.runner.slots = 0
    await mesh.push(trigger="t2")
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    mesh.task.cancel()
    await asyncio.wait({mesh.task})
    mesh.runner.slots = 1
    mesh.runner.grow(URN)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not faults
    assert not mesh.runner.held
