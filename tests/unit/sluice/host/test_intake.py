"""What the host does for every kind: filter, batch, name, place, linger, and let go."""

import asyncio
import json
import math
from collections.abc import Sequence

import msgspec
import pytest

from sluice.binding import Binding, Mode, Ordering
from sluice.dispatch import Session, Told, accept_each
from sluice.errors import ClaimLost, Unavailable
from sluice.event import GAP, MAX_BATCH_BYTES, MAX_EVENT_BYTES, Event, Record
from sluice.filters import parse
from sluice.host.batching import Batching
from sluice.host.intake import HostIntake, Rested
from sluice.ledger import Claim, Slice, SourceKey
from sluice.outcome import DONE, Outcome, Verdict


class RecordingDispatch:
    """Takes everything, unless told to refuse; is its own session."""

    def __init__(self) -> None:
        self.slices: list[Slice] = []
        self.released: list[str] = []
        self.pushed: list[tuple[Event, tuple[str, ...]]] = []
        self.filters: list[tuple[str, int]] = []
        self.called: list[Event] = []
        self.error: Exception | None = None
        self.epoch = 0

    def session(self, service: str) -> Session:
        return self

    async def claim(self, key: SourceKey, *, assigned: bool = False) -> Claim:
        self.epoch += 1
        return Claim(key, self.epoch, "0")

    def release(self, claim: Claim) -> None:
        self.released.append(claim.key.source)

    async def accept(self, piece: Slice) -> None:
        if self.error is not None:
            raise self.error
        self.slices.append(piece)

    def accept_all(self, pieces: Sequence[Slice], told: Told) -> None:
        accept_each(self.accept, pieces, told)

    async def close(self) -> None: ...

    def filtered(self, trigger: str, records: int) -> None:
        self.filters.append((trigger, records))

    async def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Outcome:
        self.pushed.append((event, dedupe))
        return DONE

    async def call(self, trigger: str, event: Event, timeout_s: float) -> Outcome:
        self.called.append(event)
        return DONE

    async def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Outcome:
        raise AssertionError("a trigger does not invoke")

    async def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Outcome:
        raise AssertionError("a trigger does not invoke")


def a_binding(
    *, batch_size: int = 1, ordering: Ordering = Ordering.NONE, linger_s: float = 0.0, mode: Mode = Mode.ASYNC, filter_text: str = ""
) -> Binding:
    return Binding(
        "t1",
        "p1",
        "OPENSOURCEKAFKA",
        "kafka",
        "urn:fss:local-1:p1:function:default:f:latest",
        b"{}",
        mode=mode,
        ordering=ordering,
        batch_size=batch_size,
        linger_s=linger_s,
        filter=filter_text,
    )


def shape(records: Sequence[Record]) -> bytes:
    return b"+".join(record.value or b"-" for record in records)


def an_intake(dispatch: RecordingDispatch, binding: Binding) -> HostIntake:
    return HostIntake(binding, dispatch, dispatch, Batching(binding, shape, parse(binding.filter)))


def records(count: int, start: int = 0, key: bytes | None = None) -> list[Record]:
    return [Record(b"%d" % number, "p0", str(number), 0, key=key) for number in range(start, start + count)]


def bodies(piece: Slice) -> list[bytes]:
    return [event.body for event in piece.events]


async def test_a_slice_begins_where_the_one_before_ended() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding())
    claim = await intake.claim("p0")
    await intake.offer(claim, records(2), "2")
    await intake.offer(claim, [], "5")
    await intake.offer(claim, records(1, 5), "6")
    assert [(piece.start, piece.to, len(piece.events)) for piece in dispatch.slices] == [("0", "2", 2), ("2", "5", 0), ("5", "6", 1)]


async def test_batches_have_at_most_their_size_and_keep_the_order() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(batch_size=3))
    await intake.offer(await intake.claim("p0"), records(7), "7")
    assert bodies(dispatch.slices[0]) == [b"0+1+2", b"3+4+5", b"6"]
    assert [event.records for event in dispatch.slices[0].events] == [3, 3, 1]


