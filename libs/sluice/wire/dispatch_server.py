"""The Dispatcher service over a local `sluice.dispatch.Dispatch`."""

from collections.abc import Awaitable, Callable

from sluice.dispatch import Dispatch
from sluice.errors import ConfigurationError
from sluice.ledger import Claim, SourceKey
from sluice.v1 import dispatch_pb2, event_pb2
from sluice.wire.guard import Guard, need_kind
from sluice.wire.outliving import Outliving
from sluice.wire.pace import Pace
from sluice.wire.requests_server import CallTalk, PushTalk
from sluice.wire.server import Handlers
from sluice.wire.session_server import DeliverTalk, Sessions
from sluice.wire.streams import stream, unary
from sluice.wire.token import ServiceToken

KindOf = Callable[[str], str]
"""The kind of a trigger by its id; "" if it is not known."""

Seek = Callable[[SourceKey, str], Awaitable[Claim]]


class DispatcherService:
    """`kind_of` confines each caller to the triggers of its kinds: an unknown trigger is nobody's and is answered by the dispatcher itself.
    `seek` moves positions (`Ledger.seek`)."""

    name = "Dispatcher"

    def __init__(self, dispatch: Dispatch, *, kind_of: KindOf, seek: Seek | None = None, pace: Pace | None = None) -> None:
        self._dispatch = dispatch
        self._kind_of = kind_of
        self._seek_position = seek
        self._pace = pace or Pace()
        self._sessions = Sessions()
        self.outliving = Outliving()

    def handlers(self, guard: Guard) -> Handlers:
        pace = self._pace
        return {
            "Claim": unary(guard, "Dispatcher.Claim", self._claim, dispatch_pb2.ClaimRequest),
            "Release": unary(guard, "Dispatcher.Release", self._release, dispatch_pb2.ReleaseRequest),
            "Seek": unary(guard, "Dispatcher.Seek", self._seek, dispatch_pb2.SeekRequest),
            "Deliver": stream(guard, "Dispatcher.Deliver", self._deliver, dispatch_pb2.SliceBatch, pace),
            "Push": stream(guard, "Dispatcher.Push", self._push, dispatch_pb2.PushBatch, pace),
            "Call": stream(guard, "Dispatcher.Call", self._call, dispatch_pb2.CallBatch, pace),
        }

    def _deliver(self, caller: ServiceToken) -> DeliverTalk:
        return DeliverTalk(caller, self._dispatch.session(caller.service), self._sessions, self.outliving, self._check, self._pace)

    def _push(self, caller: ServiceToken) -> PushTalk:
        return PushTalk(caller, self._dispatch, self._check, self._pace)

    def _call(self, caller: ServiceToken) -> CallTalk:
        return CallTalk(caller, self._dispatch, self._check, self._pace)

    async def _claim(self, caller: ServiceToken, request: dispatch_pb2.ClaimRequest) -> dispatch_pb2.Claimed:
        self._check(caller, request.key.trigger)
        session = self._sessions.of(request.session, caller.service)
        claim = await session.claim(_key(request.key), assigned=request.assigned)
        return dispatch_pb2.Claimed(key=request.key, epoch=claim.epoch, position=claim.position)

    async def _release(self, caller: ServiceToken, request: dispatch_pb2.ReleaseRequest) -> dispatch_pb2.ReleaseResponse:
        session = self._sessions.of(request.session, caller.service)
        held = request.claim
        session.release(Claim(_key(held.key), held.epoch, held.position if held.HasField("position") else None))
        return dispatch_pb2.ReleaseResponse()

    async def _seek(self, caller: ServiceToken, request: dispatch_pb2.SeekRequest) -> dispatch_pb2.Claimed:
        if self._seek_position is None:
            raise ConfigurationError("this dispatcher moves no positions")
        claim = await self._seek_position(_key(request.key), request.position)
        return dispatch_pb2.Claimed(key=request.key, epoch=claim.epoch, position=claim.position)

    def _check(self, caller: ServiceToken, trigger: str) -> None:
        kind = self._kind_of(trigger)
        if kind:
            need_kind(caller, kind)


def _key(packed: event_pb2.SourceKey) -> SourceKey:
    return SourceKey(packed.trigger, packed.incarnation, packed.source)
