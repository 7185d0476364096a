"""The client's end of a Call stream."""

from collections import deque

from sluice.errors import ConfigurationError, SluiceError
from sluice.outcome import Failure, FailureKind, Outcome, Reply, Verdict
from sluice.v1 import dispatch_pb2
from sluice.wire.columns import Malformed, column, split_ids
from sluice.wire.events import pack_events, unpack_outcome, unpack_replies
from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe
from sluice.wire.requests_client import Backlog, Request, size_of

CallPipe = Pipe[dispatch_pb2.CallBatch, dispatch_pb2.ReplyBatch]


class CallTalk:
    """Sends within the window of what has not arrived; a running call holds none of it. A call whose stream broke is answered LOST: it
    may have run, and is not run again for a caller who did not ask."""

    def __init__(self, pace: Pace) -> None:
        self.backlog = Backlog(pace)
        self._travelling: deque[int] = deque()
        self._events = pace.window_events // 2
        self._size = pace.window_size // 2
        self._arrived = 0
        self._free_size = self._size
        self._pipe: CallPipe | None = None

    def add(self, request: Request) -> None:
        request.measure()
        self.backlog.add(request)
        if self._pipe is not None:
            self._pipe.wake()

    def opened(self, pipe: CallPipe) -> None:
        self._pipe = pipe

    def closed(self, why: SluiceError) -> None:
        self._pipe = None
        self._travelling.clear()
        self._arrived = 0
        self._free_size = self._size
        for request in self.backlog.lose():
            if not request.answer.done():
                lost = Reply(0, failure=Failure(FailureKind.LOST, f"the answer was lost: {why}"))
                request.answer.set_result(Outcome(Verdict.DONE, reply=lost, event_id=request.event.id))
        if isinstance(why, ConfigurationError):
            self.backlog.refuse(why)

    def waiting(self) -> int:
        if not self.backlog.alive or self._free_size <= 0:
            return 0
        return min(len(self.backlog), self._events - len(self._travelling))

    def compose(self) -> dispatch_pb2.CallBatch:
        first = self.backlog.first
        room = self.waiting()
        taken = self.backlog.take(room, self._free_size) if room > 0 else []
        if not taken:
            return dispatch_pb2.CallBatch()
        self._free_size -= size_of(taken)
        self._travelling.extend([request.size for request in taken])
        targets = [self.backlog.routes.number(request.target) for request in taken]
        return dispatch_pb2.CallBatch(
            routes=self.backlog.routes.unnamed(),
            first=first,
            events=pack_events([request.event for request in taken]),
            targets=column(targets, 0),
            timeouts_s=column([request.timeout_s for request in taken], 0.0),
            log=column([request.log for request in taken], False),
        )

    def heard(self, message: dispatch_pb2.ReplyBatch) -> None:
        self.backlog.alive = True
        self._arrive(message.received)
        if message.numbers:
            self._replies(message)
        for packed in message.outcomes:
            outcome = unpack_outcome(packed)
            if not isinstance(outcome, Outcome):
                outcome = Outcome(Verdict.RETRY, str(outcome), packed.fault.retry_after_s or 1.0)
            self.backlog.answer(packed.number, outcome)

    def beat(self) -> None:
        """RemoteDispatch looks after what waits, also between streams."""

    def _replies(self, message: dispatch_pb2.ReplyBatch) -> None:
        replies = unpack_replies(message.replies)
        if len(replies) != len(message.numbers):
            raise Malformed(f"{len(replies)} replies to {len(message.numbers)} calls")
        ids = split_ids(message.event_ids, len(replies)) if message.event_ids else [b""] * len(replies)
        for number, event, reply in zip(message.numbers, ids, replies, strict=True):
            self.backlog.answer(number, Outcome(Verdict.DONE, "", 0.0, reply, event))

    def _arrive(self, received: int) -> None:
        while self._arrived < received and self._travelling:
            self._arrived += 1
            self._free_size += self._travelling.popleft()
