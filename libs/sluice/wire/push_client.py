"""The client's end of a Push stream."""

import asyncio
import math
from typing import Any

from sluice.errors import ConfigurationError, SluiceError
from sluice.outcome import Outcome, Verdict
from sluice.v1 import dispatch_pb2
from sluice.wire.columns import column
from sluice.wire.events import pack_events, unpack_outcome
from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe
from sluice.wire.requests_client import REFUSED_PAUSE_S, Backlog, Request
from sluice.wire.turns import Turns

PushPipe = Pipe[dispatch_pb2.PushBatch, dispatch_pb2.OutcomeBatch]


class Answer(asyncio.Future[Outcome]):
    """What a pusher waits for. Cancelling it takes the event back, if it still waits for room at the dispatcher."""

    __slots__ = ("_talk", "number")

    def __init__(self, talk: "PushTalk") -> None:
        super().__init__()
        self._talk = talk
        self.number = 0
        """The event's, once it is sent."""

    def cancel(self, msg: Any | None = None) -> bool:
        cancelled = super().cancel(msg)
        if cancelled and self.number:
            self._talk.take_back(self.number)
        return cancelled


class PushTalk:
    """Sends within the window of what is not yet accepted. An event whose stream broke is RETRY: nobody knows whether it was accepted."""

    def __init__(self, pace: Pace) -> None:
        self.backlog = Backlog(pace, self._left)
        self._turns = Turns(pace, self.backlog.add)
        self._pace = pace
        self._filtered: dict[str, int] = {}
        self._taken_back: list[int] = []
        self._pipe: PushPipe | None = None

    def _left(self, request: Request) -> None:
        self._turns.left(request)

    def filtered(self, trigger: str, records: int) -> None:
        """Told with the next message."""
        self._filtered[trigger] = self._filtered.get(trigger, 0) + records
        if self._pipe is not None:
            self._pipe.wake()

    def add(self, request: Request) -> None:
        request.measure()
        self._turns.add(request)
        if self._pipe is not None:
            self._pipe.wake()

    def take_back(self, number: int) -> None:
        """The event of that number is not wanted any more."""
        if number in self.backlog.open:
            self._taken_back.append(number)
            if self._pipe is not None:
                self._pipe.wake()

    def opened(self, pipe: PushPipe) -> None:
        self._pipe = pipe

    def closed(self, why: SluiceError) -> None:
        self._pipe = None
        self._taken_back.clear()
        for request in self.backlog.lose():
            if not request.answer.done():
                request.answer.set_result(Outcome(Verdict.RETRY, str(why), 1.0, None, request.event.id))
        if isinstance(why, ConfigurationError):
            self.backlog.refuse(why)
            for request in self._turns.give_up():
                request.answer.set_result(Outcome(Verdict.RETRY, str(why), REFUSED_PAUSE_S, None, request.event.id))
        self._turns.go_on()

    def waiting(self) -> int:
        if not self.backlog.alive:
            return 0
        return len(self.backlog) or int(bool(self._filtered or self._taken_back))

    def compose(self) -> dispatch_pb2.PushBatch:
        if not self.backlog.alive:
            return dispatch_pb2.PushBatch()
        first = self.backlog.first
        taken = self.backlog.take(self._pace.events, self._pace.size)
        filtered = self._told_filtered() if self._filtered else None
        taken_back, self._taken_back = self._taken_back, []
        if not taken:
            return dispatch_pb2.PushBatch(routes=self.backlog.routes.unnamed(), filtered=filtered, taken_back=taken_back)
        for number, request in enumerate(taken, first):
            if isinstance(request.answer, Answer):
                request.answer.number = number
        targets = [self.backlog.routes.number(request.target) for request in taken]
        counts = [len(request.dedupe) if len(request.dedupe) > 1 else 0 for request in taken]
        return dispatch_pb2.PushBatch(
            routes=self.backlog.routes.unnamed(),
            first=first,
            events=pack_events([request.event for request in taken]),
            targets=column(targets, 0),
            dedupe=column([request.dedupe[0] if len(request.dedupe) == 1 else "" for request in taken], ""),
            id_counts=column(counts, 0),
            ids=[name for request, count in zip(taken, counts, strict=True) if count for name in request.dedupe],
            filtered=filtered,
            waits_s=column([request.wait_s for request in taken], math.inf),
            taken_back=taken_back,
        )

    def _told_filtered(self) -> list[dispatch_pb2.Filtered]:
        counted, self._filtered = self._filtered, {}
        number = self.backlog.routes.number
        return [dispatch_pb2.Filtered(target=number((trigger, "", "")), records=records) for trigger, records in counted.items()]

    def heard(self, message: dispatch_pb2.OutcomeBatch) -> None:
        self.backlog.alive = True
        for number in message.accepted:
            request = self.backlog.open.get(number)
            if request is not None:
                self.backlog.answer(number, Outcome(Verdict.DONE, event_id=request.event.id))
        for number in message.done:
            self.backlog.answer(number, Outcome(Verdict.DONE))
        for packed in message.outcomes:
            outcome = unpack_outcome(packed)
            if not isinstance(outcome, Outcome):
                outcome = Outcome(Verdict.RETRY, str(outcome), packed.fault.retry_after_s or 1.0)
            self.backlog.answer(packed.number, outcome)
        self._turns.go_on()

    def beat(self) -> None:
        """RemoteDispatch looks after what waits, also between streams."""

    def look(self) -> None:
        """At what waits; once a beat."""
        self.backlog.beat()
        self._turns.beat(away=not self.backlog.alive)
