"""The events of one function that wait in memory: fair between triggers, in order within a lane, bounded.

Pure: no clock, no ledger. The dispatcher adds what the ledger accepted, takes what may run, and says when something ended. When the head is
full the queue spills: further events stay in the ledger only and come back page by page, in order, once there is room.
"""

import heapq
from collections import deque

from sluice.ledger import Pending

HEAD_EVENTS = 12_288
"""Events of a function in memory at most: more than a replayable trigger may have open, so that a backlog at the source does not make the
ledger's pages the ordinary way."""
OVERHEAD_BYTES = 600
"""What an event costs in memory beside its body."""


class FunctionQueue:
    """What waits for one function (all its versions and aliases)."""

    def __init__(self, function: str, head: int = HEAD_EVENTS) -> None:
        self.function = function
        self.waiting = 0
        """In memory and not running: ready, delayed, or behind another event of its lane."""
        self.waiting_bytes = 0
        self.spilled = False
        self.held_until = 0.0
        """No event of the function runs before this; 0 when nothing holds it."""
        self.hold_reason = ""
        """Why the function cannot run, while it is held."""
        self.holds = 0
        """Consecutive times that the function could not run at all."""
        self.running: dict[int, Pending] = {}
        self.head = head
        self.cancelled: set[bytes] = set()
        """Events to be ended when their turn comes: they were not in memory when somebody asked for their end."""
        self._ready: dict[str, deque[Pending]] = {}
        self._turns: deque[str] = deque()
        self._delayed: list[tuple[float, int, Pending]] = []
        self._lanes: dict[str, deque[Pending]] = {}
        self._highest = 0
        self._paged_from = 0
        self._paged_to = 0
        self._skipped = 0

    def __len__(self) -> int:
        return self.waiting + len(self.running)

    @property
    def is_empty(self) -> bool:
        """Nothing of the function is here or in the ledger."""
        return not (self.spilled or self.waiting or self.running)

    @property
    def room(self) -> int:
        """Events that may still be held in memory."""
        return max(0, self.head - self.waiting)

    def add(self, pending: Pending, room: bool = True) -> None:
        """Take in what was just accepted, unless the queue has spilled, is full, or `room` says that memory is."""
        sequence = pending.sequence
        if self._paged_from < sequence <= self._paged_to:
            return  # it was already on a page that was read while its acceptance was on the way to us
        if sequence > self._highest and (self.spilled or not room or self.waiting >= self.head):
            self.spilled = True
            self._skipped = max(self._skipped, sequence)
            return
        self._highest = max(self._highest, sequence)
        self._place(pending)

    def spill(self) -> None:
        """Everything beyond what is in memory is in the ledger (as at start)."""
        self.spilled = True

    @property
    def highest(self) -> int:
        """Pages are read from behind this sequence."""
        return self._highest

    def load(self, after: int, events: list[Pending], to: int, more: bool) -> None:
        """Take in a page that was read behind `after` and reached `to`. The queue has caught up when nothing more was there and nothing
        was skipped meanwhile."""
        if after != self._paged_to:
            self._paged_from = after
        for pending in events:
            self._place(pending)
        self._highest = self._paged_to = max(to, after)
        self.spilled = more or self._skipped > self._highest

    def _place(self, pending: Pending) -> None:
        self.waiting += 1
        self.waiting_bytes += len(pending.event.body) + OVERHEAD_BYTES
        lane = pending.event.lane
        if lane:
            behind = self._lanes.get(lane)
            if behind is not None:
                behind.append(pending)
                return
            self._lanes[lane] = deque()
        self._make_ready(pending)

    def _make_ready(self, pending: Pending) -> None:
        if pending.due:
            heapq.heappush(self._delayed, (pending.due, pending.sequence, pending))
            return
        trigger = pending.route.trigger
        queue = self._ready.get(trigger)
        if queue is None:
            self._ready[trigger] = deque((pending,))
            self._turns.append(trigger)
        else:
            queue.append(pending)

    def take(self) -> Pending | None:
        """The next event that may run, one trigger after the other; it is running from now on."""
        turns = self._turns
        if not turns:
            return None
        trigger = turns[0]
        queue = self._ready[trigger]
        pending = queue.popleft()
        if queue:
            turns.rotate(-1)
        else:
            turns.popleft()
            del self._ready[trigger]
        self.running[pending.sequence] = self._uncounted(pending)
        return pending

    def take_out(self, event: bytes) -> tuple[Pending, bool] | None:
        """An event that waits here and no longer does, and whether it leads its lane, which then goes on with `release`."""
        for trigger, ready in self._ready.items():
            if pending := _take_from(ready, event):
                if not ready:
                    self._turns.remove(trigger)
                    del self._ready[trigger]
                return self._uncounted(pending), True
        for entry in self._delayed:
            if entry[2].event.id == event:
                self._delayed.remove(entry)
                heapq.heapify(self._delayed)
                return self._uncounted(entry[2]), True
        for behind in self._lanes.values():
            if pending := _take_from(behind, event):
                return self._uncounted(pending), False
        return None

    def _uncounted(self, pending: Pending) -> Pending:
        self.waiting -= 1
        self.waiting_bytes -= len(pending.event.body) + OVERHEAD_BYTES
        return pending

    def wake(self, now: float) -> None:
        """Delayed events whose time has come are ready."""
        delayed = self._delayed
        while delayed and delayed[0][0] <= now:
            pending = heapq.heappop(delayed)[2]
            pending.due = 0.0
            self._make_ready(pending)

    def next_due(self) -> float | None:
        return self._delayed[0][0] if self._delayed else None

    def again(self, pending: Pending) -> None:
        """A running event waits once more (until `due`); its lane stays behind it."""
        del self.running[pending.sequence]
        self.waiting += 1
        self.waiting_bytes += len(pending.event.body) + OVERHEAD_BYTES
        if pending.due:
            self._make_ready(pending)
        else:
            self._put_first(pending)

    def put_back(self, pending: Pending) -> None:
        """What was just taken cannot run yet."""
        pending.due = 0.0
        self.again(pending)

    def _put_first(self, pending: Pending) -> None:
        """First of its trigger, but its trigger has had its turn."""
        trigger = pending.route.trigger
        queue = self._ready.get(trigger)
        if queue is None:
            self._ready[trigger] = deque((pending,))
            self._turns.append(trigger)
        else:
            queue.appendleft(pending)

    def let_go(self) -> None:
        """The function can run again."""
        self.holds = 0
        self.held_until = 0.0
        self.hold_reason = ""

    @property
    def turns(self) -> int:
        """Triggers that have something ready."""
        return len(self._turns)

    def ended(self, pending: Pending) -> None:
        """A running event has ended. Its lane goes on with `release`, once the end is on disk."""
        del self.running[pending.sequence]

    def release(self, lane: str) -> None:
        """The next event of the lane may run."""
        behind = self._lanes.get(lane)
        if behind is None:
            return
        if behind:
            self._make_ready(behind.popleft())
        else:
            del self._lanes[lane]


def _take_from(waiting: deque[Pending], event: bytes) -> Pending | None:
    for index, pending in enumerate(waiting):
        if pending.event.id == event:
            del waiting[index]
            return pending
    return None
