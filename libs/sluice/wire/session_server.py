"""The dispatcher's end of a Deliver stream: slices go to a local session, outcomes go back."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

import structlog

from sluice.dispatch import Session
from sluice.errors import SluiceError, Unavailable
from sluice.ledger import SourceKey
from sluice.v1 import dispatch_pb2
from sluice.wire.events import pack_outcome
from sluice.wire.outliving import Outliving
from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe
from sluice.wire.room import Room
from sluice.wire.slices import Assembly
from sluice.wire.token import ServiceToken

log = structlog.get_logger()

CheckTrigger = Callable[[ServiceToken, str], None]
"""Raises PermissionDenied for a trigger of a kind that is not the caller's."""


class Sessions:
    """The sessions whose streams are open, by the names that Claim and Release use."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[str, Session]] = {}

    def add(self, service: str, session: Session) -> str:
        name = secrets.token_hex(16)
        self._sessions[name] = (service, session)
        return name

    def remove(self, name: str) -> None:
        del self._sessions[name]

    def of(self, name: str, service: str) -> Session:
        """Raises Unavailable when its stream has ended, or belongs to somebody else."""
        owner, session = self._sessions.get(name, ("", None))
        if session is None or owner != service:
            raise Unavailable("the session's stream has ended")
        return session


class DeliverTalk:
    """One Deliver stream. Leaving it ends the session: its claims are free, what was begun is ended, without an answer."""

    pipe: Pipe[dispatch_pb2.OutcomeBatch, dispatch_pb2.SliceBatch]

    def __init__(
        self, caller: ServiceToken, session: Session, sessions: Sessions, outliving: Outliving, check: CheckTrigger, pace: Pace
    ) -> None:
        self._caller = caller
        self._session = session
        self._sessions = sessions
        self._outliving = outliving
        self._check = check
        self._pace = pace
        self._assembly = Assembly()
        self._weight = 0
        self._done: deque[int] = deque()
        self._others: deque[dispatch_pb2.Outcome] = deque()
        self._room = Room(pace)
        self._accepting: set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> Self:
        self._name = self._greeting = self._sessions.add(self._caller.service, self._session)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._sessions.remove(self._name)
        self._outliving.adopt(self._accepting)
        await self._session.close()

    def waiting(self) -> int:
        return self._weight

    def compose(self) -> dispatch_pb2.OutcomeBatch:
        greeting, self._greeting = self._greeting, ""
        self._weight = 0
        done, self._done = self._done, deque()
        others, self._others = self._others, deque()
        return dispatch_pb2.OutcomeBatch(session=greeting, done=done, outcomes=others)

    def heard(self, message: dispatch_pb2.SliceBatch) -> "asyncio.Future[None] | None":
        for source in message.sources:
            self._named(self._assembly.name(source))
        for number, piece in self._assembly.take(message):
            count, size = max(1, len(piece.events)), sum([len(event.body) for event in piece.events])
            self._room.enter(count, size)
            accepting = asyncio.ensure_future(self._session.accept(piece))
            self._accepting.add(accepting)
            accepting.add_done_callback(partial(self._accepted, number, count, size))
        return self._room.full()

    def beat(self) -> None:
        """Nothing gets old here."""

    def _named(self, key: SourceKey) -> None:
        self._check(self._caller, key.trigger)

    def _accepted(self, number: int, count: int, size: int, accepting: "asyncio.Future[None]") -> None:
        self._accepting.discard(accepting)
        self._room.leave(count, size)
        if accepting.cancelled():
            return
        self._weight += count
        error = accepting.exception()
        if error is None:
            self._done.append(number)
        else:
            if not isinstance(error, SluiceError):
                log.error("slice failed", service=self._caller.service, exc_info=error)
            self._others.append(pack_outcome(number, error))
        self.pipe.wake()
