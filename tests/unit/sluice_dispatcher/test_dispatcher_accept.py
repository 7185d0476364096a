"""What the dispatcher takes in: slices, pushes, calls and invocations, over the real embedded ledger."""

import asyncio

import msgspec
import pytest

from sluice.binding import Binding, TriggerStatus
from sluice.catalog import Change
from sluice.errors import ClaimLost, Unavailable
from sluice.event import MAX_ASYNC_BODY_BYTES, MAX_EVENT_BYTES, Event, random_id
from sluice.ledger import Counts, DeadFilter, Slice, SourceKey
from sluice.outcome import Failure, FailureKind, Outcome, Reply, Verdict
from sluice_dispatcher.calls import Calls
from sluice_dispatcher.dispatcher import api_trigger
from tests.unit.sluice_dispatcher.mesh import FUNCTION, KEY, URN, Mesh, a_slice, an_event
from tests.waiting import until


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


async def test_a_caller_who_has_gone_takes_no_place_among_those_who_wait(mesh: Mesh) -> None:
    mesh.runner.slots = 0
    calls = Calls(mesh.runner, mesh.snapshot, mesh.dispatcher._statistics, max_waiting=1)
    for _ in range(2):
        outcome = await calls.call(URN, an_event(), 0.01)
        assert outcome.reply is not None, "it waited"
        assert outcome.reply.failure is not None
        assert outcome.reply.failure.kind is FailureKind.TIMEOUT
    leaving = asyncio.ensure_future(calls.call(URN, an_event(), 5))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait({leaving})
    staying = asyncio.ensure_future(calls.call(URN, an_event(), 5))
    await asyncio.sleep(0)
    mesh.runner.slots = 1
    mesh.runner.grow(URN)
    assert calls.under_way == {URN: 1}
    mesh.runner.answer()
    assert (await staying).verdict is Verdict.DONE
    assert calls.under_way == {}


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


@pytest.mark.parametrize("together", [True, False])
async def test_an_event_that_its_source_refuses_is_recorded_with_the_reason_and_its_neighbours_run(mesh: Mesh, together: bool) -> None:
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    wrong, right = msgspec.structs.replace(an_event(), refused="it cannot be read"), an_event()
    piece = a_slice(None, "2", wrong, right, epoch=claim.epoch)
    if together:
        told: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        session.accept_all([piece], lambda index, error: told.set_result(error))
        assert await told is None
    else:
        await session.accept(piece)
    await mesh.running(1)
    assert mesh.runner.answer().id == right.id
    (dead,) = await mesh.dispatcher.dead(DeadFilter(trigger="t1"), 0, 10)
    assert (dead.event.id, dead.failure, dead.message) == (wrong.id, "refused", "it cannot be read")


async def test_an_oversized_event_does_not_let_the_slices_behind_it_overtake(mesh: Mesh) -> None:
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    large = an_event(b"x" * (MAX_EVENT_BYTES + 1))
    pieces = [a_slice(None, "1", large, epoch=claim.epoch), a_slice("1", "2", an_event(), epoch=claim.epoch)]
    await asyncio.wait_for(asyncio.gather(*(session.accept(piece) for piece in pieces)), 10)
    assert mesh.ledger.counts()["t1"].received == 2


async def test_an_event_seen_before_is_answered_and_not_run_again(mesh: Mesh) -> None:
    for _ in range(2):
        outcome = await mesh.dispatcher.push("t1", an_event(), ("message-1",))
        assert outcome.verdict is Verdict.DONE
    await mesh.running(1)
    assert mesh.ledger.counts()["t1"].received == 1


async def test_of_an_event_that_is_partly_known_is_told_which_records_are(mesh: Mesh) -> None:
    assert (await mesh.dispatcher.push("t1", an_event(), ("a", "b"))).verdict is Verdict.DONE
    outcome = await mesh.dispatcher.push("t1", an_event(), ("a", "b", "c"))
    assert (outcome.verdict, outcome.known) == (Verdict.RETRY, ("a", "b"))
    assert mesh.ledger.counts()["t1"].received == 1
    assert (await mesh.dispatcher.push("t1", an_event(), ("c",))).verdict is Verdict.DONE
    assert mesh.ledger.counts()["t1"].received == 2


