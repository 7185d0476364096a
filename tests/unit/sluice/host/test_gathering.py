"""What is delivered at the same time shares an event, and everybody hears what became of it."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest

from sluice.binding import Ordering
from sluice.event import MAX_BATCH_BYTES, MAX_EVENT_BYTES, Event, Record
from sluice.host.batching import Batching
from sluice.host.gathering import Gathering
from sluice.host.intake import HostIntake
from sluice.outcome import Outcome, Verdict
from tests.unit.sluice.host.test_intake import RecordingDispatch, a_binding, shape
from tests.waiting import until

RETRY = Outcome(Verdict.RETRY, "not now", 0.5)


class Accepting(RecordingDispatch):
    """Accepts each id once, as a ledger does. While it is held nothing is answered; `answers` come before that, one for each push."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: list[tuple[str, ...]] = []
        self.ids: list[bytes] = []
        self.answers: list[Outcome | Exception] = []
        self.free = asyncio.Event()
        self.free.set()

    async def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Outcome:
        self.pushed.append((event, dedupe))
        await self.free.wait()
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        given = {name for names in self.accepted for name in names}
        known = tuple(name for name in dedupe if name in given)
        if known and len(known) < len(dedupe):
            return Outcome(Verdict.RETRY, "some are known", known=known, event_id=event.id)
        if not known:
            self.accepted.append(dedupe)
            self.ids.append(event.id)
        return Outcome(Verdict.DONE, event_id=event.id)

    @property
    def bodies(self) -> list[bytes]:
        return [event.body for event, _ in self.pushed]


def gathering(dispatch: Accepting, **changes: Any) -> Gathering:
    binding = a_binding(**{"batch_size": 3, **changes})
    return Gathering(binding, dispatch, Batching(binding, shape, None))


def record(name: str, *, named: bool = True, **more: Any) -> Record:
    return Record(name.encode(), "queue", "", 0, id=name if named else "", **more)


async def delivered(gathered: Gathering, records: Sequence[Record]) -> list[Verdict]:
    answers = [gathered.deliver(each) for each in records]
    return [outcome.verdict for outcome in await asyncio.wait_for(asyncio.gather(*answers), 5)]


def named(*names: str) -> list[Record]:
    return [record(name) for name in names]


async def test_what_is_delivered_in_one_turn_shares_events_of_at_most_the_batch_size() -> None:
    dispatch = Accepting()
    assert await delivered(gathering(dispatch), named(*"abcdefg")) == [Verdict.DONE] * 7
    assert dispatch.bodies == [b"a+b+c", b"d+e+f", b"g"]
    assert [names for _, names in dispatch.pushed] == [("a", "b", "c"), ("d", "e", "f"), ("g",)]
    assert [event.records for event, _ in dispatch.pushed] == [3, 3, 1]


async def test_turns_do_not_wait_for_each_other() -> None:
    dispatch = Accepting()
    gathered = gathering(dispatch)
    await delivered(gathered, named("a"))
    await delivered(gathered, named("b"))
    assert dispatch.bodies == [b"a", b"b"]


