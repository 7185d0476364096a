"""How accepted events run to their end: order, credit, restarts, and what the runner is told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from sluice.binding import Binding, Mode
from sluice.catalog import Change, Snapshot
from sluice.function import Function
from sluice.ledger import DeadFilter, Ended, Push, Retry, Route, StoryFilter
from sluice.outcome import Failure, FailureKind, Reply
from sluice_dispatcher.loading import PAGE_EVENTS
from tests.unit.sluice_dispatcher.fake_runner import failed
from tests.unit.sluice_dispatcher.mesh import FUNCTION, KEY, URN, Mesh, a_slice, an_event
from tests.waiting import until


async def test_a_pushed_event_runs_and_ends(mesh: Mesh) -> None:
    event = await mesh.push(b'{"a":1}')
    await mesh.running(1)
    assert await mesh.state(event) == "RUNNING"
    call = mesh.runner.answer()
    assert (call.id, call.body, call.attempt, call.mode) == (event, b'{"a":1}', 1, "async")
    await mesh.until_state(event, "SUCCESS")


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


async def test_a_recorded_event_far_down_the_ledger_is_interrupted_though_the_crash_came_before_it_was_said_to_run(mesh: Mesh) -> None:
    mesh.bind(Binding("t9", "p1", "TIMER", "timer", URN, b"{}", mode=Mode.RECORDED))
    mesh.runner.slots = 0
    route = Route("p1", "t9", URN, Mode.RECORDED, "timer")
    waiting = await mesh.ledger.accept(route, Push([an_event() for _ in range(PAGE_EVENTS + 10)]))
    begun = waiting[-1]
    await mesh.ledger.start([begun])
    assert not await mesh.ledger.interrupted()
    await mesh.restart()
    await mesh.until_state(begun.event.id, "FAIL")
    assert begun.event.id not in {event for event, _ in mesh.runner.calls}


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


async def test_events_of_a_deleted_trigger_still_run(mesh: Mesh) -> None:
    mesh.runner.slots = 0
    event = await mesh.push()
    mesh.snapshot.apply(Change(2, removed="binding:t1"))
    mesh.runner.slots = 1
    mesh.runner.grow(URN)
    await mesh.running(1)
    mesh.runner.answer()
    await mesh.until_state(event, "SUCCESS")


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


async def test_an_event_that_another_one_s_end_took_along_runs_again(mesh: Mesh) -> None:
    event = await mesh.push()
    await mesh.running(1)
    mesh.runner.answer(Reply(0, failure=Failure(FailureKind.CANCELLED, "function invocation canceled"), instance="i-1"))
    await mesh.running(1)
    assert mesh.runner.calls == [(event, 1), (event, 2)]
    mesh.runner.answer()
    await mesh.until_state(event, "SUCCESS")


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
