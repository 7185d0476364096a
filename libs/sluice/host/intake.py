"""The intake that a trigger hands its records to (`sluice.trigger.Intake`): one for each running trigger."""

import asyncio
import math
from collections.abc import Awaitable, Sequence

from sluice.binding import Binding, Mode
from sluice.clock import Clock
from sluice.dispatch import CALLER_WAITS_S, Dispatch, Session
from sluice.errors import ClaimLost, Unavailable
from sluice.event import Record
from sluice.host.batching import Batching
from sluice.host.doors import LocalDoors
from sluice.host.gathering import Gathering
from sluice.ledger import Claim, Slice, SourceKey
from sluice.outcome import DONE, Outcome
from sluice.push import Serve

CALL_TIMEOUT_S = 900.0
TELL_FILTERED_S = 0.5
SHORTEST_REST_S = 10.0
"""Below this it costs more to end a run and begin another than to let it wait."""


class Rested(Exception):
    """Ends a run that has nothing to do before `until` (seconds since the epoch), and then `piece` to hand over, if it was planned."""

    def __init__(self, until: float, piece: Slice | None = None) -> None:
        super().__init__(until)
        self.until = until
        self.piece = piece


class HostIntake:
    """Filters, batches and hands over; knows what it holds, so that all of it can be let go. `held` are the claims of a run that rested;
    without a clock none does. With `doors` whatever is delivered has a sender who waits for the answer."""

    __slots__ = (
        "_batching",
        "_binding",
        "_clock",
        "_dispatch",
        "_doors",
        "_filtered",
        "_gathering",
        "_held",
        "_served",
        "_session",
        "_sources",
        "_telling",
        "_wait_s",
        "lags",
    )

    def __init__(
        self,
        binding: Binding,
        session: Session,
        dispatch: Dispatch,
        batching: Batching,
        clock: Clock | None = None,
        held: Sequence[Claim] = (),
        doors: LocalDoors | None = None,
    ) -> None:
        self._binding = binding
        self._session = session
        self._dispatch = dispatch
        self._batching = batching
        self._clock = clock
        self._doors = doors
        self._wait_s = math.inf if doors is None else CALLER_WAITS_S
        self._served: Serve | None = None
        self._held = {claim.key.source: claim for claim in held}
        self._sources: dict[str, _Source] = {}
        self._gathering: Gathering | None = None
        self._filtered = 0
        """Delivered records that matched no filter, not yet told to the dispatcher."""
        self._telling: asyncio.TimerHandle | None = None
        self.lags: dict[str, int] = {}

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        claim = self._held.pop(source, None)
        if claim is None or assigned:
            key = SourceKey(self._binding.trigger, self._binding.incarnation, source)
            claim = await self._session.claim(key, assigned=assigned)
        before = self._sources.get(source)
        if before is not None:
            before.end()
        self._sources[source] = _Source(claim, self._session, self._batching, self._binding)
        return claim

    def release(self, claim: Claim) -> None:
        source = self._sources.get(claim.key.source)
        if source is not None and source.claim.epoch == claim.epoch:
            source.end()
            del self._sources[claim.key.source]
            self.lags.pop(claim.key.source, None)
            self._session.release(claim)

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        source = self._sources.get(claim.key.source)
        if source is None or source.claim.epoch != claim.epoch:
            raise ClaimLost(f"{claim.key.source} was claimed again or let go")
        await source.offer(records, to)

    def deliver(self, record: Record) -> Awaitable[Outcome]:
        kept = self._batching.kept((record,))
        if not kept:
            return self._filtered_one()
        binding = self._binding
        if binding.mode is Mode.SYNC:
            return self._dispatch.call(binding.trigger, self._batching.delivered(kept), CALL_TIMEOUT_S)
        if binding.batch_size == 1:
            ids = (record.id,) if record.id else ()
            return self._dispatch.push(binding.trigger, self._batching.delivered(kept), ids, self._wait_s)
        if self._gathering is None:
            self._gathering = Gathering(binding, self._dispatch, self._batching, self._wait_s)
        return self._gathering.deliver(record)

    def _filtered_one(self) -> Awaitable[Outcome]:
        """Counted with others: a transaction for each would cost more than what was saved."""
        loop = asyncio.get_running_loop()
        if not self._filtered:
            self._telling = loop.call_later(TELL_FILTERED_S, self._tell_filtered)
        self._filtered += 1
        done: asyncio.Future[Outcome] = loop.create_future()
        done.set_result(DONE)
        return done

    def _tell_filtered(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
            self._dispatch.filtered(self._binding.trigger, self._filtered)
            self._filtered = 0

    def serve(self, answer: Serve, *topics: str) -> None:
        if self._doors is None:
            raise RuntimeError(f"the kind {self._binding.kind} is not pushed to")
        self._served = answer
        self._doors.open(self._binding, answer, topics)

    def rest(self, until: float) -> None:
        if self._clock is None or until - self._clock.time() < SHORTEST_REST_S:
            return
        if not self._held and all(source.idle for source in self._sources.values()):
            raise Rested(until)

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        source = self._sources.get(claim.key.source)
        if self._clock is None or source is None or source.claim.epoch != claim.epoch or self._held or len(self._sources) > 1:
            return
        if source.idle and at - self._clock.time() < SHORTEST_REST_S:
            raise Rested(at, source.piece(records, to))

    def keep(self) -> tuple[Claim, ...]:
        """The claims, for the run after a rest, each at the position reached; they are no longer this one's to let go."""
        kept = tuple(source.reached() for source in self._sources.values())
        self._sources.clear()
        return kept

    def lag(self, source: str, records: int) -> None:
        self.lags[source] = records

    def close(self) -> None:
        """Let every source go, and what is gathered."""
        if self._doors is not None and self._served is not None:
            self._doors.shut(self._binding, self._served)
        self._tell_filtered()
        if self._gathering is not None:
            self._gathering.close()
        for source in list(self._sources.values()):
            self.release(source.claim)
        for claim in self._held.values():
            self._session.release(claim)
        self._held.clear()


class _Source:
    """One claimed source: slices in order, and the records that linger for a fuller batch."""

    __slots__ = (
        "_batching",
        "_done",
        "_filtered",
        "_linger_s",
        "_lingering",
        "_lost",
        "_next",
        "_session",
        "_size",
        "_timer",
        "_to",
        "claim",
    )

    def __init__(self, claim: Claim, session: Session, batching: Batching, binding: Binding) -> None:
        self.claim = claim
        self._session = session
        self._batching = batching
        self._size = binding.batch_size
        self._linger_s = binding.linger_s
        self._next = claim.position
        self._lingering: list[Record] = []
        self._to = ""
        self._filtered = 0
        self._done: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lost = False

    async def offer(self, records: Sequence[Record], to: str) -> None:
        if self._lost:
            raise ClaimLost(f"{self.claim.key.source}: an earlier slice was not accepted")
        kept = self._batching.kept(records)
        if self._linger_s and self._size > 1:
            await self._linger(kept, to, len(records) - len(kept))
        else:
            await self._hand_over(kept, to, len(records) - len(kept))

    def piece(self, records: Sequence[Record], to: str) -> Slice:
        """What would be handed over now."""
        kept = self._batching.kept(records)
        return self._piece(kept, to, len(records) - len(kept))

    def _piece(self, kept: Sequence[Record], to: str, filtered: int) -> Slice:
        return Slice(self.claim.key, self.claim.epoch, self._next, to, self._batching.events(kept), filtered)

    async def _hand_over(self, records: Sequence[Record], to: str, filtered: int) -> None:
        piece = self._piece(records, to, filtered)
        self._next = to
        try:
            await self._session.accept(piece)
        except ClaimLost:
            self._lost = True
            raise
        except Unavailable as error:
            # slices behind this one can no longer follow it: read again from what was accepted
            self._lost = True
            await asyncio.sleep(error.retry_after_s)
            raise ClaimLost(str(error)) from error

    async def _linger(self, records: Sequence[Record], to: str, filtered: int) -> None:
        """Gather until a batch is full or the oldest record has waited `linger`; all offers gathered are accepted together."""
        self._lingering.extend(records)
        self._to = to
        self._filtered += filtered
        loop = asyncio.get_running_loop()
        done = self._done
        if done is None:
            done = self._done = loop.create_future()
            self._timer = loop.call_later(self._linger_s if self._lingering else 0, self._flush_soon)
        if len(self._lingering) >= self._size and self._timer is not None:
            self._timer.cancel()
            self._flush_soon()
        await asyncio.shield(done)

    def _flush_soon(self) -> None:
        done, self._done, self._timer = self._done, None, None
        records, self._lingering = self._lingering, []
        filtered, self._filtered = self._filtered, 0
        if done is not None:
            task = asyncio.ensure_future(self._hand_over(records, self._to, filtered))
            task.add_done_callback(lambda ended: _pass_on(ended, done))

    @property
    def idle(self) -> bool:
        """Whether nothing lingers, and what was offered was accepted."""
        return self._done is None and not self._lost

    def reached(self) -> Claim:
        return Claim(self.claim.key, self.claim.epoch, self._next)

    def end(self) -> None:
        self._lost = True
        if self._timer is not None:
            self._timer.cancel()
        if self._done is not None and not self._done.done():
            self._done.set_exception(ClaimLost(f"{self.claim.key.source} was let go"))
            self._done.exception()


def _pass_on(ended: "asyncio.Task[None]", done: "asyncio.Future[None]") -> None:
    if done.done():
        return
    if ended.cancelled():
        done.cancel()
    elif error := ended.exception():
        done.set_exception(error)
        done.exception()
    else:
        done.set_result(None)
