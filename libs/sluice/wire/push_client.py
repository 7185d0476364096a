"""The client's end of a Push stream."""

from sluice.errors import ConfigurationError, SluiceError
from sluice.outcome import Outcome, Verdict
from sluice.v1 import dispatch_pb2
from sluice.wire.columns import column
from sluice.wire.events import pack_events, unpack_outcome
from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe
from sluice.wire.requests_client import Backlog, Request, size_of

PushPipe = Pipe[dispatch_pb2.PushBatch, dispatch_pb2.OutcomeBatch]


class PushTalk:
    """Sends within the window of what is not yet accepted. An event whose stream broke is RETRY: nobody knows whether it was accepted."""

    def __init__(self, pace: Pace) -> None:
        self.backlog = Backlog(pace)
        self._events = pace.window_events // 2
        self._size = pace.window_size // 2
        self._open_size = 0
        self._filtered: dict[str, int] = {}
        self._pipe: PushPipe | None = None

    def filtered(self, trigger: str, records: int) -> None:
        """Told with the next message."""
        self._filtered[trigger] = self._filtered.get(trigger, 0) + records
        if self._pipe is not None:
            self._pipe.wake()

    def add(self, request: Request) -> None:
        self.backlog.add(request)
        if self._pipe is not None:
            self._pipe.wake()

    def opened(self, pipe: PushPipe) -> None:
        self._pipe = pipe

    def closed(self, why: SluiceError) -> None:
        self._pipe = None
        self._open_size = 0
        for request in self.backlog.lose():
            if not request.answer.done():
                request.answer.set_result(Outcome(Verdict.RETRY, str(why), 1.0, None, request.event.id))
        if isinstance(why, ConfigurationError):
            self.backlog.refuse(why)

    def waiting(self) -> int:
        return max(self._room(), 1 if self._filtered and self.backlog.alive else 0)

    def _room(self) -> int:
        if not self.backlog.alive or self._open_size >= self._size:
            return 0
        return min(len(self.backlog), self._events - len(self.backlog.open))

    def compose(self) -> dispatch_pb2.PushBatch:
        first = self.backlog.first
        room = self._room()
        taken = self.backlog.take(room, self._size - self._open_size) if room > 0 else []
        filtered = self._told_filtered() if self._filtered and self.backlog.alive else None
        if not taken:
            return dispatch_pb2.PushBatch(routes=self.backlog.routes.unnamed(), filtered=filtered)
        self._open_size += size_of(taken)
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
                self._answer(number, Outcome(Verdict.DONE, event_id=request.event.id))
        for number in message.done:
            self._answer(number, Outcome(Verdict.DONE))
        for packed in message.outcomes:
            outcome = unpack_outcome(packed)
            if not isinstance(outcome, Outcome):
                outcome = Outcome(Verdict.RETRY, str(outcome), packed.fault.retry_after_s or 1.0)
            self._answer(packed.number, outcome)

    def beat(self) -> None:
        """RemoteDispatch looks after what waits, also between streams."""

    def _answer(self, number: int, outcome: Outcome) -> None:
        request = self.backlog.answer(number, outcome)
        if request is not None:
            self._open_size -= request.size
