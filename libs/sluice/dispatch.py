"""The dispatcher's port: what trigger services and the gateway hand to it.

In one process these are the dispatcher's own methods; in the mesh `sluice.wire` offers the same methods over gRPC. What answers for
an event is an Awaitable: a coroutine, or a future where a task an event would be too dear.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from sluice.errors import Unavailable
from sluice.event import Event
from sluice.ledger import Claim, Slice, SourceKey
from sluice.outcome import Outcome

CALLER_WAITS_S = 0.5
"""How long an event waits for room whose sender holds a connection open for the answer."""

Told = Callable[[int, Exception | None], None]
"""Hears what became of the slice of that index: accepted, or what `Session.accept` would have raised."""


class Session(Protocol):
    """One trigger service's connection. Claims live as long as their session, or until they are taken over."""

    async def claim(self, key: SourceKey, *, assigned: bool = False) -> Claim:
        """A new epoch of the source. Waits while another living session holds it, unless `assigned`: then it is taken over at once."""
        ...

    def release(self, claim: Claim) -> None: ...

    def accept(self, piece: Slice) -> Awaitable[None]:
        """Accepted, on disk, when it returns. Waits while the trigger has `max_pending` events open. Slices of one source handed over
        before earlier ones have returned are accepted in the order of the calls. Raises ClaimLost; Unavailable (trigger unknown or
        disabled, disk full) means: offer it again."""
        ...

    def accept_all(self, pieces: Sequence[Slice], told: Told) -> None:
        """`accept` of slices of different sources, in their order and with as few commits as there is room for. `told` hears once of
        each, not before this has returned; one that has to wait holds up no other."""
        ...

    async def close(self) -> None:
        """Let all claims go."""
        ...


class Dispatch(Protocol):
    """The dispatcher as its callers see it. An Outcome never raises for what the mesh or the function did: DONE, RETRY with a reason and
    `retry_after_s`, or REFUSED with a reason."""

    def session(self, service: str) -> Session: ...

    def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Awaitable[Outcome]:
        """Accept one event of a source without positions, by its trigger's binding (modes ASYNC and RECORDED). `dedupe` are the ids of its
        records, as far as they have any: known ones are not accepted again. DONE for an event whose ids are all known; RETRY with
        `known` where only some are. REFUSED is recorded as a dead event.

        While the trigger has `max_pending` events open it waits, behind those that were pushed before and in front of nobody else's, for
        `wait_s` at most: then RETRY, with `full`. Whoever cancels it while it waits takes the event back; one that is on its way to the
        disk is accepted none the less."""
        ...

    def filtered(self, trigger: str, records: int) -> None:
        """Count records of a source without positions that no event holds because they matched no filter. Not confirmed: what is on its way
        when a process dies is not counted."""
        ...

    def call(self, trigger: str, event: Event, timeout_s: float) -> Awaitable[Outcome]:
        """Run one event of a synchronous trigger now. DONE with `reply` (also for failures of the function: `reply.failure`);
        RETRY when the function's bound of waiting calls is used up (429)."""
        ...

    def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Awaitable[Outcome]:
        """A synchronous invocation through the API, as `call`, of a full URN with version or !alias. At most 900 s."""
        ...

    def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Awaitable[Outcome]:
        """An asynchronous invocation through the API: on disk when it answers DONE. Its trigger id in counters and
        records is `api:<project>`."""
        ...


def accept_each(accept: Callable[[Slice], Awaitable[None]], pieces: Sequence[Slice], told: Told) -> None:
    """`Session.accept_all` where slices are gathered further on anyway."""
    for index, piece in enumerate(pieces):
        asyncio.ensure_future(accept(piece)).add_done_callback(partial(_tell, told, index))


def _tell(told: Told, index: int, accepting: "asyncio.Future[None]") -> None:
    error = Unavailable("the session is closed") if accepting.cancelled() else accepting.exception()
    if error is None or isinstance(error, Exception):
        told(index, error)
