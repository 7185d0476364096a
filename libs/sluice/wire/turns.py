"""Whose turn it is on a stream that many targets share."""

from collections import deque
from collections.abc import Callable

from sluice.outcome import Outcome, Verdict
from sluice.wire.pace import Pace
from sluice.wire.requests_client import Request, Target
from sluice.wire.window import Window

AWAY = "the dispatcher cannot be reached"


class Turns:
    """Lets the requests of each target `go` in the order in which they came, as many as the window has room for. What waits for a target
    that is stuck holds up no other target."""

    def __init__(self, pace: Pace, go: Callable[[Request], None]) -> None:
        self._pace = pace
        self._go = go
        self._window = Window(pace.window_events, pace.window_size)
        self._held: dict[Target, deque[Request]] = {}

    def add(self, request: Request) -> None:
        held = self._held.get(request.target) if self._held else None
        if held is not None:
            held.append(request)
        elif self._window.fits(request.target, 1, request.size):
            self._enter(request)
        else:
            self._held[request.target] = deque((request,))

    def left(self, request: Request) -> None:
        """One that went has its answer. Others may go instead with the next `go_on`."""
        self._window.leave(request.target, 1, request.size)

    def go_on(self) -> None:
        if self._held:
            for target, held in list(self._held.items()):
                self._admit(target, held)

    def beat(self, *, away: bool) -> None:
        """Whoever waits no longer is forgotten, and whoever has waited long enough for the peer, or for room, is told so."""
        for held in self._held.values():
            for request in held:
                request.beats += 1
                waited_s = request.beats * self._pace.beat_s
                if not request.answer.done() and ((away and waited_s > self._pace.patience_s) or waited_s > request.wait_s):
                    reason = AWAY if away else f"trigger {request.target[0]} has no room now"
                    request.answer.set_result(Outcome(Verdict.RETRY, reason, 1.0, None, request.event.id, full=not away))
        self._held = {target: deque(waiting) for target, held in self._held.items() if (waiting := _waiting(held))}
        self.go_on()

    def give_up(self) -> list[Request]:
        """All who wait."""
        waiting = [request for held in self._held.values() for request in _waiting(held)]
        self._held.clear()
        return waiting

    def _admit(self, target: Target, held: deque[Request]) -> None:
        while held:
            if not held[0].answer.done():
                if not self._window.fits(target, 1, held[0].size):
                    return
                self._enter(held[0])
            held.popleft()
        del self._held[target]

    def _enter(self, request: Request) -> None:
        self._window.enter(request.target, 1, request.size)
        self._go(request)


def _waiting(held: deque[Request]) -> list[Request]:
    return [request for request in held if not request.answer.done()]
