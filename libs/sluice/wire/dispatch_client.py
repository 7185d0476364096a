"""A dispatcher in another process (`sluice.dispatch.Dispatch`)."""

import asyncio
import math
from types import TracebackType
from typing import Self

from sluice.errors import ConfigurationError
from sluice.event import Event
from sluice.ledger import Claim, SourceKey
from sluice.outcome import Outcome
from sluice.v1 import dispatch_pb2, event_pb2
from sluice.wire.call_client import CallTalk
from sluice.wire.link import Link, Notice, unnoticed
from sluice.wire.pace import Pace
from sluice.wire.peer import Asker, Peer
from sluice.wire.push_client import Answer, PushTalk
from sluice.wire.requests_client import Request, Target
from sluice.wire.session_client import RemoteSession


class RemoteDispatch:
    """Streams are opened at their first use and kept open until it is left."""

    def __init__(self, peer: Peer, pace: Pace | None = None, notice: Notice = unnoticed) -> None:
        self._peer = peer
        self._pace = pace or Pace()
        self._notice = notice
        self._pushing = PushTalk(self._pace)
        self._calling = CallTalk(self._pace)
        self._sessions: list[RemoteSession] = []
        self._push_link: asyncio.Task[None] | None = None
        self._call_link: asyncio.Task[None] | None = None
        self._beats: asyncio.Task[None] | None = None
        self._asker = Asker(peer, "Dispatcher")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        links = [link for link in (self._push_link, self._call_link, self._beats) if link is not None]
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
        end = ConfigurationError("the link to the dispatcher was closed")
        self._pushing.closed(end)
        self._calling.closed(end)
        for session in self._sessions:
            await session.close()
        await self._asker.close()

    def session(self, service: str) -> RemoteSession:
        """As `Dispatch.session`; the name of the service is the token's, `service` is for a wire without tokens."""
        session = RemoteSession(self._peer, self._pace, self._notice)
        session.start()
        self._sessions.append(session)
        return session

    def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> "asyncio.Future[Outcome]":
        return self._push((trigger, "", ""), event, dedupe, wait_s)

    def filtered(self, trigger: str, records: int) -> None:
        self._open_push()
        self._pushing.filtered(trigger, records)

    def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> "asyncio.Future[Outcome]":
        return self._push(("", project, function), event, (dedupe,) if dedupe else (), math.inf)

    def call(self, trigger: str, event: Event, timeout_s: float) -> "asyncio.Future[Outcome]":
        return self._call(Request((trigger, "", ""), event, _future(), timeout_s=timeout_s))

    def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> "asyncio.Future[Outcome]":
        return self._call(Request(("", project, function), event, _future(), log=log))

    async def seek(self, key: SourceKey, position: str) -> Claim:
        """Move a position by hand: a new epoch that begins there."""
        packed = event_pb2.SourceKey(trigger=key.trigger, incarnation=key.incarnation, source=key.source)
        answer = await self._asker.ask("Seek", dispatch_pb2.SeekRequest(key=packed, position=position), dispatch_pb2.Claimed)
        return Claim(key, answer.epoch, answer.position)

    def _push(self, target: Target, event: Event, dedupe: tuple[str, ...], wait_s: float) -> "asyncio.Future[Outcome]":
        request = Request(target, event, Answer(self._pushing), dedupe=dedupe, wait_s=wait_s)
        self._open_push()
        self._pushing.add(request)
        return request.answer

    def _open_push(self) -> None:
        if self._push_link is None:
            link = Link(self._peer, "Dispatcher.Push", self._pushing, dispatch_pb2.OutcomeBatch, self._pace, self._notice)
            self._push_link = asyncio.ensure_future(link.run())
            self._begin_beats()

    def _call(self, request: Request) -> "asyncio.Future[Outcome]":
        if self._call_link is None:
            link = Link(self._peer, "Dispatcher.Call", self._calling, dispatch_pb2.ReplyBatch, self._pace, self._notice)
            self._call_link = asyncio.ensure_future(link.run())
            self._begin_beats()
        self._calling.add(request)
        return request.answer

    def _begin_beats(self) -> None:
        if self._beats is None:
            self._beats = asyncio.ensure_future(self._beating())

    async def _beating(self) -> None:
        """Between streams there is nobody else to tell those who wait that it takes too long."""
        while True:
            await asyncio.sleep(self._pace.beat_s)
            self._pushing.look()
            self._calling.backlog.beat()


def _future() -> "asyncio.Future[Outcome]":
    return asyncio.get_running_loop().create_future()
