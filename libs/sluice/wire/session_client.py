"""A trigger service's session with a dispatcher in another process (`sluice.dispatch.Session`)."""

import asyncio
from collections import deque
from collections.abc import Sequence

from sluice.dispatch import Told, accept_each
from sluice.errors import ConfigurationError, SluiceError, Unavailable
from sluice.ledger import Claim, Slice, SourceKey
from sluice.outcome import Outcome
from sluice.v1 import dispatch_pb2, event_pb2
from sluice.wire.events import unpack_outcome
from sluice.wire.link import Link, Notice
from sluice.wire.pace import Pace
from sluice.wire.peer import Asker, Peer
from sluice.wire.pipe import Pipe
from sluice.wire.slices import Parcel, fill
from sluice.wire.window import Window

DeliverPipe = Pipe[dispatch_pb2.SliceBatch, dispatch_pb2.OutcomeBatch]


class RemoteSession:
    """Claims end with the stream they were made on: after a loss `accept` raises Unavailable until the source is claimed again."""

    def __init__(self, peer: Peer, pace: Pace, notice: Notice) -> None:
        self._pace = pace
        self._asker = Asker(peer, "Dispatcher")
        self._link = Link(peer, "Dispatcher.Deliver", self, dispatch_pb2.OutcomeBatch, pace, notice)
        self._pipe: DeliverPipe | None = None
        self._running: asyncio.Task[None] | None = None
        self._closed = False
        self._number = 0
        self._releases: set[asyncio.Future[dispatch_pb2.ReleaseResponse]] = set()
        self._fresh("no connection yet")

    def start(self) -> None:
        self._running = asyncio.ensure_future(self._link.run())

    def _fresh(self, why: str) -> None:
        """Nothing is known on the other end."""
        self._session: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._why = why
        self._sources: dict[SourceKey, int] = {}
        self._unnamed: list[dispatch_pb2.Source] = []
        self._ready: deque[Parcel] = deque()
        self._weight = 0
        self._held: dict[str, deque[Parcel]] = {}
        self._open: dict[int, tuple[asyncio.Future[None], Parcel]] = {}
        self._window = Window(self._pace.window_events, self._pace.window_size)

    # The port.

    async def claim(self, key: SourceKey, *, assigned: bool = False) -> Claim:
        """As `Session.claim`; also waits while the dispatcher cannot be reached. Raises ConfigurationError when it refuses us."""
        while True:
            if self._closed:
                raise Unavailable("the session is closed")
            session, lost = await asyncio.shield(self._session), self._lost
            claim = await self._claim(session, key, lost, assigned=assigned)
            if claim is not None and self._lost is lost:
                self._name(key)
                return claim

    async def _claim(self, session: str, key: SourceKey, lost: "asyncio.Future[None]", *, assigned: bool) -> Claim | None:
        """The claim, or nothing if the connection was lost meanwhile."""
        request = dispatch_pb2.ClaimRequest(session=session, key=_pack_key(key), assigned=assigned)
        asking = asyncio.ensure_future(self._asker.ask("Claim", request, dispatch_pb2.Claimed, None))
        try:
            await asyncio.wait((asking, lost), return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return None
            answer = asking.result()
        except Unavailable as error:
            # as a rule the stream breaks with it; where it does not, this is not asked in a circle
            await asyncio.wait((lost,), timeout=error.retry_after_s)
            return None
        except asyncio.CancelledError:
            # it may have been granted already, and nobody is going to read
            self._let_go(session, key, 0)
            raise
        finally:
            asking.cancel()
        return Claim(key, answer.epoch, answer.position if answer.HasField("position") else None)

    def _name(self, key: SourceKey) -> None:
        if key not in self._sources:
            self._sources[key] = number = len(self._sources) + 1
            self._unnamed.append(dispatch_pb2.Source(number=number, key=_pack_key(key)))

    def release(self, claim: Claim) -> None:
        if claim.key in self._sources and self._session.done():
            self._let_go(self._session.result(), claim.key, claim.epoch)

    def _let_go(self, session: str, key: SourceKey, epoch: int) -> None:
        request = dispatch_pb2.ReleaseRequest(session=session, claim=dispatch_pb2.Claimed(key=_pack_key(key), epoch=epoch))
        release = asyncio.ensure_future(self._asker.ask("Release", request, dispatch_pb2.ReleaseResponse))
        self._releases.add(release)
        release.add_done_callback(self._released)

    def _released(self, release: "asyncio.Future[dispatch_pb2.ReleaseResponse]") -> None:
        self._releases.discard(release)
        # a release that does not arrive is made up for by the end of the session
        if not release.cancelled():
            release.exception()

    def accept(self, piece: Slice) -> "asyncio.Future[None]":
        accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        source = self._sources.get(piece.key)
        if source is None:
            accepted.set_exception(Unavailable(f"{piece.key.source} is not claimed on this connection: {self._why}"))
            return accepted
        self._number += 1
        parcel = Parcel(self._number, source, piece)
        self._open[parcel.number] = (accepted, parcel)
        held = self._held.get(piece.key.trigger)
        if held is None and self._window.fits(piece.key.trigger, parcel.count, parcel.size):
            self._admit(parcel)
        elif held is None:
            self._held[piece.key.trigger] = deque((parcel,))
        else:
            held.append(parcel)
        return accepted

    def accept_all(self, pieces: Sequence[Slice], told: Told) -> None:
        accept_each(self.accept, pieces, told)

    async def close(self) -> None:
        self._closed = True
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, *self._releases, return_exceptions=True)
        self._lose(Unavailable("the session is closed"))
        await self._asker.close()

    # The talk.

    def opened(self, pipe: DeliverPipe) -> None:
        self._pipe = pipe

    def closed(self, why: SluiceError) -> None:
        self._pipe = None
        self._lose(why)

    def waiting(self) -> int:
        return self._weight

    def compose(self) -> dispatch_pb2.SliceBatch:
        sources, self._unnamed = self._unnamed, []
        batch = fill(self._ready, self._pace)
        batch.sources.extend(sources)
        self._weight = sum([parcel.count for parcel in self._ready])
        return batch

    def heard(self, message: dispatch_pb2.OutcomeBatch) -> None:
        if message.session and not self._session.done():
            self._session.set_result(message.session)
        for number in message.done:
            self._answer(number, None)
        for packed in message.outcomes:
            outcome = unpack_outcome(packed)
            self._answer(packed.number, Unavailable(outcome.reason) if isinstance(outcome, Outcome) else outcome)
        if self._held:
            self._admit_held()

    def beat(self) -> None:
        """Nothing gets old here: who offers a slice waits for as long as it takes."""

    # What is between them.

    def _admit(self, parcel: Parcel) -> None:
        self._window.enter(parcel.piece.key.trigger, parcel.count, parcel.size)
        self._ready.append(parcel)
        self._weight += parcel.count
        if self._pipe is not None:
            self._pipe.wake()

    def _admit_held(self) -> None:
        for trigger, held in list(self._held.items()):
            while held and self._window.fits(trigger, held[0].count, held[0].size):
                self._admit(held.popleft())
            if not held:
                del self._held[trigger]

    def _answer(self, number: int, error: Exception | None) -> None:
        accepted, parcel = self._open.pop(number)
        self._window.leave(parcel.piece.key.trigger, parcel.count, parcel.size)
        if accepted.done():
            return
        if error is None:
            accepted.set_result(None)
        else:
            accepted.set_exception(error)

    def _lose(self, why: SluiceError) -> None:
        """Whatever was not answered: nobody knows whether it was accepted; the next claim tells."""
        session, lost, unanswered = self._session, self._lost, self._open
        self._fresh(str(why))
        if isinstance(why, ConfigurationError) or self._closed:
            self._refuse(session, why)
        elif not session.done():
            self._session = session
        if not lost.done():
            lost.set_result(None)
        for accepted, _ in unanswered.values():
            if not accepted.done():
                accepted.set_exception(Unavailable(str(why)))

    def _refuse(self, session: "asyncio.Future[str]", why: SluiceError) -> None:
        if not session.done():
            session.set_exception(why)
            session.exception()


def _pack_key(key: SourceKey) -> event_pb2.SourceKey:
    return event_pb2.SourceKey(trigger=key.trigger, incarnation=key.incarnation, source=key.source)
