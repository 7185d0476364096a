"""Events that want an answer each, on one stream: what Push and Call share on the client's side."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sluice.errors import SluiceError
from sluice.event import Event
from sluice.outcome import Outcome, Verdict
from sluice.v1 import dispatch_pb2
from sluice.wire.events import fitting
from sluice.wire.pace import Pace

MOST_ROUTES = 4_096
REFUSED_PAUSE_S = 5.0

Target = tuple[str, str, str]
"""Trigger, project, function: either the first, or the others."""


@dataclass(slots=True)
class Request:
    """One event under way. `dedupe` are ids of its records; `size` is what it takes of a message."""

    target: Target
    event: Event
    answer: "asyncio.Future[Outcome]"
    beats: int = 0
    dedupe: tuple[str, ...] = ()
    timeout_s: float = 0.0
    log: bool = False
    wait_s: float = math.inf
    size: int = 0

    def measure(self) -> None:
        """What it takes of a message. One that no message holds is replaced by what says so."""
        self.event = fitting(self.event)
        self.size = len(self.event.body) + sum(map(len, self.dedupe))


class Routes:
    """Targets by number on one stream. A full table begins again with the next message: a number that is named anew means the new target
    from then on, and within a message every number has one meaning."""

    def __init__(self) -> None:
        self._numbers: dict[Target, int] = {}
        self._unnamed: list[dispatch_pb2.Route] = []

    def number(self, target: Target) -> int:
        number = self._numbers.get(target)
        if number is None:
            number = self._numbers[target] = len(self._numbers) + 1
            trigger, project, function = target
            self._unnamed.append(dispatch_pb2.Route(number=number, trigger=trigger, project=project, function=function))
        return number

    def unnamed(self) -> list[dispatch_pb2.Route]:
        """Those the peer has not heard of; from now on it has. Taken once for each message, when all its targets have their numbers."""
        unnamed, self._unnamed = self._unnamed, []
        if len(self._numbers) >= MOST_ROUTES:
            self._numbers.clear()
        return unnamed


def _nobody(_request: Request) -> None:
    """Nobody wants to know."""


class Backlog:
    """Requests that wait to be sent, and those that were sent and have no answer. `left` hears of each that is neither any more."""

    def __init__(self, pace: Pace, left: Callable[[Request], None] = _nobody) -> None:
        self._left = left
        self._pace = pace
        self._queue: deque[Request] = deque()
        self.open: dict[int, Request] = {}
        self.first = 1
        self.routes = Routes()
        self.alive = False

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, request: Request) -> None:
        self._queue.append(request)

    def take(self, events: int, size: int) -> list[Request]:
        """What one message holds of at most `events` and `size`, in order, now sent; at least one, however large."""
        events, size = min(events, self._pace.events), min(size, self._pace.size)
        taken: list[Request] = []
        while self._queue and len(taken) < events:
            request = self._queue[0]
            size -= request.size
            if size < 0 and taken:
                break
            self._queue.popleft()
            if request.answer.done():
                self._left(request)
            else:
                taken.append(request)
        for number, request in enumerate(taken, self.first):
            self.open[number] = request
        self.first += len(taken)
        return taken

    def answer(self, number: int, outcome: Outcome) -> Request | None:
        request = self.open.pop(number, None)
        if request is not None:
            if not request.answer.done():
                request.answer.set_result(outcome)
            self._left(request)
        return request

    def beat(self) -> None:
        """While the peer is away, whoever has waited long enough is told so."""
        if self.alive:
            return
        limit = self._pace.patience_s / self._pace.beat_s
        kept: deque[Request] = deque()
        for request in self._queue:
            request.beats += 1
            if request.beats <= limit:
                kept.append(request)
            else:
                self._tell(request, "the dispatcher cannot be reached", 1.0)
        self._queue = kept

    def lose(self) -> list[Request]:
        """The stream has ended: what was sent on it, whose fate is unknown. What was not sent stays for the next one."""
        lost = list(self.open.values())
        self.open.clear()
        self.first = 1
        self.routes = Routes()
        self.alive = False
        for request in lost:
            self._left(request)
        return lost

    def refuse(self, why: SluiceError) -> None:
        """The peer wants nothing from us until somebody changes something."""
        while self._queue:
            self._tell(self._queue.popleft(), str(why), REFUSED_PAUSE_S)

    def _tell(self, request: Request, why: str, retry_after_s: float) -> None:
        if not request.answer.done():
            request.answer.set_result(Outcome(Verdict.RETRY, why, retry_after_s, None, request.event.id))
        self._left(request)


def size_of(requests: Sequence[Request]) -> int:
    return sum([request.size for request in requests])