async def test_batches_are_cut_by_bytes_and_a_large_record_goes_alone() -> None:
    binding = a_binding(batch_size=100)
    half = Record(b"x" * (MAX_BATCH_BYTES // 2 + 1), "p0", "1", 0)
    huge = Record(b"x" * (MAX_BATCH_BYTES + 1), "p0", "2", 0)
    cut = Batching(binding, shape, None).cut([half, half, huge, half])
    assert [len(batch) for batch in cut] == [1, 1, 1, 1]


async def test_that_records_are_gone_is_told_whatever_the_filter_says() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(filter_text=json.dumps({"a": 1})))
    gap, empty = Record(None, "p0", "1", 0, attributes=((GAP, "{}"),)), Record(None, "p0", "2", 0)
    await intake.offer(await intake.claim("p0"), [gap, empty], "3")
    assert [len(piece.events) for piece in dispatch.slices] == [1]
    assert gap.is_gap
    assert not empty.is_gap
    assert not msgspec.structs.replace(gap, value=b"").is_gap


async def test_a_refused_record_is_an_event_alone_whatever_the_filter_says() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(batch_size=10, filter_text=json.dumps({"a": 1})))
    right, other = (Record(json.dumps({"a": value}).encode(), "p0", str(value), 0) for value in (1, 2))
    wrong = Record(b"?", "p0", "3", 0, refused="it cannot be read")
    await intake.offer(await intake.claim("p0"), [right, right, wrong, other, wrong, right], "9")
    (piece,) = dispatch.slices
    assert [(event.records, event.refused) for event in piece.events] == [(2, ""), (1, wrong.refused), (1, wrong.refused), (1, "")]
    assert piece.filtered == 1


async def test_a_batch_that_its_shape_makes_too_large_becomes_several_events() -> None:
    binding = a_binding(batch_size=100)
    escaped = Batching(binding, lambda batch: b"\\u0000" * sum(record.size for record in batch), None)
    sent = [Record(b"x" * (MAX_EVENT_BYTES // 6 // 2), "p0", str(number), 0) for number in range(5)]
    events = escaped.events([*sent, Record(b"x" * MAX_EVENT_BYTES, "p0", "5", 0)])
    assert [event.records for event in events] == [2, 1, 2, 1]
    assert len({event.id for event in events}) == 4


async def test_a_kind_whose_events_are_small_has_more_of_them() -> None:
    small = Batching(a_binding(batch_size=100), shape, None, event_bytes=10, batch_bytes=8)
    assert [event.body for event in small.events(records(9))] == [b"0+1+2+3", b"4+5+6+7", b"8"]
    assert [len(event.body) for event in small.events([Record(b"x" * 50, "p0", "1", 0)])] == [50]


async def test_the_same_record_has_the_same_id_after_a_new_claim() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding())
    for _ in range(2):
        await intake.offer(await intake.claim("p0"), records(1), "1")
    first, second = dispatch.slices
    assert first.events[0].id == second.events[0].id


async def test_filtered_records_move_the_position_and_are_counted() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(filter_text=json.dumps({"a": 1})))
    sent = [Record(b'{"a":1}', "p0", "0", 0), Record(b'{"a":2}', "p0", "1", 0), Record(b"\xff", "p0", "2", 0)]
    await intake.offer(await intake.claim("p0"), sent, "3")
    piece = dispatch.slices[0]
    assert (bodies(piece), piece.to, piece.filtered) == ([b'{"a":1}'], "3", 2)


@pytest.mark.parametrize(("ordering", "lanes"), [(Ordering.NONE, 1), (Ordering.SOURCE, 1), (Ordering.KEY, 2)])
async def test_lanes_follow_the_ordering(ordering: Ordering, lanes: int) -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(ordering=ordering, batch_size=10))
    sent = [*records(2, key=b"a"), *records(2, 2, key=b"b")]
    await intake.offer(await intake.claim("p0"), sent, "4")
    found = {event.lane for event in dispatch.slices[0].events}
    assert len(found) == lanes
    assert ("" in found) is (ordering is Ordering.NONE)


async def test_records_linger_until_a_batch_is_full() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(batch_size=4, linger_s=30))
    claim = await intake.claim("p0")
    offers = [asyncio.ensure_future(intake.offer(claim, records(2, start), str(start + 2))) for start in (0, 2)]
    await asyncio.wait_for(asyncio.gather(*offers), 5)
    assert [bodies(piece) for piece in dispatch.slices] == [[b"0+1+2+3"]]
    assert dispatch.slices[0].to == "4"


async def test_records_linger_no_longer_than_they_may() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(batch_size=100, linger_s=0.01))
    await asyncio.wait_for(intake.offer(await intake.claim("p0"), records(2), "2"), 5)
    assert [bodies(piece) for piece in dispatch.slices] == [[b"0+1"]]


