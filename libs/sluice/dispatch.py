"""The dispatcher's port: what trigger services and the gateway hand to it.

In one process these are the dispatcher's own methods; in the mesh `sluice.wire` offers the same methods over gRPC. What answers for
an event is an Awaitable: a coroutine, or a future where a task an event would be too dear.
"""

from collections.abc import Awaitable
from typing import Protocol

from sluice.event import Event
from sluice.ledger import Claim, Slice, SourceKey
from sluice.outcome import Outcome


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

    async def close(self) -> None:
        """Let all claims go."""
        ...


class Dispatch(Protocol):
    """The dispatcher as its callers see it. An Outcome never raises for what the mesh or the function did: DONE, RETRY with a reason and
    `retry_after_s`, or REFUSED with a reason."""

    def session(self, service: str) -> Session: ...

    def push(self, trigger: str, event: Event, dedupe: str = "") -> Awaitable[Outcome]:
        """Accept one event of a source without positions, by its trigger's binding (modes ASYNC and RECORDED)."""
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