async def test_records_linger_until_a_batch_is_full() -> None:
    dispatch = Accepting()
    gathered = gathering(dispatch, linger_s=30.0)
    first = asyncio.ensure_future(delivered(gathered, named("a", "b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not dispatch.pushed
    await delivered(gathered, named("c"))
    await first
    assert dispatch.bodies == [b"a+b+c"]


async def test_records_linger_no_longer_than_they_may() -> None:
    dispatch = Accepting()
    assert await delivered(gathering(dispatch, linger_s=0.01), named("a", "b")) == [Verdict.DONE] * 2
    assert dispatch.bodies == [b"a+b"]


async def test_batches_are_cut_by_bytes_and_a_large_record_goes_alone() -> None:
    dispatch = Accepting()
    half, small = Record(b"x" * (MAX_BATCH_BYTES // 2 + 1), "queue", "", 0), record("s")
    huge = Record(b"y" * (MAX_BATCH_BYTES + 1), "queue", "", 0)
    await delivered(gathering(dispatch, batch_size=100), [half, small, half, huge, small])
    assert [event.records for event, _ in dispatch.pushed] == [2, 1, 1, 1]


async def test_a_batch_that_its_shape_makes_too_large_is_halved_until_it_fits() -> None:
    dispatch = Accepting()
    binding = a_binding(batch_size=4)
    gathered = Gathering(binding, dispatch, Batching(binding, lambda records: b"\\u0000" * sum(each.size for each in records), None))
    size = MAX_EVENT_BYTES // 6 // 2
    assert await delivered(gathered, [record(name * size) for name in "abc"]) == [Verdict.DONE] * 3
    assert [event.records for event, _ in dispatch.pushed] == [1, 2]


async def test_an_answer_is_everybodys_and_goes_to_nobody_elses() -> None:
    dispatch = Accepting()
    dispatch.answers = [RETRY, Outcome(Verdict.REFUSED, "no")]
    gathered = gathering(dispatch)
    assert await delivered(gathered, named(*"abcdefg")) == [Verdict.RETRY] * 3 + [Verdict.REFUSED] * 3 + [Verdict.DONE]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError("no way")])
async def test_an_error_reaches_everybody_in_the_batch(error: Exception) -> None:
    dispatch = Accepting()
    dispatch.answers = [error]
    gathered = gathering(dispatch)
    answers = [gathered.deliver(each) for each in named(*"abcd")]
    results = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), 5)
    assert results[:3] == [error] * 3
    assert isinstance(results[3], Outcome)


async def test_a_shape_that_fails_is_told_to_those_whose_records_it_met() -> None:
    binding = a_binding(batch_size=3)

    def breaks(records: Sequence[Record]) -> bytes:
        raise ValueError("a bug in the kind")

    answer = Gathering(binding, Accepting(), Batching(binding, breaks, None)).deliver(record("a"))
    with pytest.raises(ValueError, match="a bug in the kind"):
        await asyncio.wait_for(answer, 5)


async def test_whoever_no_longer_waits_takes_out_its_record_and_no_other() -> None:
    dispatch = Accepting()
    gathered = gathering(dispatch)
    answers = [gathered.deliver(each) for each in named("a", "b")]
    answers[0].cancel()
    assert (await asyncio.wait_for(answers[1], 5)).verdict is Verdict.DONE
    assert dispatch.bodies == [b"b"]


async def test_whoever_goes_after_the_push_loses_nobody_elses_answer() -> None:
    dispatch = Accepting()
    dispatch.free.clear()
    gathered = gathering(dispatch)
    answers = [gathered.deliver(each) for each in named("a", "b")]
    await until(lambda: len(dispatch.pushed) == 1)
    answers[0].cancel()
    dispatch.free.set()
    assert (await asyncio.wait_for(answers[1], 5)).verdict is Verdict.DONE
    assert dispatch.accepted == [("a", "b")]


async def test_a_redelivery_in_other_batches_accepts_each_record_once() -> None:
    dispatch = Accepting()
    await delivered(gathering(dispatch), named("a", "b", "c"))
    again = gathering(dispatch, batch_size=4)
    assert await delivered(again, named("a", "b", "c", "d")) == [Verdict.DONE] * 4
    assert await delivered(again, named("x", "d", "y", "a")) == [Verdict.DONE] * 4
    assert dispatch.accepted == [("a", "b", "c"), ("d",), ("x", "y")]
    assert len(set(dispatch.ids)) == 3


async def test_one_record_twice_in_a_batch_is_one_record() -> None:
    dispatch = Accepting()
    assert await delivered(gathering(dispatch, batch_size=10), named("a", "b", "a", "b", "c")) == [Verdict.DONE] * 5
    assert (dispatch.bodies, dispatch.accepted) == ([b"a+b+c"], [("a", "b", "c")])


async def test_one_record_in_two_batches_is_one_record() -> None:
    dispatch = Accepting()
    assert await delivered(gathering(dispatch, batch_size=2), named("a", "b", "a", "c")) == [Verdict.DONE] * 4
    assert dispatch.accepted == [("a", "b"), ("c",)]


async def test_records_without_ids_are_never_taken_for_one_another() -> None:
    dispatch = Accepting()
    gathered = gathering(dispatch, batch_size=10)
    for _ in range(2):
        await delivered(gathered, [record("a", named=False), record("b"), record("a", named=False)])
    assert dispatch.bodies == [b"a+b+a", b"a+b+a"]
    assert dispatch.accepted == [("b",)]


async def test_events_of_records_without_ids_have_an_id_each() -> None:
    dispatch = Accepting()
    dispatch.answers = [RETRY]
    gathered = gathering(dispatch)
    for _ in range(2):
        await delivered(gathered, [record("a", named=False)])
    first, second = dispatch.pushed
    assert first[0].id != second[0].id


async def test_an_answer_that_knows_other_records_is_no_acceptance_and_no_endless_loop() -> None:
    dispatch = Accepting()
    dispatch.answers = [Outcome(Verdict.RETRY, "?", known=("z",))]
    assert await delivered(gathering(dispatch), named("a", "b")) == [Verdict.RETRY] * 2


async def test_keys_have_batches_of_their_own() -> None:
    dispatch = Accepting()
    gathered = gathering(dispatch, ordering=Ordering.KEY)
    sent = [record(f"{key}{number}", key=key.encode()) for number in range(4) for key in "ab"]
    assert await delivered(gathered, sent) == [Verdict.DONE] * 8
    assert sorted(dispatch.bodies) == [b"a0+a1+a2", b"a3", b"b0+b1+b2", b"b3"]
    assert len({event.lane for event, _ in dispatch.pushed}) == 2


async def test_in_a_lane_nothing_overtakes_what_has_to_be_pushed_again() -> None:
    dispatch = Accepting()
    dispatch.accepted = [("a",)]
    gathered = gathering(dispatch, ordering=Ordering.SOURCE)
    assert await delivered(gathered, named(*"abcdefg")) == [Verdict.DONE] * 7
    assert dispatch.accepted[1:] == [("b", "c"), ("d", "e", "f"), ("g",)]


async def test_what_waits_behind_a_retry_in_its_lane_is_told_the_same() -> None:
    dispatch = Accepting()
    dispatch.answers = [RETRY]
    gathered = gathering(dispatch, ordering=Ordering.SOURCE)
    assert await delivered(gathered, named(*"abcde")) == [Verdict.RETRY] * 5
    assert await delivered(gathered, named(*"abcde")) == [Verdict.DONE] * 5
    assert dispatch.accepted == [("a", "b", "c"), ("d", "e")]


async def test_an_ordered_lane_lingers_again_after_an_answer() -> None:
    dispatch = Accepting()
    dispatch.free.clear()
    gathered = gathering(dispatch, ordering=Ordering.SOURCE, linger_s=30.0)
    first = asyncio.ensure_future(delivered(gathered, named(*"abc")))
    await until(lambda: len(dispatch.pushed) == 1)
    late = asyncio.ensure_future(delivered(gathered, named("d")))
    dispatch.free.set()
    await first
    assert len(dispatch.pushed) == 1
    await delivered(gathered, named("e", "f"))
    await late
    assert dispatch.bodies == [b"a+b+c", b"d+e+f"]


async def test_closing_ends_what_was_not_pushed_and_takes_back_what_still_waits_for_room() -> None:
    dispatch = Accepting()
    dispatch.free.clear()
    gathered = gathering(dispatch, linger_s=30.0)
    answers = [gathered.deliver(each) for each in named(*"abcd")]
    await until(lambda: len(dispatch.pushed) == 1)
    gathered.close()
    dispatch.free.set()
    assert (await asyncio.wait_for(answers[0], 5)).verdict is Verdict.RETRY
    assert not dispatch.accepted
    with pytest.raises(asyncio.CancelledError):
        await answers[3]
    assert dispatch.bodies == [b"a+b+c"]


async def test_an_intake_gathers_what_its_binding_wants_in_batches() -> None:
    dispatch = Accepting()
    binding = a_binding(batch_size=2)
    intake = HostIntake(binding, dispatch, dispatch, Batching(binding, shape, lambda each: "" if each.value == b"a" else "no"))
    outcomes = await asyncio.gather(*(intake.deliver(record(name)) for name in "aaba"))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.DONE] * 4
    assert dispatch.bodies == [b"a", b"a"]
    intake.close()
    assert dispatch.filters == [("t1", 1)]


async def test_filtered_deliveries_are_told_together_after_a_while() -> None:
    dispatch = RecordingDispatch()
    binding = a_binding()
    intake = HostIntake(binding, dispatch, dispatch, Batching(binding, shape, lambda each: "no"))
    for number in range(100):
        await intake.deliver(record(str(number)))
    await until(lambda: dispatch.filters == [("t1", 100)])
    await intake.deliver(record("x"))
    await until(lambda: dispatch.filters == [("t1", 100), ("t1", 1)])
    intake.close()
    assert not dispatch.pushed
