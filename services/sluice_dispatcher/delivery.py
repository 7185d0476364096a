"""Accepted events on their way: from the function's queue to the runner, and from its answer to the next attempt or the end.

No task an event: the runner answers by callback (`attempts`), ends are gathered and settled together (`settling`), what memory does not
hold comes in pages (`loading`), and one pass of the event loop pumps all queues that something happened to.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence

from sluice.catalog import FunctionGone, Snapshot
from sluice.clock import Clock
from sluice.function import Function
from sluice.ledger import Ended, Ledger, Pending, Retry
from sluice.metrics import RETRIES, Counter
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import Call, Runner
from sluice.tracing import NoTraces, Traces
from sluice_dispatcher.attempts import Attempts
from sluice_dispatcher.loading import Loading
from sluice_dispatcher.policy import Again, Decision, Finish, Hold, decide, expired, give_up, retry_pause
from sluice_dispatcher.queue import FunctionQueue
from sluice_dispatcher.settling import Result, Settling, ended

MEMORY_BYTES = 64 * 1024 * 1024
"""Bodies of waiting events in memory, over all functions."""
TICK_S = 0.05
"""How finely delayed events are woken."""
EXPIRY_S = 0.5
"""Between two looks for what has become too old at the runner."""
MOST_STALLED = 32
"""Triggers without credit that one pass looks at; the next pass goes on with the others. Thousands may be ready at once."""

OnEnd = Callable[[Ended], None]
OnReply = Callable[[Function, Reply], None]

CANCELLED = Failure(FailureKind.CANCELLED, "function invocation canceled")
_WITHDRAWN = Failure(FailureKind.NO_CAPACITY, "no instance had taken it")
_TAKEN_ALONG = Failure(FailureKind.LOST, "another call of its instance was cancelled by force")


class Delivery:
    """Runs accepted events to their end. `on_end` hears of each end once it is on disk, `on_reply` of each attempt."""

    def __init__(
        self,
        ledger: Ledger,
        runner: Runner,
        snapshot: Snapshot,
        clock: Clock,
        on_end: OnEnd,
        on_reply: OnReply,
        traces: Traces | None = None,
        *,
        calls_outlive_us: bool = False,
    ) -> None:
        self._runner = runner
        self._snapshot = snapshot
        self._clock = clock
        self._on_end = on_end
        self._on_reply = on_reply
        self._jitter = random.random
        self._queues: dict[str, FunctionQueue] = {}
        self._touched: dict[str, FunctionQueue] = {}
        self._pumping = False
        self._has_room = True
        self._last_attempt: set[bytes] = set()
        """They run now, and were cancelled: whatever the answer is, they do not run again."""
        self._tasks: asyncio.TaskGroup | None = None
        self._stopping = False
        self._idle = asyncio.Event()
        self._attempts = Attempts(ledger, runner, traces or NoTraces(), self._done)
        self._settling = Settling(ledger, runner, self._running_sequences, self._settled)
        self._loading = Loading(ledger, clock, self._settling.settle, on_end, calls_outlive_us=calls_outlive_us)
        self.retries = Counter(RETRIES)

    async def run(self) -> None:
        """Recover what waits, then deliver until cancelled. Requires a synced snapshot."""
        for function in await self._loading.recover():
            self._queue(function).spill()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._runner.on_credit(self._credit_grew)
            self._snapshot.listen(lambda _change: self._touch_all())
            tasks.create_task(self._settling.run())
            tasks.create_task(self._wake_forever())
            self._touch_all()
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    def stop(self) -> None:
        """Begin nothing more; what runs may end."""
        self._stopping = True

    async def drained(self) -> None:
        """Wait until nothing runs and every end is on disk."""
        if self.running or len(self._settling):
            await self._idle.wait()

    @property
    def running(self) -> int:
        return sum(len(queue.running) for queue in self._queues.values())

    async def executing(self) -> frozenset[int]:
        """The sequences of the events that an instance has."""
        unstarted = await self._runner.unstarted()
        running = [pending for queue in self._queues.values() for pending in queue.running.values()]
        return frozenset(pending.sequence for pending in running if pending.event.id not in unstarted)

    def running_by_version(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for queue in self._queues.values():
            for pending in queue.running.values():
                counts[pending.version] = counts.get(pending.version, 0) + 1
        return counts

    def running_by_trigger(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for queue in self._queues.values():
            for pending in queue.running.values():
                trigger = pending.route.trigger
                counts[trigger] = counts.get(trigger, 0) + 1
        return counts

    def add(self, accepted: Sequence[Pending]) -> None:
        """Events the ledger has just accepted, in its order."""
        room = self._has_room
        for pending in accepted:
            function = pending.route.function.rpartition(":")[0]
            queue = self._queues.get(function) or self._queue(function)
            if self._tasks is None:
                queue.spill()  # nothing was recovered yet: it comes with the pages, in its order
            else:
                queue.add(pending, room)
            self._touched[function] = queue
        self._schedule()

    def find(self, event: bytes) -> Pending | None:
        """The event if it runs now."""
        for queue in self._queues.values():
            for pending in queue.running.values():
                if pending.event.id == event:
                    return pending
        return None

    def held_because(self, function: str) -> str:
        """Why nothing of the function (URN with a qualifier) can run now, or ""."""
        queue = self._queues.get(function.rpartition(":")[0])
        return queue.hold_reason if queue else ""

    async def cancel(self, event: bytes, function: str, *, force: bool) -> None:
        """End the event of the function (URN with a qualifier). What waits in memory has ended, on disk, when this returns; what waits in
        the ledger only ends when its turn comes. What runs has its last attempt, which is killed with `force`."""
        if self.find(event) is not None:
            self._last_attempt.add(event)
            self._runner.cancel(event, force=force)
            return
        queue = self._queue(function.rpartition(":")[0])
        if self._tasks is not None and (found := queue.take_out(event)):
            await asyncio.shield(self._tasks.create_task(self._discard(queue, *found)))
            return
        queue.cancelled.add(event)
        self._touch(queue)

    async def _discard(self, queue: FunctionQueue, pending: Pending, leads: bool) -> None:
        end = ended(pending, give_up(pending, CANCELLED), Reply(0), self._clock.time())
        await self._settling.settle([end])
        self._let_out(queue, end, leads)

    def _let_out(self, queue: FunctionQueue, end: Ended, leads: bool = True) -> None:
        """An end is on disk: the next event of its lane may run, if it was the lane's first."""
        pending = end.pending
        if leads and pending.event.lane:
            queue.release(pending.event.lane)
            self._touch(queue)
        queue.cancelled.discard(pending.event.id)
        self._on_end(end)

    # -- pumping ----------------------------------------------------------------------------------------------------------------------

    def _queue(self, function: str) -> FunctionQueue:
        queue = self._queues.get(function)
        if queue is None:
            queue = self._queues[function] = FunctionQueue(function)
        return queue

    def _room(self) -> bool:
        return sum(queue.waiting_bytes for queue in self._queues.values()) < MEMORY_BYTES

    def _credit_grew(self, urn: str) -> None:
        queue = self._queues.get(urn.rpartition(":")[0])
        if queue is not None:
            self._touch(queue)

    def _touch(self, queue: FunctionQueue) -> None:
        self._touched[queue.function] = queue
        self._schedule()

    def _touch_all(self) -> None:
        self._touched.update(self._queues)
        self._schedule()

    def _schedule(self) -> None:
        if not self._pumping and self._tasks is not None:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump_touched)

    def _pump_touched(self) -> None:
        self._pumping = False
        if self._tasks is None:
            return
        self._has_room = self._room()
        touched, self._touched = self._touched, {}
        now = self._clock.time()
        for queue in touched.values():
            self._pump(queue, now)
        self._attempts.begin_recorded(self._tasks)

    def _pump(self, queue: FunctionQueue, now: float) -> None:
        if self._stopping or queue.held_until > now:
            return
        queue.wake(now)
        stalled = 0
        credit: dict[str, int] = {}  # asked once a pass: an answer costs as much as a tenth of a call
        while stalled < min(queue.turns, MOST_STALLED) and (pending := queue.take()):
            if self._snapshot.remembered and not self._knows(pending):
                queue.put_back(pending)
                stalled += 1
                continue
            function = self._target(queue, pending, now)
            if function is None:
                continue
            place = function.place
            left = credit.get(place)
            if left is None:
                left = self._runner.credit(function)
            credit[place] = left - 1
            if left <= 0:
                queue.put_back(pending)
                stalled += 1
                continue
            stalled = 0
            self._attempts.begin(queue, pending, function)
            if queue.holds:  # one event probes whether the function can run again
                queue.held_until = float("inf")
                break
        if queue.spilled and queue.room * 2 >= queue.head:
            self._load_soon(queue)

    def _knows(self, pending: Pending) -> bool:
        """A function that is missing from a remembered catalog may only be newer than the file: its events wait for control's word."""
        try:
            self._snapshot.resolve(pending.route.function, pending.event.id)
        except FunctionGone:
            return False
        return True

    def _target(self, queue: FunctionQueue, pending: Pending, now: float) -> Function | None:
        """The function version for the next attempt, or None after the event has been ended instead."""
        finish = _cancelled_end(queue, pending)
        function = None
        if finish is None:
            event = pending.event
            try:
                function = self._snapshot.resolve(pending.route.function, event.id, event.choice, pending.version)
            except FunctionGone as error:
                finish = give_up(pending, Failure(FailureKind.FUNCTION_GONE, str(error)))
        if function is not None and finish is None:
            finish = expired(pending, function, now)
        if finish is not None:
            self._finish(queue, pending, finish, Reply(0), now)
            return None
        return function

    # -- answers ----------------------------------------------------------------------------------------------------------------------

    def _done(self, queue: FunctionQueue, pending: Pending, call: Call, reply: Reply) -> None:
        now = self._clock.time()
        self._on_reply(call.function, reply)
        decision = self._judge(pending, call, reply, now)
        if isinstance(decision, Finish):
            self._finish(queue, pending, decision, reply, now)
        elif isinstance(decision, Again):
            self._again(queue, pending, decision, now)
        else:
            self._hold(queue, pending, decision, now)
        if isinstance(decision, Hold):
            self._runner.settled((call,))
        else:
            self._settling.replied(call)
            if queue.holds:
                queue.let_go()
        self._touch(queue)

    def _judge(self, pending: Pending, call: Call, reply: Reply, now: float) -> Decision:
        asked = bool(self._last_attempt) and call.id in self._last_attempt
        if not asked and reply.failure is not None and reply.failure.kind is FailureKind.CANCELLED:
            reply.failure = _TAKEN_ALONG if reply.instance else _WITHDRAWN
        decision = decide(pending, reply, call.function, now, self._jitter)
        if asked:
            self._last_attempt.discard(call.id)
            if not isinstance(decision, Finish):
                why = f"{CANCELLED.message}; {decision.failure.kind}: {decision.failure.message}"
                return give_up(pending, Failure(FailureKind.CANCELLED, why))
        return decision

    def _finish(self, queue: FunctionQueue, pending: Pending, finish: Finish, reply: Reply, now: float) -> None:
        queue.ended(pending)
        self._settling.add(queue, ended(pending, finish, reply, now))

    def _again(self, queue: FunctionQueue, pending: Pending, again: Again, now: float) -> None:
        pending.due = again.at
        pending.reason = f"{again.failure.kind}: {again.failure.message}"
        queue.again(pending)
        self.retries.add(again.failure.kind)
        self._settling.add(queue, Retry(pending, again.failure.kind, again.failure.message, now))

    def _hold(self, queue: FunctionQueue, pending: Pending, hold: Hold, now: float) -> None:
        """The function cannot run: all its events wait, and nothing is written for each of them."""
        pending.reason = f"{hold.failure.kind}: {hold.failure.message}"
        pending.due = 0.0
        queue.again(pending)
        self.retries.add(hold.failure.kind)
        if queue.held_until <= now or queue.held_until == float("inf"):
            queue.holds += 1
            queue.hold_reason = pending.reason
            queue.held_until = now + retry_pause(queue.holds, self._jitter)

    def _settled(self, batch: Sequence[Result]) -> None:
        for queue, result in batch:
            if isinstance(result, Ended):
                self._let_out(queue, result)
        if self._stopping and not self.running and not len(self._settling):
            self._idle.set()

    def _running_sequences(self) -> Iterable[int]:
        for queue in self._queues.values():
            yield from queue.running

    # -- with time --------------------------------------------------------------------------------------------------------------------

    async def _wake_forever(self) -> None:
        """Delayed events, functions that were held, and queues that wait for memory."""
        looked_at = self._clock.time()
        while True:
            await asyncio.sleep(TICK_S)
            now = self._clock.time()
            if now - looked_at >= EXPIRY_S:
                looked_at = now
                self._withdraw_expired(now)
            for queue in self._queues.values():
                if queue.cancelled and queue.is_empty:
                    queue.cancelled.clear()  # they had ended before they were cancelled
                due = queue.next_due()
                held = queue.holds and queue.held_until <= now
                if held or (due is not None and due <= now) or queue.spilled or queue.turns:
                    self._touch(queue)

    def _withdraw_expired(self, now: float) -> None:
        """What the runner has and no instance took in its time is asked back; its reply says so, or that it runs after all."""
        for queue in self._queues.values():
            for pending in queue.running.values():
                if now - pending.accepted_at >= EXPIRY_S and self._is_expired(pending, now):
                    self._runner.cancel(pending.event.id, force=False)

    def _is_expired(self, pending: Pending, now: float) -> bool:
        event = pending.event
        try:
            function = self._snapshot.resolve(pending.route.function, event.id, event.choice, pending.version)
        except FunctionGone:
            return False
        return now - pending.accepted_at > function.max_age_s

    def _load_soon(self, queue: FunctionQueue) -> None:
        if self._tasks is not None and (self._room() or not queue.waiting) and self._loading.begins(queue):
            self._tasks.create_task(self._load(queue))

    async def _load(self, queue: FunctionQueue) -> None:
        await self._loading.load(queue)
        self._touch(queue)


def _cancelled_end(queue: FunctionQueue, pending: Pending) -> Finish | None:
    if not queue.cancelled or pending.event.id not in queue.cancelled:
        return None
    queue.cancelled.discard(pending.event.id)
    return give_up(pending, CANCELLED)
