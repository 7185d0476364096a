"""The dispatcher's ends of Push and Call streams: events go to the local dispatcher, each answer goes back."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from types import TracebackType
from typing import Self

import structlog

from sluice.dispatch import Dispatch
from sluice.errors import SluiceError
from sluice.event import Event
from sluice.outcome import Failure, FailureKind, Outcome, Reply, Verdict
from sluice.v1 import dispatch_pb2
from sluice.wire.columns import Malformed, spread
from sluice.wire.events import MAX_BODY_BYTES, pack_outcome, pack_replies, unpack_events
from sluice.wire.guard import need_project
from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe
from sluice.wire.room import Room
from sluice.wire.session_server import CheckTrigger
from sluice.wire.token import ServiceToken

log = structlog.get_logger()

Answered = Callable[[int, Event, Outcome | BaseException], None]

_TAKEN_BACK = Outcome(Verdict.RETRY, "it was taken back")


class Table:
    """Routes of one stream by number, checked when they are named."""

    def __init__(self, caller: ServiceToken, check: CheckTrigger) -> None:
        self._caller = caller
        self._check = check
        self._routes: dict[int, dispatch_pb2.Route] = {}

    def name(self, route: dispatch_pb2.Route) -> None:
        """Raises PermissionDenied."""
        if route.function:
            need_project(self._caller, route.project)
        else:
            self._check(self._caller, route.trigger)
        self._routes[route.number] = route

    def route(self, number: int) -> dispatch_pb2.Route:
        route = self._routes.get(number)
        if route is None:
            raise Malformed(f"route {number} was never named")
        return route


class Inside:
    """What was handed to the dispatcher and has no answer yet. `answered` hears of each."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._open: dict[int, asyncio.Future[Outcome]] = {}
        self._ended = False

    def enter(self, number: int, event: Event, answer: Awaitable[Outcome]) -> None:
        future = asyncio.ensure_future(answer)
        self._open[number] = future

        def done(future: "asyncio.Future[Outcome]") -> None:
            del self._open[number]
            if not future.cancelled():
                error = future.exception()
                self._answered(number, event, future.result() if error is None else _told(error))
            elif not self._ended:
                self._answered(number, event, _TAKEN_BACK)

        future.add_done_callback(done)

    def take_back(self, number: int) -> None:
        """It is not wanted any more."""
        if (future := self._open.get(number)) is not None:
            future.cancel()

    async def cancel(self) -> None:
        """Nothing of what is left is wanted any more."""
        self._ended = True
        for future in self._open.values():
            future.cancel()
        await asyncio.gather(*self._open.values(), return_exceptions=True)


def _told(error: BaseException) -> BaseException:
    if not isinstance(error, SluiceError):
        log.error("event failed", exc_info=error)
    return error


class PushTalk:
    """One Push stream. When the pusher has gone, what waits for room is taken back: nobody knows of it, and its source gives it out again.
    What is on its way to the disk is accepted by the dispatcher all the same (`Dispatch.push`)."""

    pipe: Pipe[dispatch_pb2.OutcomeBatch, dispatch_pb2.PushBatch]

    def __init__(self, caller: ServiceToken, dispatch: Dispatch, check: CheckTrigger, pace: Pace) -> None:
        self._dispatch = dispatch
        self._table = Table(caller, check)
        self._inside = Inside(self._answer)
        self._room = Room(pace)
        self._fresh()

    def _fresh(self) -> None:
        self._done: list[int] = []
        self._accepted: list[int] = []
        self._others: list[dispatch_pb2.Outcome] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._inside.cancel()

    def waiting(self) -> int:
        return len(self._accepted) + len(self._done) + len(self._others)

    def compose(self) -> dispatch_pb2.OutcomeBatch:
        message = dispatch_pb2.OutcomeBatch(done=self._done, accepted=self._accepted, outcomes=self._others)
        self._fresh()
        return message

    def heard(self, message: dispatch_pb2.PushBatch) -> "asyncio.Future[None] | None":
        for route in message.routes:
            self._table.name(route)
        events = unpack_events(message.events)
        count = len(events)
        for number in message.taken_back:
            self._inside.take_back(number)
        for counted in message.filtered:
            self._dispatch.filtered(self._table.route(counted.target).trigger, counted.records)
        targets, waits_s = spread(message.targets, count, 0), spread(message.waits_s, count, math.inf)
        columns = zip(events, targets, _ids_of(message, count), waits_s, strict=False)
        for number, (event, target, dedupe, wait_s) in enumerate(columns, message.first):
            self._room.enter(1, len(event.body))
            self._inside.enter(number, event, self._handed(self._table.route(target), event, dedupe, wait_s))
        return self._room.full()

    def beat(self) -> None:
        """Nothing gets old here."""

    def _handed(self, route: dispatch_pb2.Route, event: Event, dedupe: tuple[str, ...], wait_s: float) -> Awaitable[Outcome]:
        if route.function:
            return self._dispatch.invoke_async(route.project, route.function, event, dedupe[0] if dedupe else "")
        return self._dispatch.push(route.trigger, event, dedupe, wait_s)

    def _answer(self, number: int, event: Event, outcome: Outcome | BaseException) -> None:
        self._room.leave(1, len(event.body))
        if isinstance(outcome, Outcome) and outcome.verdict is Verdict.DONE and outcome.event_id == event.id:
            self._accepted.append(number)
        elif isinstance(outcome, Outcome) and outcome.verdict is Verdict.DONE and not outcome.event_id:
            self._done.append(number)
        else:
            self._others.append(pack_outcome(number, outcome))
        self.pipe.wake()


