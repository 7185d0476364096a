"""A dispatcher in memory: positions, claims and answers, without a ledger."""

import asyncio
import math
from collections.abc import Sequence

from sluice.dispatch import Told, accept_each
from sluice.errors import ClaimLost, Unavailable
from sluice.event import Event
from sluice.ledger import Claim, Slice, SourceKey
from sluice.outcome import Failure, FailureKind, Outcome, Reply, Verdict

STUCK = "stuck"
GONE = "gone"


class FakeDispatch:
    """Accepts slices at their position. Trigger `stuck` never answers, trigger `gone` is not known."""

    def __init__(self) -> None:
        self.epochs: dict[SourceKey, int] = {}
        self.positions: dict[SourceKey, str] = {}
        self.holders: dict[SourceKey, FakeSession] = {}
        self.changed = asyncio.Condition()
        self.accepted: list[Slice] = []
        self.events: list[Event] = []
        self.pushed: list[tuple[str, Event, tuple[str, ...]]] = []
        self.known: tuple[str, ...] = ()
        """Ids of records that were accepted before."""
        self.filters: list[tuple[str, int]] = []
        self.called: list[tuple[str, Event, float]] = []
        self.open_events = self.most_events = 0
        self.open_size = self.most_size = 0
        self.sessions: list[FakeSession] = []
        self.stuck: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def session(self, service: str) -> "FakeSession":
        session = FakeSession(self, service)
        self.sessions.append(session)
        return session

    def filtered(self, trigger: str, records: int) -> None:
        self.filters.append((trigger, records))

    async def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Outcome:
        self.pushed.append((trigger, event, dedupe))
        if known := tuple(name for name in dedupe if name in self.known):
            return Outcome(Verdict.RETRY, "some were accepted before", event_id=event.id, known=known)
        if trigger == STUCK:
            await self._wait(wait_s)
            if not self.stuck.done():
                return Outcome(Verdict.RETRY, "no room", 1.0, event_id=event.id, full=True)
        if trigger == GONE:
            return Outcome(Verdict.RETRY, "trigger gone is not known here", 2.5, event_id=event.id)
        return Outcome(Verdict.DONE, event_id=event.id)

    async def _wait(self, wait_s: float) -> None:
        self.open_events += 1
        try:
            await asyncio.wait({self.stuck}, timeout=None if wait_s == math.inf else wait_s)
        finally:
            self.open_events -= 1

    async def call(self, trigger: str, event: Event, timeout_s: float) -> Outcome:
        self.called.append((trigger, event, timeout_s))
        if trigger == STUCK:
            await asyncio.shield(self.stuck)
        if trigger == GONE:
            return Outcome(Verdict.RETRY, "too many calls", 1.0, event_id=event.id)
        return Outcome(Verdict.DONE, reply=answer_of(event), event_id=event.id)

    async def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Outcome:
        if project == GONE:
            return Outcome(Verdict.REFUSED, f"{function} does not exist")
        reply = answer_of(event)
        reply.log = "printed" if log else ""
        return Outcome(Verdict.DONE, reply=reply)

    async def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Outcome:
        self.pushed.append((f"{project}/{function}", event, (dedupe,) if dedupe else ()))
        return Outcome(Verdict.DONE)


def answer_of(event: Event) -> Reply:
    """What the fake's functions say: the body again, or a failure when it is `fail`."""
    if event.body == b"fail":
        return Reply(500, b"oops", (("x-one", "1"),), Failure(FailureKind.FUNCTION_ERROR, "said 500"), "i-1", True, 1.5, 12.25)
    return Reply(200, event.body, (("content-type", "text/plain"), ("x-one", "1")), None, "i-1", False, 0.25)


class FakeSession:
    def __init__(self, dispatch: FakeDispatch, service: str) -> None:
        self._dispatch = dispatch
        self.service = service
        self.closed = False

    async def claim(self, key: SourceKey, *, assigned: bool = False) -> Claim:
        dispatch = self._dispatch
        async with dispatch.changed:
            while not assigned and dispatch.holders.get(key, self) is not self:
                await dispatch.changed.wait()
            dispatch.holders[key] = self
            dispatch.epochs[key] = dispatch.epochs.get(key, 0) + 1
            return Claim(key, dispatch.epochs[key], dispatch.positions.get(key))

    def release(self, claim: Claim) -> None:
        if self._dispatch.holders.get(claim.key) is self:
            del self._dispatch.holders[claim.key]
            self._tell_later()

    def accept_all(self, pieces: Sequence[Slice], told: Told) -> None:
        accept_each(self.accept, pieces, told)

    async def accept(self, piece: Slice) -> None:
        dispatch = self._dispatch
        if piece.key.trigger == GONE:
            raise Unavailable("trigger gone is not known here", 2.5)
        count, size = len(piece.events), sum(len(event.body) for event in piece.events)
        dispatch.open_events += count
        dispatch.open_size += size
        dispatch.most_events = max(dispatch.most_events, dispatch.open_events)
        dispatch.most_size = max(dispatch.most_size, dispatch.open_size)
        try:
            if piece.key.trigger == STUCK:
                await asyncio.shield(dispatch.stuck)
        finally:
            dispatch.open_events -= count
            dispatch.open_size -= size
        if dispatch.epochs.get(piece.key) != piece.epoch or dispatch.positions.get(piece.key) != piece.start:
            raise ClaimLost(f"{piece.key.source} stands at {dispatch.positions.get(piece.key)}")
        dispatch.positions[piece.key] = piece.to
        dispatch.accepted.append(piece)
        dispatch.events.extend(piece.events)

    async def close(self) -> None:
        self.closed = True
        self._dispatch.holders = {key: holder for key, holder in self._dispatch.holders.items() if holder is not self}
        async with self._dispatch.changed:
            self._dispatch.changed.notify_all()

    def _tell_later(self) -> None:
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._tell()))

    async def _tell(self) -> None:
        async with self._dispatch.changed:
            self._dispatch.changed.notify_all()