async def test_an_oversized_event_that_is_pushed_is_refused_and_recorded_once(mesh: Mesh) -> None:
    large = an_event(b"x" * (MAX_EVENT_BYTES + 1))
    for _ in range(2):
        assert (await mesh.dispatcher.push("t1", large, ("a",))).verdict is Verdict.REFUSED
    (dead,) = await mesh.dispatcher.dead(DeadFilter(trigger="t1"), 0, 10)
    assert (dead.event.id, dead.failure) == (large.id, "refused")
    counts = mesh.ledger.counts()["t1"]
    assert (counts.received, counts.discarded, counts.open) == (1, 1, 0)


async def test_a_pushed_event_that_its_source_refuses_is_recorded_with_the_reason(mesh: Mesh) -> None:
    outcome = await mesh.dispatcher.push("t1", msgspec.structs.replace(an_event(), refused="it cannot be read"))
    assert (outcome.verdict, outcome.reason) == (Verdict.REFUSED, "it cannot be read")
    assert mesh.ledger.counts()["t1"].discarded == 1


async def test_what_filters_kept_back_is_counted_for_triggers_that_are_known(mesh: Mesh) -> None:
    mesh.dispatcher.filtered("t1", 3)
    mesh.dispatcher.filtered("gone", 4)
    mesh.dispatcher.filtered("t1", 2)
    await until(lambda: mesh.ledger.counts().get("t1", Counts()).filtered == 5)
    assert "gone" not in mesh.ledger.counts()


def a_small_window(mesh: Mesh, most: int = 1) -> None:
    mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], max_pending=most))


async def test_what_is_pushed_waits_while_the_window_is_full_and_enters_in_its_order(mesh: Mesh) -> None:
    a_small_window(mesh, 2)
    events = [an_event() for _ in range(6)]
    pushed = [asyncio.ensure_future(mesh.dispatcher.push("t1", event)) for event in events]
    for number in range(6):
        await until(lambda: mesh.runner.held)
        assert mesh.ledger.counts()["t1"].open <= 2
        assert mesh.runner.answer().id == events[number].id
    assert {outcome.verdict for outcome in await asyncio.gather(*pushed)} == {Verdict.DONE}


async def test_a_push_with_a_waiting_sender_is_told_soon_that_there_is_no_room(mesh: Mesh) -> None:
    a_small_window(mesh)
    await mesh.push()
    event = an_event()
    outcome = await asyncio.wait_for(mesh.dispatcher.push("t1", event, wait_s=0.01), 5)
    assert outcome == Outcome(Verdict.RETRY, "trigger t1 has no room now", 1.0, event_id=event.id, full=True)
    mesh.runner.answer()
    await until(lambda: not mesh.ledger.counts()["t1"].open)
    assert mesh.ledger.counts()["t1"].received == 1, "what was not accepted is not accepted later"
    assert (await mesh.dispatcher.push("t1", event, wait_s=0.01)).verdict is Verdict.DONE


async def test_a_push_that_is_cancelled_while_it_waits_is_taken_back(mesh: Mesh) -> None:
    a_small_window(mesh)
    await mesh.push()
    gone = asyncio.ensure_future(mesh.dispatcher.push("t1", an_event()))
    behind = asyncio.ensure_future(mesh.dispatcher.push("t1", an_event()))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    mesh.runner.answer()
    assert (await asyncio.wait_for(behind, 5)).verdict is Verdict.DONE
    assert mesh.ledger.counts()["t1"].received == 2


