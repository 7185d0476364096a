"""What every ledger promises: one suite, run over each implementation and over the fake."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sluice.binding import Mode
from sluice.clock import SteppedClock
from sluice.errors import ClaimLost, PartlyKnown
from sluice.event import Event, random_id
from sluice.ledger import DeadFilter, End, Ended, Ledger, Pending, Push, Retry, Route, Slice, SourceKey, StoryFilter, StoryPage
from sluice.outcome import FailureKind
from sluice.usage import DAY_S, Usage, UsageFilter

FUNCTION = "urn:fss:local:demo:function:default:orders"
OTHER = "urn:fss:local:demo:function:default:orders2"
ROUTE = Route("demo", "trigger-1", f"{FUNCTION}:latest", Mode.ASYNC, "kafka")
PUSHED = Route("demo", "trigger-2", f"{FUNCTION}:!live", Mode.ASYNC, "http")
ELSEWHERE = Route("other", "trigger-3", f"{OTHER}:latest", Mode.ASYNC, "http")
SOURCE = SourceKey("trigger-1", "1", "orders-0")
MANY = 1 << 20


def events(count: int, *, body: bytes = b"{}", lane: str = "") -> list[Event]:
    return [Event(random_id(), body + str(number).encode(), lane) for number in range(count)]


def success(pending: Pending, at: float = 1.0) -> Ended:
    return Ended(pending, End.SUCCESS, at, duration_ms=2.5, status=200)


def fail(pending: Pending, at: float, failure: FailureKind = FailureKind.FUNCTION_ERROR) -> Ended:
    return Ended(pending, End.FAIL, at, failure=failure, message="it said no", status=500)


class LedgerContract:
    """Subclasses say how a ledger is opened, and `restart`: what is found when it is opened again."""

    clock: SteppedClock
    directory: Path
    ledger: Ledger

    async def open(self) -> Ledger:
        raise NotImplementedError

    async def restart(self) -> Ledger:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    async def opened(self, tmp_path: Path) -> AsyncIterator[None]:
        self.clock = SteppedClock()
        self.directory = tmp_path
        self.ledger = await self.open()
        yield
        await self.ledger.close()

    async def accepted(self, count: int = 3, route: Route = PUSHED, body: bytes = b"{}", lane: str = "") -> list[Pending]:
        return await self.ledger.accept(route, Push(events(count, body=body, lane=lane)))

    async def pending(self, function: str = FUNCTION) -> list[Pending]:
        return (await self.ledger.read(function, 0, MANY, MANY)).events

    def conserved(self, open_events: int) -> None:
        assert sum(counts.open for counts in self.ledger.counts().values()) == open_events

    # claims and positions

    async def test_the_first_claim_has_no_position_and_each_further_one_a_higher_epoch(self) -> None:
        first = await self.ledger.claim(SOURCE)
        second = await self.ledger.claim(SOURCE)
        assert (first.key, first.position) == (SOURCE, None)
        assert second.epoch > first.epoch

    async def test_a_slice_moves_the_position_together_with_its_events(self) -> None:
        claim = await self.ledger.claim(SOURCE)
        given = events(2)
        pendings = await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, None, "17", given))
        assert [pending.event for pending in pendings] == given
        assert [pending.route for pending in pendings] == [ROUTE, ROUTE]
        assert pendings[0].sequence < pendings[1].sequence
        self.ledger = await self.restart()
        assert (await self.ledger.claim(SOURCE)).position == "17"
        assert [pending.event for pending in await self.pending()] == given

    async def test_an_empty_slice_moves_the_position_and_counts_what_was_filtered(self) -> None:
        claim = await self.ledger.claim(SOURCE)
        assert await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, None, "9", [], filtered=9)) == []
        assert (await self.ledger.claim(SOURCE)).position == "9"
        assert self.ledger.counts()["trigger-1"].filtered == 9
        self.conserved(0)

    async def test_a_slice_of_an_older_claim_changes_nothing(self) -> None:
        old = await self.ledger.claim(SOURCE)
        await self.ledger.claim(SOURCE)
        with pytest.raises(ClaimLost):
            await self.ledger.accept(ROUTE, Slice(SOURCE, old.epoch, None, "3", events(3)))
        assert await self.pending() == []
        assert (await self.ledger.claim(SOURCE)).position is None

    async def test_a_slice_that_does_not_begin_at_the_position_changes_nothing(self) -> None:
        claim = await self.ledger.claim(SOURCE)
        await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, None, "3", events(3)))
        for start in (None, "2", "4"):
            with pytest.raises(ClaimLost):
                await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, start, "6", events(3)))
        assert len(await self.pending()) == 3

    async def test_a_slice_without_any_claim_is_refused(self) -> None:
        with pytest.raises(ClaimLost):
            await self.ledger.accept(ROUTE, Slice(SOURCE, 1, None, "3", events(3)))

    async def test_of_slices_accepted_together_one_that_is_refused_holds_up_no_other(self) -> None:
        keys = [SourceKey("trigger-1", "1", f"orders-{number}") for number in range(3)]
        claims = [await self.ledger.claim(key) for key in keys]
        await self.ledger.claim(keys[1])
        pieces = [Slice(claim.key, claim.epoch, None, "1", events(1)) for claim in claims]
        answers = await self.ledger.accept_all([(ROUTE, piece) for piece in pieces])
        accepted = [[pending.event for pending in answer] if isinstance(answer, list) else type(answer) for answer in answers]
        assert accepted == [pieces[0].events, ClaimLost, pieces[2].events]
        assert [pending.event for pending in await self.pending()] == [*pieces[0].events, *pieces[2].events]
        assert [(await self.ledger.claim(key)).position for key in keys] == ["1", None, "1"]

    async def test_events_of_many_triggers_accepted_together_keep_their_own(self) -> None:
        routes = [Route("demo", f"trigger-{number}", f"{FUNCTION}:latest", Mode.RECORDED, "timer") for number in range(6)]
        claims = [await self.ledger.claim(SourceKey(route.trigger, "1", "schedule")) for route in routes]
        pieces = [Slice(claim.key, claim.epoch, None, "1", events(1)) for claim in claims]
        order = (0, 1, 1, 0, 2, 3, 4, 5)
        ends = {number: "2" if order.count(number) > 1 else "1" for number in order}
        slices = []
        for at, number in enumerate(order):
            again = number in order[:at]
            piece = Slice(pieces[number].key, pieces[number].epoch, "1" if again else None, "2" if again else "1", events(1))
            slices.append((routes[number], piece))
        await self.ledger.accept_all(slices)
        self.ledger = await self.restart()
        waiting = await self.pending()
        assert [(pending.route, pending.event) for pending in waiting] == [(route, piece.events[0]) for route, piece in slices]
        await self.ledger.settle([Ended(pending, End.SUCCESS, self.clock.time()) for pending in waiting[:3]])
        self.ledger = await self.restart()
        left = await self.pending()
        assert [pending.route.trigger for pending in left] == [f"trigger-{number}" for number in order[3:]]
        assert [self.ledger.counts()[route.trigger].open for route in routes] == [1, 0, 1, 1, 1, 1]
        assert [(await self.ledger.claim(claim.key)).position for claim in claims] == [ends[number] for number in range(6)]

    async def test_seek_moves_the_position_and_ends_the_claim_before_it(self) -> None:
        claim = await self.ledger.claim(SOURCE)
        moved = await self.ledger.seek(SOURCE, "100")
        assert moved.position == "100"
        with pytest.raises(ClaimLost):
            await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, None, "3", events(3)))
        await self.ledger.accept(ROUTE, Slice(SOURCE, moved.epoch, "100", "103", events(3)))

    async def test_incarnations_and_sources_have_positions_of_their_own(self) -> None:
        claim = await self.ledger.claim(SOURCE)
        await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, None, "3", []))
        for key in (SourceKey("trigger-1", "2", "orders-0"), SourceKey("trigger-1", "1", "orders-1")):
            assert (await self.ledger.claim(key)).position is None

    # acceptance and dedupe

    async def test_an_event_comes_back_whole(self) -> None:
        given = [Event(random_id(), bytes(range(256)), "lane ü", 7, "00-trace-01"), Event(random_id(), b"", "", 1, "")]
        await self.ledger.accept(PUSHED, Push(given))
        self.ledger = await self.restart()
        found = await self.pending()
        assert [pending.event for pending in found] == given
        assert [(pending.route, pending.accepted_at, pending.attempts) for pending in found] == [(PUSHED, self.clock.time(), 0)] * 2

    async def test_an_event_larger_than_a_block_is_kept_like_any_other(self) -> None:
        given = [Event(random_id(), b"x" * size) for size in (10, 3_000_000, 10, 1_000_000, 100_000)]
        await self.ledger.accept(PUSHED, Push(given))
        self.ledger = await self.restart()
        page = await self.ledger.read(FUNCTION, 0, 100, 100_000_000)
        assert [pending.event for pending in page.events] == given

    async def test_more_events_than_a_block_holds_keep_their_order(self) -> None:
        pendings = await self.accepted(1_300)
        assert [pending.sequence for pending in pendings] == sorted(pending.sequence for pending in pendings)
        assert [pending.event for pending in await self.pending()] == [pending.event for pending in pendings]

    async def test_an_id_is_accepted_once_within_a_call_and_between_calls(self) -> None:
        first = await self.ledger.accept(PUSHED, Push(events(3), [("a",), ("a",), ()]))
        assert len(first) == 2
        second = await self.ledger.accept(PUSHED, Push(events(4), [("a",), ("b",), (), ()]))
        assert len(second) == 3
        self.conserved(5)

    async def test_records_cut_differently_are_accepted_once_each(self) -> None:
        await self.ledger.accept(PUSHED, Push(events(1), [("a", "b", "c")]))
        with pytest.raises(PartlyKnown) as partly:
            await self.ledger.accept(PUSHED, Push(events(1), [("d", "a", "b", "c")], filtered=3))
        assert partly.value.known == ("a", "b", "c")
        assert self.ledger.counts()["trigger-2"].filtered == 0
        assert len(await self.ledger.accept(PUSHED, Push(events(1), [("d",)]))) == 1
        for known in ("c", "a"), ("a", "b", "c", "d"):
            assert await self.ledger.accept(PUSHED, Push(events(1), [known])) == []
        self.conserved(2)

    async def test_a_push_of_which_one_event_is_partly_known_changes_nothing(self) -> None:
        await self.ledger.accept(PUSHED, Push(events(1), [("a",)]))
        with pytest.raises(PartlyKnown):
            await self.ledger.accept(PUSHED, Push(events(2), [("x",), ("a", "b")]))
        assert len(await self.ledger.accept(PUSHED, Push(events(2), [("x",), ("b",)]))) == 2

    async def test_records_of_an_event_that_is_pending_stay_known(self) -> None:
        await self.ledger.accept(PUSHED, Push(events(1), [("a", "b")]))
        self.clock.advance(3_600)
        self.ledger = await self.restart()
        with pytest.raises(PartlyKnown):
            await self.ledger.accept(PUSHED, Push(events(1), [("b", "c")]))

    async def test_a_refused_push_is_recorded_once(self) -> None:
        event = Event(random_id(), b"too large")
        for _ in range(2):
            assert await self.ledger.accept(PUSHED, Push((), [("a", "b")], refused=[(event, "over the limit")])) == []
        (dead,) = await self.ledger.dead(DeadFilter(), 0, 10)
        assert (dead.event, dead.end, dead.failure, dead.message) == (event, End.DISCARD, "refused", "over the limit")
        counts = self.ledger.counts()["trigger-2"]
        assert (counts.received, counts.discarded, counts.open) == (1, 1, 0)

    async def test_records_that_no_event_holds_are_counted_with_a_push(self) -> None:
        assert await self.ledger.accept(PUSHED, Push((), filtered=7)) == []
        self.ledger = await self.restart()
        assert self.ledger.counts()["trigger-2"].filtered == 7

    async def test_ids_of_one_trigger_mean_nothing_to_another(self) -> None:
        await self.ledger.accept(PUSHED, Push(events(1), [("a",)]))
        assert len(await self.ledger.accept(ELSEWHERE, Push(events(1), [("a",)]))) == 1

    async def test_an_id_is_known_for_ten_minutes_after_its_acceptance_also_across_a_restart(self) -> None:
        pendings = await self.ledger.accept(PUSHED, Push(events(1), [("a",)]))
        await self.ledger.settle([success(pending) for pending in pendings])
        self.clock.advance(590)
        self.ledger = await self.restart()
        assert await self.ledger.accept(PUSHED, Push(events(1), [("a",)])) == []
        self.clock.advance(120)
        assert len(await self.ledger.accept(PUSHED, Push(events(1), [("a",)]))) == 1

    async def test_an_id_is_known_as_long_as_its_event_is_pending(self) -> None:
        pendings = await self.ledger.accept(PUSHED, Push(events(2), [("a",), ("b",)]))
        await self.ledger.settle([success(pendings[1])])
        self.clock.advance(3_600)
        assert await self.ledger.accept(PUSHED, Push(events(1), [("a",)])) == []
        assert len(await self.ledger.accept(PUSHED, Push(events(1), [("b",)]))) == 1

    # ends and retries

    async def test_each_end_is_counted_once_and_received_is_the_sum(self) -> None:
        one, two, three, four = await self.accepted(4)
        await self.ledger.settle([success(one), fail(two, 5.0), Ended(three, End.DISCARD, 6.0, failure=FailureKind.EXPIRED)])
        await self.ledger.settle([success(two), fail(one, 7.0)])
        counts = self.ledger.counts()["trigger-2"]
        assert (counts.received, counts.success, counts.failed, counts.discarded, counts.open) == (4, 1, 1, 1, 1)
        assert self.ledger.usage()["stale_settles"] == 2
        assert [pending.sequence for pending in await self.pending()] == [four.sequence]

    async def test_counts_survive_a_restart(self) -> None:
        one, *_ = await self.accepted(3)
        await self.ledger.settle([success(one)])
        self.ledger = await self.restart()
        counts = self.ledger.counts()["trigger-2"]
        assert (counts.received, counts.success, counts.open) == (3, 1, 2)
        assert await self.ledger.waiting() == {FUNCTION: 2}

    async def test_a_retry_keeps_counts_due_version_and_reason(self) -> None:
        (one,) = await self.accepted(1)
        one.attempts, one.executions, one.losses, one.due, one.version, one.reason = 1, 2, 1, 77.5, "v3", "it said no"
        await self.ledger.settle([Retry(one, FailureKind.FUNCTION_ERROR, "it said no", 3.0)])
        self.ledger = await self.restart()
        assert await self.pending() == [one]

    async def test_a_retried_event_that_ends_leaves_nothing_behind(self) -> None:
        one, two = await self.accepted(2)
        for pending in (one, two):
            pending.attempts = 1
            await self.ledger.settle([Retry(pending, FailureKind.TIMEOUT, "", 3.0)])
        await self.ledger.settle([success(one)])
        self.ledger = await self.restart()
        assert await self.pending() == [two]
        await self.ledger.settle([fail(two, 9.0)])
        assert await self.pending() == []
        self.conserved(0)

    async def test_a_started_event_is_found_with_one_execution_more(self) -> None:
        one, two = await self.accepted(2)
        await self.ledger.start([one])
        self.ledger = await self.restart()
        assert [pending.executions for pending in await self.pending()] == [1, 0]
        await self.ledger.settle([success(one), success(two)])
        assert await self.pending() == []

    async def test_a_refused_event_is_received_and_discarded_with_its_body(self) -> None:
        event, claim = Event(random_id(), b"too large"), await self.ledger.claim(SOURCE)
        piece = Slice(SOURCE, claim.epoch, None, "3", events(2), refused=[(event, "over the limit")])
        assert [pending.event for pending in await self.ledger.accept(ROUTE, piece)] == piece.events
        (dead,) = await self.ledger.dead(DeadFilter(), 0, 10)
        assert (dead.event, dead.end, dead.failure, dead.message) == (event, End.DISCARD, "refused", "over the limit")
        counts = self.ledger.counts()[ROUTE.trigger]
        assert (counts.received, counts.discarded, counts.open) == (3, 1, 2)

    async def test_of_a_slice_that_was_lost_nothing_is_recorded_as_refused(self) -> None:
        claim = await self.ledger.claim(SOURCE)
        await self.ledger.claim(SOURCE)
        with pytest.raises(ClaimLost):
            await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, None, "1", [], refused=[(Event(random_id(), b"x"), "why")]))
        assert await self.ledger.dead(DeadFilter(), 0, 10) == []

    # reading back

    async def test_pages_hold_every_event_once_in_order(self) -> None:
        given = [pending.sequence for pending in await self.accepted(150)]
        found: list[int] = []
        after = 0
        while True:
            page = await self.ledger.read(FUNCTION, after, 7, MANY)
            assert len(page.events) <= 7
            found += [pending.sequence for pending in page.events]
            after = page.next
            if not after:
                break
        assert found == given

    async def test_a_page_is_bounded_in_bytes_but_never_empty(self) -> None:
        await self.accepted(3, body=b"x" * 100)
        page = await self.ledger.read(FUNCTION, 0, 100, 250)
        assert len(page.events) == 2
        page = await self.ledger.read(FUNCTION, 0, 100, 1)
        assert len(page.events) == 1
        assert page.next == page.events[0].sequence

    async def test_a_page_holds_one_function_only(self) -> None:
        await self.accepted(2)
        await self.accepted(3, ELSEWHERE)
        assert len(await self.pending(OTHER)) == 3
        assert len(await self.pending()) == 2
        assert await self.ledger.waiting() == {FUNCTION: 2, OTHER: 3}

    async def test_sequences_of_a_function_grow_in_the_order_of_acceptance(self) -> None:
        claim = await self.ledger.claim(SOURCE)
        first = await self.accepted(2)
        second = await self.ledger.accept(ROUTE, Slice(SOURCE, claim.epoch, None, "2", events(2, lane="k")))
        third = await self.accepted(2, lane="m")
        sequences = [pending.sequence for pending in [*first, *second, *third]]
        assert sequences == sorted(sequences)
        assert [pending.sequence for pending in await self.pending()] == sequences

    async def test_what_was_in_flight_is_known_after_a_restart(self) -> None:
        one, two, _ = await self.accepted(3)
        assert await self.ledger.interrupted() == frozenset()
        self.ledger.in_flight([one.sequence, two.sequence])
        await self.accepted(1)
        self.ledger = await self.restart()
        assert await self.ledger.interrupted() == {one.sequence, two.sequence}

    # stories

    async def test_a_story_tells_acceptance_attempts_and_end(self) -> None:
        (one,) = await self.accepted(1)
        accepted_at = self.clock.time()
        assert await self.states(one) == ["WAIT"]
        self.ledger.in_flight([one.sequence])
        assert await self.states(one) == ["RUNNING"]
        self.ledger.in_flight([])
        self.clock.advance(5)
        one.attempts = 1
        await self.ledger.settle([Retry(one, FailureKind.TIMEOUT, "no answer in 3 s", self.clock.time())])
        self.clock.advance(5)
        await self.ledger.settle([success(one, self.clock.time())])
        story = await self.ledger.explain(one.event.id)
        assert story is not None
        assert (story.id, story.route, story.state) == (one.event.id, PUSHED, "SUCCESS")
        assert [step.what for step in story.steps] == ["accepted", "attempt", "ended"]
        assert [step.at - accepted_at for step in story.steps] == [0, 5, 10]
        assert "timeout: no answer in 3 s" in story.steps[1].detail

    async def test_the_story_of_a_dead_event_names_its_failure(self) -> None:
        one, two = await self.accepted(2)
        await self.ledger.settle([fail(one, 5.0)])
        story = await self.ledger.explain(one.event.id)
        assert story is not None
        assert story.state == "FAIL"
        assert "function_error" in story.steps[-1].detail
        assert await self.states(two) == ["WAIT"]

    async def test_an_unknown_event_has_no_story(self) -> None:
        await self.accepted(2)
        assert await self.ledger.explain(random_id()) is None

    async def test_the_newest_come_first_by_state_and_page(self) -> None:
        pendings = await self.accepted(6)
        await self.accepted(2, ELSEWHERE)
        for number, pending in enumerate(pendings[:4]):
            self.clock.advance(1)
            end = success if number % 2 else fail
            await self.ledger.settle([end(pending, self.clock.time())])
        page = await self.recent(100)
        stories = page.stories
        assert [story.id for story in stories[:4]] == [pending.event.id for pending in reversed(pendings[:4])]
        assert [story.state for story in stories[:4]] == ["SUCCESS", "FAIL", "SUCCESS", "FAIL"]
        assert {story.state for story in stories[4:]} == {"WAIT"}
        assert (len(stories), page.total) == (6, 6)
        assert await self.recent(2, 1) == StoryPage(stories[1:3], 6)
        assert await self.recent(1, 0, states=("FAIL", "WAIT")) == StoryPage(stories[1:2], 4)
        assert (await self.recent(100, project="other")).total == 0
        assert await self.recent(100, since=self.clock.time() + 1) == StoryPage([], 0)

    async def test_what_runs_is_told_from_what_waits(self) -> None:
        one, two, three = await self.accepted(3)
        running = frozenset((one.sequence, three.sequence))
        assert await self.recent_ids(("RUNNING",), running) == {one.event.id, three.event.id}
        assert await self.recent_ids(("WAIT",), running) == {two.event.id}
        assert await self.recent_ids(("WAIT", "RUNNING"), running) == {one.event.id, two.event.id, three.event.id}
        self.ledger.in_flight([two.sequence])
        assert await self.recent_ids(("RUNNING",), None) == {two.event.id}
        assert await self.recent_ids(("RUNNING",), frozenset()) == set()

    async def test_a_story_says_why_its_event_failed(self) -> None:
        (one,) = await self.accepted(1)
        await self.ledger.settle([Ended(one, End.FAIL, 5.0, 1.0, FailureKind.FUNCTION_ERROR, "status 503", 503)])
        (story,) = (await self.recent(1)).stories
        assert (story.failure, story.message, story.status) == ("function_error", "status 503", 503)

    async def recent(self, limit: int, marker: int = 0, project: str = "demo", **fields: Any) -> StoryPage:
        return await self.ledger.recent(StoryFilter(project, FUNCTION, **fields), limit, marker)

    async def recent_ids(self, states: tuple[str, ...], running: frozenset[int] | None) -> set[bytes]:
        page = await self.ledger.recent(StoryFilter("demo", FUNCTION, states), 10, 0, running)
        assert page.total == len(page.stories)
        return {story.id for story in page.stories}

    # what functions did

    async def test_usage_is_added_up_by_minute_and_by_day_and_survives_a_restart(self) -> None:
        one, two = f"{FUNCTION}:latest", f"{FUNCTION}:v1"
        await self.ledger.add_usage([Usage(one, 60, 2, 1, 30.0, 30.0, 30.0, 1, 0, 1, 4, 2, 1, 0.5), Usage(two, 120, 1, 1, 5.0, 5.0, 5.0)])
        await self.ledger.add_usage([Usage(one, 60, 1, 1, 10.0, 10.0, 10.0, 0, 1, 0, 3, 3, 0, 0.25), Usage(one, 180, 1)])
        self.ledger = await self.restart()
        first = Usage(one, 60, 3, 2, 40.0, 10.0, 30.0, 1, 1, 1, 4, 3, 1, 0.75)
        assert await self.ledger.used(UsageFilter("demo", one, until=120)) == [first]
        assert await self.ledger.used(UsageFilter("demo", since=61, until=120)) == [first]
        rows = await self.ledger.used(UsageFilter("demo", FUNCTION, by_time=False))
        assert [(row.function, row.at, row.calls) for row in rows] == [(one, 0, 4), (two, 0, 1)]
        (day,) = await self.ledger.used(UsageFilter("demo", bucket_s=DAY_S, by_function=False))
        assert (day.function, day.at, day.calls, day.executed, day.least_ms, day.most_ms) == ("", 0, 5, 3, 5.0, 30.0)
        failed = await self.ledger.used(UsageFilter("demo", by_time=False, failures_only=True))
        assert [(row.function, row.failures, row.calls) for row in failed] == [(one, 2, 3)]
        assert await self.ledger.used(UsageFilter("other")) == []
        assert await self.ledger.used(UsageFilter("demo", FUNCTION[:-1])) == []

    # dead letters

    async def test_dead_events_are_listed_in_the_order_of_their_ends_and_by_filter(self) -> None:
        one, two, three = await self.accepted(3)
        (four,) = await self.accepted(1, ELSEWHERE)
        await self.ledger.settle([fail(two, 5.0), fail(one, 6.0, FailureKind.TIMEOUT), fail(four, 7.0)])
        assert await self.found() == [two.event, one.event, four.event]
        assert await self.found(project="other") == [four.event]
        assert await self.found(trigger="trigger-2") == [two.event, one.event]
        assert await self.found(function=FUNCTION) == [two.event, one.event]
        assert await self.found(function=f"{FUNCTION}:!live") == [two.event, one.event]
        assert await self.found(function=f"{FUNCTION}:v1") == []
        assert await self.found(failure="timeout") == [one.event]
        assert await self.found(ids=(two.event.id, three.event.id)) == [two.event]
        assert await self.found(since=6.0) == [one.event, four.event]
        assert await self.found(until=6.0) == [two.event]
        (first,) = await self.ledger.dead(DeadFilter(), 0, 1)
        (second,) = await self.ledger.dead(DeadFilter(), first.sequence, 1)
        assert (first.event, second.event) == (two.event, one.event)
        assert (first.failure, first.message, first.status, first.ended_at) == ("function_error", "it said no", 500, 5.0)

    async def test_a_redriven_event_is_a_new_one_that_names_the_old_one_once(self) -> None:
        (one,) = await self.ledger.accept(PUSHED, Push([Event(random_id(), b"body", "lane", 3, "trace")]))
        await self.ledger.settle([fail(one, 5.0)])
        dead = await self.ledger.dead(DeadFilter(), 0, 10)
        (again,) = await self.ledger.redrive(dead)
        assert again.event.id != one.event.id
        assert (again.event.body, again.event.lane, again.event.records, again.route) == (b"body", "lane", 3, PUSHED)
        assert await self.ledger.redrive(dead) == []
        (marked,) = await self.ledger.dead(DeadFilter(), 0, 10)
        assert marked.redriven == again.event.id
        assert await self.pending() == [again]
        self.conserved(1)
        for event in (one.event.id, again.event.id):
            story = await self.ledger.explain(event)
            assert story is not None
            assert "redriven" in [step.what for step in story.steps]

    async def test_purged_events_are_gone_and_stay_counted(self) -> None:
        one, two, _ = await self.accepted(3)
        await self.ledger.settle([fail(one, 5.0), fail(two, 6.0, FailureKind.TIMEOUT)])
        assert await self.ledger.purge(DeadFilter(failure="timeout")) == 1
        assert await self.found() == [one.event]
        assert await self.ledger.purge(DeadFilter()) == 1
        assert await self.ledger.purge(DeadFilter()) == 0
        assert self.ledger.counts()["trigger-2"].failed == 2

    async def found(self, **which: Any) -> list[Event]:
        return [dead.event for dead in await self.ledger.dead(DeadFilter(**which), 0, 100)]

    async def states(self, *pendings: Pending) -> list[str]:
        stories = [await self.ledger.explain(pending.event.id) for pending in pendings]
        return [story.state for story in stories if story is not None]
