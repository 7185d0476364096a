"""What the dispatcher tells of its events, and what is done to them by hand: dead letters, cancellation, metrics, the tail."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from sluice.clock import SystemClock
from sluice.event import Event, random_id
from sluice.function import Function
from sluice.ledger import Dead, DeadFilter, Pending, StoryFilter
from sluice.metrics import ENDED, PENDING, RECEIVED, RUNNING, SPAN_ATTEMPT, Exposition
from sluice.outcome import FailureKind
from sluice_dispatcher.dispatcher import Dispatcher
from sluice_dispatcher.ledger_sqlite.ledger import open_ledger
from tests.unit.sluice_dispatcher.fake_runner import FakeRunner, failed
from tests.unit.sluice_dispatcher.mesh import FUNCTION, URN, FakeTraces, Mesh
from tests.waiting import until


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


async def test_a_second_cancel_of_the_same_event_is_forgotten_with_it(mesh: Mesh) -> None:
    mesh.runner.slots = 0
    event = Event(random_id(), b"{}")
    await mesh.dispatcher.push("t1", event)
    await asyncio.gather(*(mesh.dispatcher.cancel("p1", event.id) for _ in range(2)))
    assert await mesh.state(event.id) == "DISCARD"
    await until(lambda: not any(queue.cancelled for queue in mesh.dispatcher._delivery._queues.values()))
    mesh.runner.slots = 1
    await mesh.dispatcher.push("t1", event)  # an Idempotency-Key that is used again later makes the same id
    await mesh.running(1)


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


async def test_a_redrive_that_nobody_waits_for_any_more_runs(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    event = await mesh.push()
    await mesh.running(1)
    mesh.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await mesh.until_state(event, "FAIL")
    begun, redrive = asyncio.Event(), mesh.ledger.redrive

    async def told(dead: Sequence[Dead]) -> list[Pending]:
        begun.set()
        return await redrive(dead)

    monkeypatch.setattr(mesh.ledger, "redrive", told)
    redriving = asyncio.ensure_future(mesh.dispatcher.redrive(DeadFilter(project="p1"), 10, dry_run=False))
    await begun.wait()
    redriving.cancel()
    await mesh.running(1)


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
