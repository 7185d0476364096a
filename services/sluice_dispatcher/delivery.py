"""Accepted events on their way: from the function's queue to the runner, and from its answer to the next attempt or the end.

No task an event: the runner answers by callback, ends are gathered and settled together, and one pass of the event loop pumps all
queues that something happened to.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import structlog

from sluice.binding import Mode
from sluice.catalog import FunctionGone, Snapshot
from sluice.clock import Clock
from sluice.errors import ConfigurationError, SluiceError
from sluice.event import id_text
from sluice.function import Function
from sluice.ledger import Ended, Ledger, Pending, Retry
from sluice.metrics import RETRIES, SPAN_ATTEMPT, Counter
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import Call, Done, Runner
from sluice.tracing import NoTraces, Span, Traces
from sluice_dispatcher.policy import Again, Decision, Finish, Hold, decide, expired, give_up, interrupted, retry_pause
from sluice_dispatcher.queue import FunctionQueue

PAGE_EVENTS = 1_024
PAGE_BYTES = 4 * 1024 * 1024
MEMORY_BYTES = 64 * 1024 * 1024
"""Bodies of waiting events in memory, over all functions."""
TICK_S = 0.05
"""How finely delayed events are woken."""
EXPIRY_S = 0.5
"""Between two looks for what has become too old at the runner."""
SETTLE_AGAIN_S = 0.5
MOST_STALLED = 32
"""Triggers without credit that one pass looks at; the next pass goes on with the others. Thousands may be ready at once."""

log = structlog.get_logger()

OnEnd = Callable[[Ended], None]
OnReply = Callable[[Function, Reply], None]

CANCELLED = Failure(FailureKind.CANCELLED, "function invocation canceled")
_WITHDRAWN = Failure(FailureKind.NO_CAPACITY, "no instance had taken it")
_TAKEN_ALONG = Failure(FailureKind.LOST, "another call of its instance was cancelled by force")


class Delivery:
    """Runs accepted events to their end. `ended` hears of each end once it is on disk, `replied` of each attempt."""

    def __init__(
        self,
        ledger: Ledger,
        runner: Runner,
        snapshot: Snapshot,
        clock: Clock,
        ended: OnEnd,
        replied: OnReply,
        traces: Traces | None = None,
        *,
        calls_outlive_us: bool = False,
    ) -> None:
        self._ledger = ledger
        self._runner = runner
        self._snapshot = snapshot
        self._clock = clock
        self._on_end = ended
        self._on_reply = replied
        self._traces = traces or NoTraces()
        self._calls_outlive_us = calls_outlive_us
        self._jitter = random.random
        self._queues: dict[str, FunctionQueue] = {}
        self._touched: dict[str, FunctionQueue] = {}
        self._pumping = False
        self._has_room = True
        self._results: list[tuple[FunctionQueue, Ended | Retry]] = []
        self._replied: list[Call] = []
        """Those whose replies made the results."""
        self._have_results = asyncio.Event()
        self._to_start: list[tuple[FunctionQueue, Pending, Function]] = []
        self._loading: set[str] = set()
        self._cancelled: set[bytes] = set()
        """To be ended when their turn comes: they are not in memory."""
        self._last_attempt: set[bytes] = set()
        """They run now, and were cancelled: whatever the answer is, they do not run again."""
        self._suspects: frozenset[int] = frozenset()
        self._tasks: asyncio.TaskGroup | None = None
        self._stopping = False
        self._idle = asyncio.Event()
        self.retries = Counter(RETRIES)

    async def run(self) -> None:
        """Recover what waits, then deliver until cancelled. Requires a synced snapshot."""
        self._suspects = await self._ledger.interrupted()
        for function in await self._ledger.waiting():
            self._queue(function).spill()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._runner.on_credit(self._credit_grew)
            self._snapshot.listen(lambda _change: self._touch_all())
            tasks.create_task(self._settle_forever())
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
        if self.running or self._results:
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

    async def cancel(self, event: bytes, *, force: bool) -> None:
        """End the event. What waits in memory has ended, on disk, when this returns; what waits in the ledger only ends when its turn
        comes. What runs has its last attempt, which is killed with `force`."""
        if self.find(event) is not None:
            self._last_attempt.add(event)
            self._runner.cancel(event, force=force)
            return
        for queue in self._queues.values():
            if self._tasks is not None and (found := queue.take_out(event)):
                await asyncio.shield(self._tasks.create_task(self._discard(queue, *found)))
                return
        self._cancelled.add(event)
        self._touch_all()

    async def _discard(self, queue: FunctionQueue, pending: Pending, leads: bool) -> None:
        ended = _ended(pending, give_up(pending, CANCELLED), Reply(0), self._clock.time())
        await self._settle([(queue, ended)])
        if leads and pending.event.lane:
            queue.release(pending.event.lane)
            self._touch(queue)
        self._on_end(ended)

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
        if self._to_start:
            batch, self._to_start = self._to_start, []
            # asked for here and not in the task: so it shares a commit with the ends that made room for these calls
            on_disk = self._ledger.start([pending for _, pending, _ in batch])
            self._tasks.create_task(self._start(on_disk, batch))

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
            self._run(queue, pending, function)
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
        finish = self._cancelled_end(pending)
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

    def _cancelled_end(self, pending: Pending) -> Finish | None:
        if not self._cancelled or pending.event.id not in self._cancelled:
            return None
        self._cancelled.discard(pending.event.id)
        return give_up(pending, CANCELLED)

    def _run(self, queue: FunctionQueue, pending: Pending, function: Function) -> None:
        pending.version = function.urn
        if pending.route.mode is Mode.RECORDED:
            self._to_start.append((queue, pending, function))
        else:
            self._submit(queue, pending, function)

    def _submit(self, queue: FunctionQueue, pending: Pending, function: Function) -> None:
        event = pending.event
        span = self._span(pending, function) if event.trace else None
        call = Call(
            event.id,
            function,
            event.body,
            pending.executions + 1,
            "sync" if pending.route.mode is Mode.RECORDED else "async",
            pending.route.function.rpartition(":")[2],
            span.traceparent if span else event.trace,
        )
        done = partial(self._done, queue, pending)
        self._runner.submit(call, partial(_traced, span, done) if span else done)

    def _span(self, pending: Pending, function: Function) -> Span | None:
        attributes: dict[str, str | int] = {
            "sluice.event": id_text(pending.event.id),
            "sluice.trigger": pending.route.trigger,
            "sluice.function": function.urn,
            "sluice.attempt": pending.executions + 1,
        }
        return self._traces.span(SPAN_ATTEMPT, pending.event.trace, attributes)

    async def _start(self, on_disk: Awaitable[None], batch: list[tuple[FunctionQueue, Pending, Function]]) -> None:
        """A call that may run only once begins after its beginning is on disk."""
        await on_disk
        for queue, pending, function in batch:
            self._submit(queue, pending, function)

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
            self._replied.append(call)
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
        self._results.append((queue, _ended(pending, finish, reply, now)))
        self._have_results.set()

    def _again(self, queue: FunctionQueue, pending: Pending, again: Again, now: float) -> None:
        pending.due = again.at
        pending.reason = f"{again.failure.kind}: {again.failure.message}"
        queue.again(pending)
        self.retries.add(again.failure.kind)
        self._results.append((queue, Retry(pending, again.failure.kind, again.failure.message, now)))
        self._have_results.set()

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

    # -- the tasks --------------------------------------------------------------------------------------------------------------------

    async def _settle_forever(self) -> None:
        while True:
            await self._have_results.wait()
            self._have_results.clear()
            batch, self._results = self._results, []
            replied, self._replied = self._replied, []
            self._ledger.in_flight(list(self.running_sequences()))
            await self._settle(batch)
            self._runner.settled(replied)
            for queue, result in batch:
                if isinstance(result, Ended):
                    if result.pending.event.lane:
                        queue.release(result.pending.event.lane)
                        self._touch(queue)
                    self._cancelled.discard(result.pending.event.id)
                    self._on_end(result)
            if self._stopping and not self.running and not self._results:
                self._idle.set()

    def running_sequences(self) -> Iterable[int]:
        for queue in self._queues.values():
            yield from queue.running

    async def _settle(self, batch: list[tuple[FunctionQueue, Ended | Retry]]) -> None:
        """On disk, whatever it takes: nobody else knows these ends."""
        results = [result for _, result in batch]
        while True:
            try:
                await self._ledger.settle(results)
            except ConfigurationError:
                raise  # the ledger is no longer ours, or damaged: nothing may be done in its name
            except SluiceError as error:
                log.error("ends could not be settled", ends=len(results), reason=str(error))
                await asyncio.sleep(SETTLE_AGAIN_S)
            else:
                return

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
        if queue.function in self._loading or self._tasks is None or not (self._room() or not queue.waiting):
            return
        self._loading.add(queue.function)
        self._tasks.create_task(self._load(queue))

    async def _load(self, queue: FunctionQueue) -> None:
        try:
            after = queue.highest
            page = await self._ledger.read(queue.function, after, min(PAGE_EVENTS, queue.room), PAGE_BYTES)
            events = await self._without_suspects(page.events) if after == 0 or self._suspects else page.events
            queue.load(after, events, page.events[-1].sequence if page.events else after, more=page.next != 0)
        finally:
            self._loading.discard(queue.function)
        self._touch(queue)

    async def _without_suspects(self, events: list[Pending]) -> list[Pending]:
        """Judge what was running when the dispatcher died: its call has an unknown fate and counts as lost."""
        now = self._clock.time()
        kept: list[Pending] = []
        results: list[Ended | Retry] = []
        for pending in events:
            if not self._is_suspect(pending):
                kept.append(pending)
                continue
            decision = interrupted(pending, now)
            if isinstance(decision, Finish):
                results.append(_ended(pending, decision, Reply(0), now))
            else:
                kept.append(pending)
                results.append(Retry(pending, FailureKind.LOST, "it was running when its dispatcher ended", now))
        if results:
            await self._ledger.settle(results)
            for result in results:
                if isinstance(result, Ended):
                    self._on_end(result)
        return kept

    def _is_suspect(self, pending: Pending) -> bool:
        """A runner in another process still has the call, or its answer: handed over again as the same attempt, it is taken over there."""
        lost = pending.sequence in self._suspects and not self._calls_outlive_us
        return lost or (pending.route.mode is Mode.RECORDED and pending.executions > 0)


def _traced(span: Span, done: Done, call: Call, reply: Reply) -> None:
    span.end(f"{reply.failure.kind}: {reply.failure.message}" if reply.failure else "")
    done(call, reply)


def _ended(pending: Pending, finish: Finish, reply: Reply, now: float) -> Ended:
    if finish.failure is None:
        return Ended(pending, finish.end, now, reply.duration_ms, None, "", reply.status)
    return Ended(pending, finish.end, now, reply.duration_ms, finish.failure.kind, finish.failure.message, reply.status)
