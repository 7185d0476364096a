"""One contract of the dispatcher's port, for the object itself and for the same object over gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from sluice.dispatch import Dispatch
from sluice.errors import ClaimLost, Unavailable
from sluice.event import Event, random_id
from sluice.ledger import Slice, SourceKey
from sluice.outcome import Outcome, Verdict
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.dispatch_server import DispatcherService
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.requests_client import MOST_ROUTES
from sluice.wire.server import WireServer
from tests.unit.sluice.wire.fake_dispatch import GONE, STUCK, FakeDispatch, answer_of
from tests.waiting import until

PACE = Pace(beat_s=0.1)
KEY = SourceKey("t-1", "1", "orders/0")
URN = "urn:fss:here:p:function:default:f:latest"


@pytest.fixture
async def fake() -> FakeDispatch:
    return FakeDispatch()


@pytest.fixture(params=["local", "wire"])
async def dispatch(request: pytest.FixtureRequest, fake: FakeDispatch, tmp_path: Path) -> AsyncIterator[Dispatch]:
    if request.param == "local":
        yield fake
        return
    async with AsyncExitStack() as stack:
        service = DispatcherService(fake, kind_of=lambda _trigger: "", pace=PACE)
        server = await stack.enter_async_context(WireServer(f"unix:{tmp_path}/d", [service]))
        yield await stack.enter_async_context(RemoteDispatch(Peer(server.address), PACE))


def event(body: bytes = b"{}", *, lane: str = "", records: int = 1, trace: str = "") -> Event:
    return Event(random_id(), body, lane, records, trace)


def piece(start: str | None, to: str, *events: Event, key: SourceKey = KEY, epoch: int = 1) -> Slice:
    return Slice(key, epoch, start, to, list(events), 3)


async def test_a_slice_arrives_as_it_was_handed_over(dispatch: Dispatch, fake: FakeDispatch) -> None:
    session = dispatch.session("kafka")
    claim = await session.claim(KEY)
    assert (claim.epoch, claim.position) == (1, None)
    given = piece(None, "7", event(b"\x00\xff", lane="a", records=9, trace="00-1"), event(b"", lane="b"))
    await session.accept(given)
    assert fake.accepted == [given]
    assert (await session.claim(KEY)).position == "7"
    await session.close()


async def test_a_slice_without_events_moves_the_position(dispatch: Dispatch, fake: FakeDispatch) -> None:
    session = dispatch.session("kafka")
    await session.claim(KEY)
    await session.accept(piece(None, "3"))
    await session.accept(piece("3", ""))
    assert fake.positions[KEY] == ""
    await session.close()


async def test_slices_handed_over_before_earlier_ones_returned_are_accepted_in_order(dispatch: Dispatch, fake: FakeDispatch) -> None:
    session = dispatch.session("kafka")
    await session.claim(KEY)
    slices = [piece(str(number) if number else None, str(number + 1), event(b"%d" % number)) for number in range(3_000)]
    await asyncio.gather(*[session.accept(each) for each in slices])
    assert [each.body for each in fake.events] == [b"%d" % number for number in range(3_000)]
    await session.close()


async def test_a_slice_of_many_large_events_is_accepted_whole(dispatch: Dispatch, fake: FakeDispatch) -> None:
    session = dispatch.session("kafka")
    await session.claim(KEY)
    given = piece(None, "9", *[event(bytes([number]) * 700_000) for number in range(40)], event(b"x" * 7_000_000), event(b"last"))
    await asyncio.gather(session.accept(given), session.accept(piece("9", "10", event(b"next"))))
    assert fake.accepted[0] == given
    assert fake.events[-1].body == b"next"
    await session.close()


async def test_a_slice_at_another_position_raises_claim_lost(dispatch: Dispatch) -> None:
    session = dispatch.session("kafka")
    await session.claim(KEY)
    with pytest.raises(ClaimLost, match="orders/0"):
        await session.accept(piece("5", "6", event()))
    await session.close()


async def test_what_cannot_be_accepted_now_raises_unavailable_with_its_hint(dispatch: Dispatch) -> None:
    session = dispatch.session("kafka")
    key = SourceKey(GONE, "1", "0")
    await session.claim(key)
    with pytest.raises(Unavailable, match="not known here") as caught:
        await session.accept(piece(None, "1", event(), key=key))
    assert caught.value.retry_after_s == 2.5
    await session.close()


async def test_of_slices_handed_over_together_each_is_told_of_once(dispatch: Dispatch, fake: FakeDispatch) -> None:
    session = dispatch.session("timer")
    keys = [SourceKey(trigger, "1", "schedule") for trigger in ("t-1", GONE, "t-2", "t-3")]
    for key in keys:
        await session.claim(key)
    pieces = [piece("5" if key.trigger == "t-3" else None, "6", event(key.trigger.encode()), key=key) for key in keys]
    told: list[tuple[int, type[Exception] | None]] = []
    session.accept_all(pieces, lambda index, error: told.append((index, type(error) if error else None)))
    assert not told
    await until(lambda: len(told) == len(pieces))
    assert dict(told) == {0: None, 1: Unavailable, 2: None, 3: ClaimLost}
    assert [each.body for each in fake.events] == [b"t-1", b"t-2"]
    await session.close()


async def test_a_claim_waits_for_the_session_that_holds_the_source(dispatch: Dispatch) -> None:
    first, second = dispatch.session("kafka"), dispatch.session("kafka")
    held = await first.claim(KEY)
    waiting = asyncio.ensure_future(second.claim(KEY))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    first.release(held)
    assert (await asyncio.wait_for(waiting, 5)).epoch == 2
    await first.close()
    await second.close()


async def test_a_closed_session_lets_its_claims_go(dispatch: Dispatch) -> None:
    first, second = dispatch.session("kafka"), dispatch.session("kafka")
    await first.claim(KEY)
    waiting = asyncio.ensure_future(second.claim(KEY))
    await first.close()
    assert (await asyncio.wait_for(waiting, 5)).epoch == 2
    await second.close()


async def test_an_assigned_source_is_taken_over_and_the_old_owner_is_fenced(dispatch: Dispatch) -> None:
    first, second = dispatch.session("kafka"), dispatch.session("kafka")
    await first.claim(KEY)
    claim = await asyncio.wait_for(second.claim(KEY, assigned=True), 5)
    assert claim.epoch == 2
    with pytest.raises(ClaimLost):
        await first.accept(piece(None, "1", event()))
    await second.accept(piece(None, "1", event(), epoch=2))
    await first.close()
    await second.close()


async def test_a_stuck_trigger_does_not_hold_up_another(dispatch: Dispatch, fake: FakeDispatch) -> None:
    session = dispatch.session("kafka")
    stuck = SourceKey(STUCK, "1", "0")
    await session.claim(stuck)
    await session.claim(KEY)
    waiting = [asyncio.ensure_future(session.accept(piece(None, "1", event(), key=stuck))) for _ in range(2_000)]
    await asyncio.wait_for(session.accept(piece(None, "1", event())), 5)
    assert [each.key for each in fake.accepted] == [KEY]
    for each in waiting:
        each.cancel()
    await session.close()


async def test_pushed_events_are_answered_each(dispatch: Dispatch, fake: FakeDispatch) -> None:
    events = [event(b"%d" % number) for number in range(500)]
    ids = [tuple(f"{number}-{record}" for record in range(number % 4)) for number in range(500)]
    outcomes = await asyncio.gather(*[dispatch.push("t-1", each, names) for each, names in zip(events, ids, strict=True)])
    assert outcomes == [Outcome(Verdict.DONE, event_id=each.id) for each in events]
    assert fake.pushed == [("t-1", each, names) for each, names in zip(events, ids, strict=True)]


async def test_what_the_records_of_pushed_events_are_called_is_told_whatever_the_columns_look_like(
    dispatch: Dispatch, fake: FakeDispatch
) -> None:
    for ids in ([("a",), ("a",)], [("a", "b"), ("c", "d")], [("a", "b"), ()], [(), ()], [("a",), ("b", "c", "d")]):
        fake.pushed.clear()
        given = event()
        await asyncio.gather(*[dispatch.push("t-1", given, names) for names in ids])
        assert [names for _, _, names in fake.pushed] == ids


async def test_which_records_were_accepted_before_is_told(dispatch: Dispatch, fake: FakeDispatch) -> None:
    fake.known = ("a", "c")
    outcome = await dispatch.push("t-1", event(), ("a", "b", "c"))
    assert (outcome.verdict, outcome.known) == (Verdict.RETRY, ("a", "c"))


async def test_many_long_ids_travel_in_messages_of_a_bounded_size(dispatch: Dispatch, fake: FakeDispatch) -> None:
    ids = [tuple(f"{number}-{record}".rjust(255, "x") for record in range(1_000)) for number in range(70)]
    await asyncio.gather(*[dispatch.push("t-1", event(), names) for names in ids])
    assert [names for _, _, names in fake.pushed] == ids


async def test_a_push_of_a_stuck_trigger_does_not_hold_up_another(dispatch: Dispatch, fake: FakeDispatch) -> None:
    waiting = [asyncio.ensure_future(dispatch.push(STUCK, event(b"%d" % number))) for number in range(2_000)]
    outcomes = await asyncio.wait_for(asyncio.gather(*[dispatch.push("t-1", event()) for _ in range(100)]), 5)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.DONE}
    fake.stuck.set_result(None)
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.DONE}
    assert [int(each.body) for trigger, each, _ in fake.pushed if trigger == STUCK] == list(range(2_000))


async def test_who_may_not_wait_for_room_is_told_so(dispatch: Dispatch) -> None:
    given = event()
    assert await asyncio.wait_for(dispatch.push(STUCK, given, (), 0.01), 5) == Outcome(
        Verdict.RETRY, "no room", 1.0, event_id=given.id, full=True
    )
    crowd = [dispatch.push(STUCK, event(), (), 0.3) for _ in range(2_000)]
    assert all(outcome.full for outcome in await asyncio.wait_for(asyncio.gather(*crowd), 5))


async def test_a_push_that_is_cancelled_while_it_waits_is_taken_back(dispatch: Dispatch, fake: FakeDispatch) -> None:
    for _ in range(3):
        waiting = [asyncio.ensure_future(dispatch.push(STUCK, event())) for _ in range(2_000)]
        await until(lambda: fake.open_events > 100)
        for one in waiting:
            one.cancel()
        await until(lambda: fake.open_events == 0)
    assert (await asyncio.wait_for(dispatch.push("t-1", event()), 5)).verdict is Verdict.DONE


async def test_what_filters_kept_back_is_told_without_an_event(dispatch: Dispatch, fake: FakeDispatch) -> None:
    dispatch.filtered("t-1", 3)
    dispatch.filtered("t-2", 4)
    await until(lambda: sum(records for _, records in fake.filters) == 7)
    await dispatch.push("t-1", event())
    dispatch.filtered("t-1", 2)
    await until(lambda: ("t-1", 2) in fake.filters)
    assert [trigger for trigger, _, _ in fake.pushed] == ["t-1"]


async def test_a_push_that_must_come_again_says_why_and_when(dispatch: Dispatch) -> None:
    given = event()
    assert await dispatch.push(GONE, given) == Outcome(Verdict.RETRY, "trigger gone is not known here", 2.5, None, given.id)


async def test_an_asynchronous_invocation_names_project_and_function(dispatch: Dispatch, fake: FakeDispatch) -> None:
    given = event(b"body")
    assert await dispatch.invoke_async("p", URN, given, "key") == Outcome(Verdict.DONE)
    assert fake.pushed == [(f"p/{URN}", given, ("key",))]


async def test_events_of_more_targets_than_a_stream_numbers_at_once_reach_their_own(dispatch: Dispatch, fake: FakeDispatch) -> None:
    fresh = (f"t-{number}" for number in range(MOST_ROUTES + 100))
    triggers = [
        trigger for one in fresh for trigger in ("t-0", one)
    ]  # the first number is used again and again, also when the table is full
    pushed = (dispatch.push(trigger, event(trigger.encode())) for trigger in triggers)
    called = (dispatch.call(trigger, event(trigger.encode()), 5.0) for trigger in triggers)
    await asyncio.gather(*pushed, *called)
    astray = [trigger for trigger, handed, _ in (*fake.pushed, *fake.called) if handed.body != trigger.encode()]
    assert (len(fake.pushed), len(fake.called), astray) == (len(triggers), len(triggers), [])


async def test_a_call_is_answered_with_the_functions_reply(dispatch: Dispatch, fake: FakeDispatch) -> None:
    given = msgspec.structs.replace(event(b"hello", trace="00-2"), choice="v2@512", refused="why")
    outcome = await dispatch.call("t-1", given, 12.5)
    assert outcome == Outcome(Verdict.DONE, reply=answer_of(given), event_id=given.id)
    assert fake.called == [("t-1", given, 12.5)]


async def test_a_failed_function_is_an_answer(dispatch: Dispatch) -> None:
    given = event(b"fail")
    assert await dispatch.call("t-1", given, 1) == Outcome(Verdict.DONE, reply=answer_of(given), event_id=given.id)


async def test_many_calls_are_answered_each_with_its_own_reply(dispatch: Dispatch) -> None:
    events = [event(b"fail" if number % 7 == 0 else b"x" * number) for number in range(700)]
    outcomes = await asyncio.gather(
        *[dispatch.call("t-1", each, 5) for each in events], dispatch.invoke("p", URN, events[0]), dispatch.call("t-1", events[1], 5)
    )
    assert [outcome.reply for outcome in outcomes[:700]] == [answer_of(each) for each in events]
    assert outcomes[700].event_id == b""
    assert outcomes[701].event_id == events[1].id


async def test_a_bound_of_waiting_calls_is_retry(dispatch: Dispatch) -> None:
    given = event()
    assert await dispatch.call(GONE, given, 1) == Outcome(Verdict.RETRY, "too many calls", 1.0, event_id=given.id)


async def test_an_invocation_brings_what_was_printed_when_asked(dispatch: Dispatch) -> None:
    outcomes = await asyncio.gather(dispatch.invoke("p", URN, event(), log=True), dispatch.invoke("p", URN, event()))
    assert [outcome.reply.log for outcome in outcomes if outcome.reply] == ["printed", ""]
    assert (await dispatch.invoke(GONE, URN, event())).verdict is Verdict.REFUSED


async def test_a_running_call_holds_no_window(dispatch: Dispatch) -> None:
    stuck = [asyncio.ensure_future(dispatch.call(STUCK, event(), 900)) for _ in range(1_500)]
    assert (await asyncio.wait_for(dispatch.call("t-1", event(), 5), 5)).verdict is Verdict.DONE
    for each in stuck:
        each.cancel()


async def test_a_large_event_travels(dispatch: Dispatch) -> None:
    given = event(b"y" * 7_000_000)
    outcomes = await asyncio.gather(dispatch.call("t-1", given, 5), dispatch.call("t-1", event(b"small"), 5))
    assert [outcome.reply and len(outcome.reply.body) for outcome in outcomes] == [7_000_000, 5]


@pytest.mark.parametrize(("size", "events"), [(10, 512), (100_000, 167)])
async def test_what_is_not_accepted_stays_within_the_window_in_events_and_bytes(
    tmp_path: Path, fake: FakeDispatch, size: int, events: int
) -> None:
    stuck = SourceKey(STUCK, "1", "0")
    async with WireServer(f"unix:{tmp_path}/d", [DispatcherService(fake, kind_of=lambda _trigger: "", pace=PACE)]) as server:
        async with RemoteDispatch(Peer(server.address), PACE) as remote:
            session = remote.session("kafka")
            await session.claim(stuck)
            body = b"x" * size
            waiting = [session.accept(piece(None, "1", event(body), key=stuck)) for _ in range(1_000)]
            await until(lambda: fake.open_events == events)
            await session.claim(KEY)
            await session.accept(piece(None, "1", event()))
            assert fake.most_events <= events + 1
            assert fake.most_size <= PACE.window_size // 2 + 2
        assert all(isinstance(each.exception(), Unavailable) for each in waiting)


async def test_the_coming_and_going_of_a_stream_is_told(tmp_path: Path, fake: FakeDispatch) -> None:
    told: list[tuple[str, bool]] = []
    address = f"unix:{tmp_path}/d"
    async with RemoteDispatch(Peer(address), PACE, lambda rpc, why: told.append((rpc, why is None))) as remote:
        service = DispatcherService(fake, kind_of=lambda _trigger: "", pace=PACE)
        async with WireServer(address, [service]):
            assert (await remote.push("t-1", event())).verdict is Verdict.DONE
        await until(lambda: told[:2] == [("Dispatcher.Push", True), ("Dispatcher.Push", False)])
        async with WireServer(address, [service]):
            assert (await remote.push("t-1", event())).verdict is Verdict.DONE
            assert told[-1] == ("Dispatcher.Push", True)


async def test_a_slice_that_was_begun_is_ended_though_its_stream_has_gone_and_a_push_that_waits_is_taken_back(
    tmp_path: Path, fake: FakeDispatch
) -> None:
    service = DispatcherService(fake, kind_of=lambda _trigger: "", pace=PACE)
    async with WireServer(f"unix:{tmp_path}/d", [service]) as server:
        async with RemoteDispatch(Peer(server.address), PACE) as remote:
            session = remote.session("kafka")
            await session.claim(SourceKey(STUCK, "1", "0"))
            accepting = session.accept(piece(None, "1", event(), key=SourceKey(STUCK, "1", "0")))
            pushing = remote.push(STUCK, event())
            await until(lambda: fake.open_events == 2)
        assert isinstance(accepting.exception(), Unavailable)
        await until(lambda: len(service.outliving) == 1 and fake.open_events == 1)
        assert pushing.result().verdict is Verdict.RETRY
        fake.stuck.set_result(None)
        await until(lambda: len(service.outliving) == 0)


async def test_the_end_of_a_stream_closes_the_session_at_the_dispatcher(tmp_path: Path, fake: FakeDispatch) -> None:
    async with WireServer(f"unix:{tmp_path}/d", [DispatcherService(fake, kind_of=lambda _trigger: "", pace=PACE)]) as server:
        async with RemoteDispatch(Peer(server.address), PACE) as remote:
            session = remote.session("kafka")
            await session.claim(KEY)
            assert not fake.sessions[0].closed
        await until(lambda: fake.sessions[0].closed)
