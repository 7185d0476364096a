"""The dispatcher: takes events in by the ports of `sluice.dispatch`, and answers for them by `sluice.ledger.Records`."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial

import msgspec
import structlog

from sluice.binding import Binding, Mode, TriggerStatus
from sluice.catalog import Change, Snapshot
from sluice.clock import Clock
from sluice.dispatch import Told, accept_each
from sluice.errors import LedgerFull, PartlyKnown, SluiceError, Unavailable
from sluice.event import MAX_ASYNC_BODY_BYTES, MAX_EVENT_BYTES, Event
from sluice.function import MAX_SYNC_TIMEOUT_S
from sluice.ledger import Counts, Dead, DeadFilter, Ended, Ledger, Pending, Push, Route, Slice, Step, Story, StoryFilter, StoryPage
from sluice.metrics import (
    COMMITS,
    ENDED,
    FILTERED,
    LATE_SETTLES,
    LEDGER_BYTES,
    PENDING,
    RECEIVED,
    RUNNING,
    Exposition,
    Sample,
)
from sluice.outcome import Outcome, Verdict
from sluice.runner import Runner
from sluice.tracing import Traces
from sluice.urn import parse
from sluice.usage import Usage, UsageFilter
from sluice_dispatcher.calls import NOT_KNOWN_YET, Calls
from sluice_dispatcher.claims import Claims, ClaimSession
from sluice_dispatcher.delivery import Delivery
from sluice_dispatcher.statistics import Instances, Statistics, nobody
from sluice_dispatcher.unreported import Unreported
from sluice_dispatcher.window import Window

TAIL_EVENTS = 1_000
"""Ends that a reader of `tail` may be behind before it misses some."""
UNBOUND_PAUSE_S = 1.0
FULL_PAUSE_S = 1.0
"""When somebody who may not wait for room is to come again."""

log = structlog.get_logger()


def api_trigger(project: str) -> str:
    """The trigger id under which invocations through the API are counted and recorded."""
    return f"api:{project}"


class Dispatcher:
    """Implements `Dispatch` and `Records` over a ledger, a runner and a snapshot of the catalog."""

    def __init__(
        self,
        ledger: Ledger,
        runner: Runner,
        snapshot: Snapshot,
        clock: Clock,
        exposition: Exposition,
        traces: Traces | None = None,
        *,
        calls_outlive_us: bool = False,
        instances: Instances = nobody,
    ) -> None:
        """`calls_outlive_us`: the runner is another process, and goes on when this one dies. `instances` are those of the runner."""
        self._ledger = ledger
        self._snapshot = snapshot
        self._clock = clock
        self._statistics = Statistics(ledger, snapshot, clock, instances)
        self._delivery = Delivery(
            ledger, runner, snapshot, clock, self._ended, self._statistics.ended, traces, calls_outlive_us=calls_outlive_us
        )
        self._calls = Calls(runner, snapshot, self._statistics)
        self._statistics.look_at(self._delivery.running_by_version, lambda: self._calls.under_way)
        self._unreported = Unreported(snapshot)
        self._claims = Claims(ledger, self.accept, self.accept_all)
        self._windows = {trigger: Window(counts.open) for trigger, counts in ledger.counts().items() if counts.open}
        self._tails: dict[asyncio.Queue[Story], str] = {}
        snapshot.listen(self._changed)
        exposition.add(self._samples)
        exposition.add(self._calls.results.samples)
        exposition.add(self._delivery.retries.samples)
        exposition.add(self._unreported.counted.samples)

    async def run(self) -> None:
        """Deliver until cancelled. The snapshot is synced before: what is missing in it is taken for deleted."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._statistics.run())
            tasks.create_task(self._delivery.run())

    async def drain(self) -> None:
        """Begin nothing more and wait for what runs; what waits stays in the ledger."""
        self._delivery.stop()
        await self._delivery.drained()
        await self._statistics.write()

    # -- Dispatch ---------------------------------------------------------------------------------------------------------------------

    def session(self, service: str) -> ClaimSession:
        return self._claims.session(service)

    async def accept(self, piece: Slice) -> None:
        """Take a slice in; waits while the trigger's window is full. See `Session.accept`."""
        binding = self._bound(piece.key.trigger)
        if any(event.refused or len(event.body) > MAX_EVENT_BYTES for event in piece.events):
            piece = _without_refused(piece)
        count, size = len(piece.events), sum(len(event.body) for event in piece.events)
        if count or binding.trigger in self._windows:  # what is empty must not overtake what waits
            await self._window(binding.trigger).enter(count, size, binding.max_pending, binding.max_pending_bytes)
        accepting = asyncio.ensure_future(self._ledger.accept(route_of(binding), piece))
        accepting.add_done_callback(partial(self._accepted, binding.trigger, count, size))
        await asyncio.shield(accepting)

    def _accepted(self, trigger: str, count: int, size: int, accepting: "asyncio.Future[list[Pending]]") -> None:
        """What reached the disk is delivered even if whoever offered it has gone meanwhile. Nothing is accepted of what was before."""
        failed = accepting.cancelled() or accepting.exception() is not None
        accepted = [] if failed else accepting.result()
        if count and not accepted:
            self._leave(trigger, count, size)
        self._delivery.add(accepted)

    def accept_all(self, pieces: Sequence[Slice], told: Told) -> None:
        """Those that have to wait, or have something special, go each its own way. See `Session.accept_all`."""
        together: list[tuple[int, Slice]] = []
        routed: list[tuple[Route, Slice]] = []
        for index, piece in enumerate(pieces):
            binding = self._snapshot.bindings.get(piece.key.trigger)
            if binding is not None and self._enters(binding, piece):
                together.append((index, piece))
                routed.append((route_of(binding), piece))
            else:
                accept_each(self.accept, (piece,), partial(_told_of, told, index))
        if routed:
            accepting = asyncio.ensure_future(self._ledger.accept_all(routed))
            accepting.add_done_callback(partial(self._all_accepted, together, told))

    def _enters(self, binding: Binding, piece: Slice) -> bool:
        """Whether the slice may go to the ledger as it is and now; then it is counted in."""
        sizes = [len(event.body) for event in piece.events]
        refused = any(event.refused for event in piece.events)
        if binding.status is not TriggerStatus.ACTIVE or not sizes or max(sizes) > MAX_EVENT_BYTES or refused:
            return False
        return self._window(binding.trigger).enters(len(sizes), sum(sizes), binding.max_pending, binding.max_pending_bytes)

    def _all_accepted(
        self, together: list[tuple[int, Slice]], told: Told, accepting: "asyncio.Future[list[list[Pending] | SluiceError]]"
    ) -> None:
        answers: Sequence[list[Pending] | Exception]
        try:
            answers = accepting.result()
        except asyncio.CancelledError:
            answers = [Unavailable("the ledger is closed")] * len(together)
        except Exception as error:
            answers = [error] * len(together)
        accepted: list[Pending] = []
        for (index, piece), answer in zip(together, answers, strict=True):
            if isinstance(answer, list):
                accepted += answer
                told(index, None)
            else:
                self._leave(piece.key.trigger, len(piece.events), sum(len(event.body) for event in piece.events))
                told(index, answer)
        self._delivery.add(accepted)

    async def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Outcome:
        try:
            binding = self._bound(trigger)
            refusal = _refused(event, MAX_EVENT_BYTES)
            if refusal is None:
                size = len(event.body)
                if not self._window(trigger).enters(1, size, binding.max_pending, binding.max_pending_bytes):
                    binding = await self._wait(binding, size, wait_s)
        except Unavailable as error:
            return Outcome(Verdict.RETRY, str(error), error.retry_after_s, event_id=event.id)
        except TimeoutError:
            return Outcome(Verdict.RETRY, f"trigger {trigger} has no room now", FULL_PAUSE_S, event_id=event.id, full=True)
        return await self._push(route_of(binding), event, dedupe, refusal)

    async def _wait(self, binding: Binding, size: int, wait_s: float) -> Binding:
        """Enter the window; the binding as it is then. Raises TimeoutError; Unavailable if it is disabled or deleted meanwhile."""
        async with asyncio.timeout(None if wait_s == math.inf else wait_s):
            await self._window(binding.trigger).enter(1, size, binding.max_pending, binding.max_pending_bytes)
        return self._snapshot.bindings.get(binding.trigger, binding)

    def filtered(self, trigger: str, records: int) -> None:
        binding = self._snapshot.bindings.get(trigger)
        if binding is not None:
            counting = asyncio.ensure_future(self._ledger.accept(route_of(binding), Push((), filtered=records)))
            counting.add_done_callback(lambda counted: counted.cancelled() or counted.exception())  # it is shown, not promised

    async def call(self, trigger: str, event: Event, timeout_s: float) -> Outcome:
        try:
            binding = self._bound(trigger)
        except Unavailable as error:
            return Outcome(Verdict.RETRY, str(error), error.retry_after_s, event_id=event.id)
        return await self._calls.call(binding.function, event, timeout_s)

    async def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Outcome:
        refusal = self._refusal(project, function, event, MAX_EVENT_BYTES)
        if refusal is not None and refusal.verdict is Verdict.REFUSED:
            return refusal
        return await self._calls.call(function, event, MAX_SYNC_TIMEOUT_S, log=log)

    async def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Outcome:
        if refusal := self._refusal(project, function, event, MAX_ASYNC_BODY_BYTES):
            return refusal
        route = Route(project, api_trigger(project), function, Mode.ASYNC, "api")
        self._window(route.trigger).add(1, len(event.body))
        return await self._push(route, event, (dedupe,) if dedupe else (), None)

    def _refusal(self, project: str, function: str, event: Event, most: int) -> Outcome | None:
        urn = parse(function, region="", project=project)
        if urn.project == project and not self._snapshot.has_function(urn) and self._snapshot.remembered:
            return Outcome(Verdict.RETRY, NOT_KNOWN_YET, UNBOUND_PAUSE_S, event_id=event.id)
        if urn.project != project or not self._snapshot.has_function(urn):
            return Outcome(Verdict.REFUSED, f"{function} does not exist", event_id=event.id)
        return _refused(event, most)

    async def _push(self, route: Route, event: Event, dedupe: tuple[str, ...], refusal: Outcome | None) -> Outcome:
        """Take in what was counted in, unless it is refused."""
        ids = (dedupe,) if dedupe else ()
        push = Push((event,), ids) if refusal is None else Push((), ids, refused=((event, refusal.reason),))
        accepting = asyncio.ensure_future(self._ledger.accept(route, push))
        accepting.add_done_callback(partial(self._accepted, route.trigger, len(push.events), len(event.body)))
        try:
            await asyncio.shield(accepting)
        except LedgerFull as error:
            return Outcome(Verdict.RETRY, str(error), error.retry_after_s, event_id=event.id)
        except PartlyKnown as partly:
            return Outcome(Verdict.RETRY, str(partly), event_id=event.id, known=partly.known)
        return refusal or Outcome(Verdict.DONE, event_id=event.id)

    def _changed(self, change: Change) -> None:
        """Whoever waits for room waits by the trigger as it is now, and not at all for one that is disabled or deleted."""
        noun, _, name = change.removed.partition(":")
        trigger = change.binding.trigger if change.binding else name if noun == "binding" else ""
        if (window := self._windows.get(trigger)) is None:
            return
        try:
            binding = self._bound(trigger)
        except Unavailable as error:
            window.refuse(str(error), error.retry_after_s)
        else:
            window.resize(binding.max_pending, binding.max_pending_bytes)

    def _bound(self, trigger: str) -> Binding:
        binding = self._snapshot.bindings.get(trigger)
        if binding is None:
            raise Unavailable(f"trigger {trigger} is not known here", UNBOUND_PAUSE_S)
        if binding.status is not TriggerStatus.ACTIVE:
            raise Unavailable(f"trigger {trigger} is disabled", UNBOUND_PAUSE_S)
        return binding

    def _window(self, trigger: str) -> Window:
        window = self._windows.get(trigger)
        if window is None:
            window = self._windows[trigger] = Window()
        return window

    def _leave(self, trigger: str, count: int, size: int) -> None:
        window = self._window(trigger)
        window.leave(count, size)
        if window.idle:
            del self._windows[trigger]

    def _ended(self, ended: Ended) -> None:
        pending = ended.pending
        self._leave(pending.route.trigger, 1, len(pending.event.body))
        self._unreported.ended(ended)
        if self._tails:
            self._tell(ended)

    # -- Records ----------------------------------------------------------------------------------------------------------------------

    async def explain(self, project: str, event: bytes) -> Story | None:
        """The story of one event of the project; None if there is none."""
        story = await self._ledger.explain(event)
        if story is None or story.route.project != project:
            return None
        return await self._as_it_is_now(story)

    async def _as_it_is_now(self, story: Story) -> Story:
        if story.state not in ("WAIT", "RUNNING"):
            return story
        now, steps = self._clock.time(), story.steps
        if held := self._delivery.held_because(story.route.function):
            steps = (*steps, Step(now, "held", held))
        running = self._delivery.find(story.id)
        if running is None or running.sequence not in await self._delivery.executing():
            return Story(story.id, story.route, "WAIT", steps)
        step = Step(now, "running", f"attempt {running.executions + 1} on {running.version}")
        return Story(story.id, story.route, "RUNNING", (*steps, step))

    async def recent(self, which: StoryFilter, limit: int, marker: int) -> StoryPage:
        return await self._ledger.recent(which, limit, marker, await self._delivery.executing())

    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]:
        return await self._ledger.dead(which, after, limit)

    async def redrive(self, which: DeadFilter, limit: int, dry_run: bool) -> list[bytes]:
        """Run dead events again as new ones; the ids of the new events, or of the old ones that would be, with `dry_run`."""
        chosen = [dead for dead in await self._ledger.dead(which, 0, limit) if not dead.redriven]
        if dry_run:
            return [dead.event.id for dead in chosen]
        redriving = asyncio.ensure_future(self._ledger.redrive(chosen))
        redriving.add_done_callback(self._redriven)  # also if whoever asked has gone meanwhile
        return [pending.event.id for pending in await asyncio.shield(redriving)]

    def _redriven(self, redriving: "asyncio.Future[list[Pending]]") -> None:
        """Counted in without a wait: they were here before."""
        if not redriving.cancelled() and redriving.exception() is None:
            for pending in redriving.result():
                self._window(pending.route.trigger).add(1, len(pending.event.body))
            self._delivery.add(redriving.result())

    async def purge(self, which: DeadFilter) -> int:
        return await self._ledger.purge(which)

    async def cancel(self, project: str, event: bytes, *, force: bool = False) -> bool:
        story = await self.explain(project, event)
        if story is None or story.state not in ("WAIT", "RUNNING"):
            return False
        await self._delivery.cancel(event, story.route.function, force=force)
        return True

    async def usage(self, which: UsageFilter) -> list[Usage]:
        return await self._statistics.usage(which)

    async def counts(self, project: str) -> dict[str, Counts]:
        own = {trigger for trigger, binding in self._snapshot.bindings.items() if binding.project == project}
        own.add(api_trigger(project))
        return {trigger: counts for trigger, counts in self._ledger.counts().items() if trigger in own}

    async def tail(self, project: str) -> AsyncIterator[Story]:
        queue: asyncio.Queue[Story] = asyncio.Queue(TAIL_EVENTS)
        self._tails[queue] = project
        try:
            while True:
                yield await queue.get()
        finally:
            del self._tails[queue]

    def _tell(self, ended: Ended) -> None:
        pending = ended.pending
        story = Story(pending.event.id, pending.route, str(ended.end), _steps(ended))
        for queue, project in self._tails.items():
            if project == pending.route.project and not queue.full():
                queue.put_nowait(story)

    # -- metrics ----------------------------------------------------------------------------------------------------------------------

    def _samples(self) -> Iterable[Sample]:
        running = self._delivery.running_by_trigger()
        for trigger, counts in self._ledger.counts().items():
            label = (trigger,)
            runs = running.get(trigger, 0)
            yield RECEIVED, label, counts.received
            yield ENDED, (trigger, "success"), counts.success
            yield ENDED, (trigger, "failed"), counts.failed
            yield ENDED, (trigger, "discarded"), counts.discarded
            yield FILTERED, label, counts.filtered
            yield PENDING, label, max(0, counts.open - runs)
            yield RUNNING, label, runs
        usage = self._ledger.usage()
        yield COMMITS, (), usage["commits"]
        yield LEDGER_BYTES, (), usage["file_bytes"] + usage["log_bytes"]
        yield LATE_SETTLES, (), usage["stale_settles"]


