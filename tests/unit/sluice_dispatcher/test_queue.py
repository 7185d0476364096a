"""The queue of one function: fair, in order within a lane, bounded, and nothing lost between memory and pages."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sluice.binding import Mode
from sluice.event import Event
from sluice.ledger import Pending, Route
from sluice_dispatcher.queue import FunctionQueue

URN = "urn:fss:local-1:p1:function:default:f"


def a_pending(sequence: int, trigger: str = "t1", lane: str = "", due: float = 0.0) -> Pending:
    route = Route("p1", trigger, f"{URN}:latest", Mode.ASYNC)
    return Pending(sequence, route, Event(sequence.to_bytes(16, "big"), b"{}", lane), 1.0, due=due)


def spilled(queue: FunctionQueue) -> bool:
    return queue.spilled


def drain(queue: FunctionQueue) -> list[int]:
    taken = []
    while pending := queue.take():
        taken.append(pending.sequence)
    return taken


def test_events_without_a_lane_come_out_in_order() -> None:
    queue = FunctionQueue(URN)
    for sequence in (1, 2, 3):
        queue.add(a_pending(sequence))
    assert drain(queue) == [1, 2, 3]


def test_triggers_take_turns() -> None:
    queue = FunctionQueue(URN)
    for sequence, trigger in enumerate(["a", "a", "a", "b", "c"], 1):
        queue.add(a_pending(sequence, trigger))
    assert drain(queue) == [1, 4, 5, 2, 3]


def test_a_lane_runs_one_event_at_a_time() -> None:
    queue = FunctionQueue(URN)
    for sequence in (1, 2):
        queue.add(a_pending(sequence, lane="l"))
    first = queue.take()
    assert first is not None
    assert drain(queue) == []
    queue.ended(first)
    assert drain(queue) == [], "the end is not on disk yet"
    queue.release("l")
    assert drain(queue) == [2]


def test_a_retry_keeps_its_lane_and_its_place() -> None:
    queue = FunctionQueue(URN)
    for sequence in (1, 2):
        queue.add(a_pending(sequence, lane="l"))
    first = queue.take()
    assert first is not None
    first.due = 5.0
    queue.again(first)
    assert drain(queue) == []
    queue.wake(5.0)
    assert drain(queue) == [1]


def test_a_trigger_without_credit_does_not_block_another() -> None:
    queue = FunctionQueue(URN)
    queue.add(a_pending(1, "a"))
    queue.add(a_pending(2, "b"))
    first = queue.take()
    assert first is not None
    queue.put_back(first)
    second = queue.take()
    assert second is not None
    assert second.sequence == 2


def test_a_full_head_spills_and_catches_up_by_pages() -> None:
    queue = FunctionQueue(URN, head=2)
    for sequence in (1, 2, 3, 4):
        queue.add(a_pending(sequence))
    assert spilled(queue)
    assert drain(queue) == [1, 2]
    queue.load(queue.highest, [a_pending(3), a_pending(4)], 4, more=False)
    assert not spilled(queue)
    assert drain(queue) == [3, 4]


def test_what_was_accepted_while_a_page_was_read_is_neither_lost_nor_doubled() -> None:
    queue = FunctionQueue(URN, head=2)
    for sequence in (1, 2, 3):
        queue.add(a_pending(sequence))
    drain(queue)
    after = queue.highest
    queue.add(a_pending(4))  # after the page's snapshot was taken: it is not on the page
    queue.load(after, [a_pending(3)], 3, more=False)
    assert spilled(queue), "4 is in the ledger only"
    queue.load(queue.highest, [a_pending(4), a_pending(5)], 5, more=False)
    queue.add(a_pending(5))  # its acceptance reaches us after the page that had it
    assert drain(queue) == [3, 4, 5]
    assert not spilled(queue)


def test_a_page_that_ends_in_events_set_aside_still_moves_on() -> None:
    queue = FunctionQueue(URN)
    queue.spill()
    queue.load(0, [], 7, more=False)
    assert queue.highest == 7
    assert not spilled(queue)


class QueueAndLedger(RuleBasedStateMachine):
    """A model ledger beside the queue: everything accepted runs exactly once, lanes in order, whatever spills in between."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FunctionQueue(URN, head=4)
        self.stored: dict[int, Pending] = {}
        self.on_the_way: list[Pending] = []
        self.sequence = 0
        self.running: list[Pending] = []
        self.ran: list[int] = []
        self.lanes: dict[str, list[int]] = {}

    @rule(lane=st.sampled_from(["", "x", "y"]), trigger=st.sampled_from(["a", "b"]))
    def commit(self, lane: str, trigger: str) -> None:
        self.sequence += 1
        pending = a_pending(self.sequence, trigger, lane and f"{trigger}/{lane}")
        self.stored[self.sequence] = pending
        self.on_the_way.append(pending)

    @precondition(lambda self: self.on_the_way)
    @rule(room=st.booleans())
    def hear_of_it(self, room: bool) -> None:
        self.queue.add(self.on_the_way.pop(0), room)

    @precondition(lambda self: self.queue.spilled)
    @rule(limit=st.integers(1, 3))
    def read_a_page(self, limit: int) -> None:
        after = self.queue.highest
        behind = [self.stored[number] for number in sorted(self.stored) if number > after]
        page = behind[:limit]
        self.queue.load(after, page, page[-1].sequence if page else after, more=len(behind) > limit)

    @rule()
    def run_one(self) -> None:
        if pending := self.queue.take():
            lane = pending.event.lane
            assert not lane or all(other.event.lane != lane for other in self.running)
            self.running.append(pending)

    @precondition(lambda self: self.running)
    @rule(again=st.booleans())
    def answer(self, again: bool) -> None:
        pending = self.running.pop()
        if again:
            self.queue.again(pending)
            return
        self.queue.ended(pending)
        del self.stored[pending.sequence]
        self.ran.append(pending.sequence)
        if pending.event.lane:
            in_lane = self.lanes.setdefault(pending.event.lane, [])
            assert not in_lane or in_lane[-1] < pending.sequence
            in_lane.append(pending.sequence)
            self.queue.release(pending.event.lane)

    @invariant()
    def nothing_runs_twice(self) -> None:
        assert len(self.ran) == len(set(self.ran))

    def teardown(self) -> None:
        while self.on_the_way:
            self.hear_of_it(True)
        for _ in range(10_000):
            if not self.stored:
                break
            if self.queue.spilled:
                self.read_a_page(3)
            self.run_one()
            while self.running:
                self.answer(again=False)
        assert sorted(self.ran) == list(range(1, self.sequence + 1))


TestQueueAndLedger = QueueAndLedger.TestCase
TestQueueAndLedger.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