async def test_a_full_trigger_holds_up_no_other(mesh: Mesh) -> None:
    a_small_window(mesh)
    mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], trigger="t2"))
    await mesh.push()
    waiting = asyncio.ensure_future(mesh.dispatcher.push("t1", an_event()))
    await asyncio.wait_for(mesh.push(trigger="t2"), 5)
    assert not waiting.done()
    waiting.cancel()


async def test_bytes_hold_a_push_back_too(mesh: Mesh) -> None:
    mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], max_pending_bytes=1_500))
    await mesh.push(b"x" * 1_000)
    assert (await mesh.dispatcher.push("t1", an_event(b"x" * 1_000), wait_s=0.01)).full
    assert (await mesh.dispatcher.push("t1", an_event(b"x" * 500), wait_s=0.01)).verdict is Verdict.DONE


async def test_what_is_known_already_and_what_is_too_large_holds_no_room(mesh: Mesh) -> None:
    a_small_window(mesh, 2)
    for _ in range(3):
        assert (await mesh.dispatcher.push("t1", an_event(), ("a",), 0.01)).verdict is Verdict.DONE
        assert (await mesh.dispatcher.push("t1", an_event(b"x" * (MAX_EVENT_BYTES + 1)), ("b",), 0.01)).verdict is Verdict.REFUSED
    assert (await mesh.dispatcher.push("t1", an_event(), ("a", "c"), 0.01)).known == ("a",)
    assert (await mesh.dispatcher.push("t1", an_event(), wait_s=0.01)).verdict is Verdict.DONE
    assert (await mesh.dispatcher.push("t1", an_event(), wait_s=0.01)).full


@pytest.mark.parametrize("removed", [True, False])
async def test_nobody_waits_for_room_in_a_trigger_that_was_deleted_or_disabled(mesh: Mesh, removed: bool) -> None:
    a_small_window(mesh)
    await mesh.push()
    session = mesh.dispatcher.session("kafka")
    claim = await session.claim(KEY)
    waiting = asyncio.ensure_future(mesh.dispatcher.push("t1", an_event()))
    offered = asyncio.ensure_future(session.accept(a_slice(None, "1", an_event(), epoch=claim.epoch)))
    await asyncio.sleep(0)
    if removed:
        mesh.snapshot.apply(Change(2, removed="binding:t1"))
    else:
        mesh.bind(msgspec.structs.replace(mesh.snapshot.bindings["t1"], status=TriggerStatus.DISABLED))
    outcome = await asyncio.wait_for(waiting, 5)
    assert (outcome.verdict, outcome.full) == (Verdict.RETRY, False)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(offered, 5)


async def test_who_waits_enters_when_the_trigger_is_given_more_room(mesh: Mesh) -> None:
    a_small_window(mesh)
    await mesh.push()
    waiting = asyncio.ensure_future(mesh.dispatcher.push("t1", an_event()))
    await asyncio.sleep(0)
    a_small_window(mesh, 2)
    assert (await asyncio.wait_for(waiting, 5)).verdict is Verdict.DONE


async def test_what_was_open_before_a_restart_fills_the_window_after_it(mesh: Mesh) -> None:
    a_small_window(mesh, 2)
    await mesh.push()
    await mesh.push()
    await mesh.restart()
    waiting = asyncio.ensure_future(mesh.dispatcher.push("t1", an_event()))
    await mesh.running(2)
    assert not waiting.done()
    mesh.runner.answer()
    assert (await asyncio.wait_for(waiting, 5)).verdict is Verdict.DONE


async def test_a_redrive_counts_and_does_not_wait(mesh: Mesh) -> None:
    a_small_window(mesh)
    await mesh.dispatcher.push("t1", an_event(b"x" * (MAX_EVENT_BYTES + 1)))
    await mesh.push()
    (redriven,) = await asyncio.wait_for(mesh.dispatcher.redrive(DeadFilter(trigger="t1"), 10, dry_run=False), 5)
    assert redriven
    assert (await mesh.dispatcher.push("t1", an_event(), wait_s=0.01)).full


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