@pytest.mark.parametrize("error", [ClaimLost("taken"), Unavailable("full", 0.0)])
async def test_what_follows_a_slice_that_was_not_accepted_is_not_offered(error: Exception) -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding())
    claim = await intake.claim("p0")
    dispatch.error = error
    with pytest.raises(ClaimLost):
        await intake.offer(claim, records(1), "1")
    dispatch.error = None
    with pytest.raises(ClaimLost):
        await intake.offer(claim, records(1, 1), "2")
    assert dispatch.slices == []
    await intake.offer(await intake.claim("p0"), records(1), "1")
    assert len(dispatch.slices) == 1


async def test_a_released_source_takes_nothing_and_others_go_on() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding())
    gone, kept = await intake.claim("p0"), await intake.claim("p1")
    intake.release(gone)
    with pytest.raises(ClaimLost):
        await intake.offer(gone, records(1), "1")
    await intake.offer(kept, records(1), "1")
    intake.close()
    assert dispatch.released == ["p0", "p1"]


async def test_letting_go_ends_a_lingering_offer() -> None:
    dispatch = RecordingDispatch()
    intake = an_intake(dispatch, a_binding(batch_size=100, linger_s=30))
    claim = await intake.claim("p0")
    offer = asyncio.ensure_future(intake.offer(claim, records(1), "1"))
    await asyncio.sleep(0)
    intake.close()
    with pytest.raises(ClaimLost):
        await asyncio.wait_for(offer, 5)


async def test_a_delivered_record_is_pushed_or_called_by_the_mode() -> None:
    dispatch = RecordingDispatch()
    record = Record(b"1", "http", "", 0, id="m1")
    await an_intake(dispatch, a_binding()).deliver(record)
    await an_intake(dispatch, a_binding(mode=Mode.SYNC)).deliver(record)
    assert [dedupe for _, dedupe in dispatch.pushed] == [("m1",)]
    assert [event.body for event in dispatch.called] == [b"1"]


async def test_a_filtered_delivery_is_done_and_goes_nowhere() -> None:
    dispatch = RecordingDispatch()
    outcome = await an_intake(dispatch, a_binding(filter_text='{"a": 1}')).deliver(Record(b"{}", "http", "", 0))
    assert outcome.verdict is Verdict.DONE
    assert not dispatch.pushed


class AtTen:
    def time(self) -> float:
        return 10.0

    def monotonic(self) -> float:
        return 10.0


def resting(dispatch: RecordingDispatch, binding: Binding, *held: Claim) -> HostIntake:
    return HostIntake(binding, dispatch, dispatch, Batching(binding, shape, None), AtTen(), held)


async def test_a_claim_is_kept_over_a_rest_with_the_position_reached() -> None:
    dispatch = RecordingDispatch()
    before = resting(dispatch, a_binding())
    claim = await before.claim("p0")
    await before.offer(claim, records(3), "3")
    with pytest.raises(Rested) as rested:
        before.rest(1000.0)
    assert rested.value.until == 1000.0
    kept = before.keep()
    before.close()
    after = resting(dispatch, a_binding(), *kept)
    again = await after.claim("p0")
    assert (again.epoch, again.position) == (claim.epoch, "3")
    assert dispatch.released == []
    await after.offer(again, records(1, 3), "4")
    assert [piece.start for piece in dispatch.slices] == ["0", "3"]


async def test_a_short_wait_is_no_rest() -> None:
    resting(RecordingDispatch(), a_binding()).rest(12.0)
    an_intake(RecordingDispatch(), a_binding()).rest(1000.0)


async def test_a_lost_source_lets_nobody_rest() -> None:
    dispatch = RecordingDispatch()
    intake = resting(dispatch, a_binding())
    claim = await intake.claim("p0")
    dispatch.error = ClaimLost("taken over")
    with pytest.raises(ClaimLost):
        await intake.offer(claim, records(1), "1")
    intake.rest(1000.0)


async def test_a_kept_claim_that_nobody_asked_for_is_let_go_in_the_end() -> None:
    dispatch = RecordingDispatch()
    kept = Claim(SourceKey("t1", "1", "p0"), 1, "3")
    intake = resting(dispatch, a_binding(), kept)
    intake.rest(1000.0)
    intake.close()
    assert dispatch.released == ["p0"]


async def test_an_assigned_source_is_taken_over_even_if_a_claim_was_kept() -> None:
    dispatch = RecordingDispatch()
    intake = resting(dispatch, a_binding(), Claim(SourceKey("t1", "1", "p0"), 0, "3"))
    assert (await intake.claim("p0", assigned=True)).epoch == 1