def _ids_of(message: dispatch_pb2.PushBatch, count: int) -> Iterable[tuple[str, ...]]:
    """The ids of each event's records. Raises Malformed."""
    lone = [(name,) if name else () for name in spread(message.dedupe, count, "")][:count]
    if not message.id_counts:
        return lone
    counts = list(islice(spread(message.id_counts, count, 0), count))
    if sum(counts) != len(message.ids):
        raise Malformed(f"{len(message.ids)} ids for {sum(counts)} records")
    ids = iter(message.ids)
    return [tuple(islice(ids, several)) if several else one for several, one in zip(counts, lone, strict=True)]


class CallTalk:
    """One Call stream. Calls whose caller has gone are cancelled with it."""

    pipe: Pipe[dispatch_pb2.ReplyBatch, dispatch_pb2.CallBatch]

    def __init__(self, caller: ServiceToken, dispatch: Dispatch, check: CheckTrigger, pace: Pace) -> None:
        self._dispatch = dispatch
        self._pace = pace
        self._table = Table(caller, check)
        self._inside = Inside(self._answer)
        self._received = 0
        self._told = 0
        self._untold_size = 0
        self._replies: deque[tuple[int, Outcome, Reply]] = deque()
        self._others: list[dispatch_pb2.Outcome] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._inside.cancel()

    def waiting(self) -> int:
        return len(self._replies) + len(self._others) or int(self._receipt_due())

    def compose(self) -> dispatch_pb2.ReplyBatch:
        self._told, self._untold_size = self._received, 0
        taken = self._taken()
        ids = b"".join([outcome.event_id for _, outcome, _ in taken])
        others, self._others = self._others, []
        return dispatch_pb2.ReplyBatch(
            received=self._received,
            numbers=[number for number, _, _ in taken],
            event_ids=ids,
            replies=pack_replies([reply for _, _, reply in taken]) if taken else None,
            outcomes=others,
        )

    def _taken(self) -> list[tuple[int, Outcome, Reply]]:
        """The replies of one message; those with and those without an event id do not share one."""
        taken: list[tuple[int, Outcome, Reply]] = []
        size = self._pace.size
        while self._replies and len(taken) < self._pace.events:
            _, outcome, reply = self._replies[0]
            size -= len(reply.body)
            if taken and (size < 0 or bool(outcome.event_id) != bool(taken[0][1].event_id)):
                break
            taken.append(self._replies.popleft())
        return taken

    def heard(self, message: dispatch_pb2.CallBatch) -> None:
        for route in message.routes:
            self._table.name(route)
        events = unpack_events(message.events)
        count = len(events)
        self._received += count
        columns = zip(
            events,
            spread(message.targets, count, 0),
            spread(message.timeouts_s, count, 0.0),
            spread(message.log, count, False),
            strict=False,
        )
        for number, (event, target, timeout_s, log) in enumerate(columns, message.first):
            self._inside.enter(number, event, self._handed(self._table.route(target), event, timeout_s, log=log))
        self._untold_size += sum([len(event.body) for event in events])
        if self._receipt_due():
            self.pipe.wake()

    def beat(self) -> None:
        """Deadlines are the dispatcher's."""

    def _receipt_due(self) -> bool:
        return self._received - self._told >= self._pace.window_events // 8 or self._untold_size >= self._pace.window_size // 8

    def _handed(self, route: dispatch_pb2.Route, event: Event, timeout_s: float, *, log: bool) -> Awaitable[Outcome]:
        if route.function:
            return self._dispatch.invoke(route.project, route.function, event, log=log)
        return self._dispatch.call(route.trigger, event, timeout_s)

    def _answer(self, number: int, event: Event, outcome: Outcome | BaseException) -> None:
        if isinstance(outcome, Outcome) and outcome.verdict is Verdict.DONE and outcome.reply is not None:
            self._replies.append((number, outcome, carried(outcome.reply)))
        else:
            self._others.append(pack_outcome(number, outcome))
        self.pipe.wake()


def carried(reply: Reply) -> Reply:
    """The reply, or the failure that takes its place when no message can carry it."""
    if len(reply.body) <= MAX_BODY_BYTES:
        return reply
    failure = Failure(FailureKind.ANSWER_TOO_LARGE, f"the answer has {len(reply.body)} bytes")
    return Reply(reply.status, b"", (), failure, reply.instance, reply.cold, reply.duration_ms, reply.memory_mb)