def _told_of(told: Told, index: int, _: int, error: Exception | None) -> None:
    told(index, error)


def route_of(binding: Binding) -> Route:
    """Where the events of a trigger go, as it is now."""
    return Route(binding.project, binding.trigger, binding.function, binding.mode, binding.kind)


def _refused(event: Event, most: int) -> Outcome | None:
    if event.refused:
        return Outcome(Verdict.REFUSED, event.refused, event_id=event.id)
    if len(event.body) <= most:
        return None
    return Outcome(Verdict.REFUSED, f"the body has {len(event.body)} bytes, at most {most} are accepted", event_id=event.id)


def _without_refused(piece: Slice) -> Slice:
    """What no function may receive is recorded as refused; its neighbours go on."""
    judged = [(event, _refused(event, MAX_EVENT_BYTES)) for event in piece.events]
    fitting = [event for event, refusal in judged if refusal is None]
    refused = [(event, refusal.reason) for event, refusal in judged if refusal is not None]
    return msgspec.structs.replace(piece, events=fitting, refused=refused)


def _steps(ended: Ended) -> tuple[Step, ...]:
    detail = f"{ended.failure}: {ended.message}" if ended.failure else f"status {ended.status} in {ended.duration_ms:.1f} ms"
    return Step(ended.pending.accepted_at, "accepted"), Step(ended.at, "ended", detail)
