"""What waits in the ledger on its way into the queues: page by page, and judged where a dispatcher died over it."""

from collections.abc import Awaitable, Callable, Sequence

from sluice.binding import Mode
from sluice.clock import Clock
from sluice.ledger import Ended, Ledger, Pending, Retry
from sluice.outcome import FailureKind, Reply
from sluice_dispatcher.policy import Finish, interrupted
from sluice_dispatcher.queue import FunctionQueue
from sluice_dispatcher.settling import ended

PAGE_EVENTS = 1_024
PAGE_BYTES = 4 * 1024 * 1024

Settle = Callable[[Sequence[Ended | Retry]], Awaitable[None]]


class Loading:
    """`settle` returns when what an interrupted attempt has come to is on disk; `ended` hears of each end among it then."""

    def __init__(self, ledger: Ledger, clock: Clock, settle: Settle, ended: Callable[[Ended], None], *, calls_outlive_us: bool) -> None:
        self._ledger = ledger
        self._clock = clock
        self._settle = settle
        self._on_end = ended
        self._calls_outlive_us = calls_outlive_us
        self._loading: set[str] = set()
        self._suspects: frozenset[int] = frozenset()

    async def recover(self) -> list[str]:
        """The functions of which something waits, when this dispatcher starts."""
        self._suspects = await self._ledger.interrupted()
        return list(await self._ledger.waiting())

    def begins(self, queue: FunctionQueue) -> bool:
        """Whether the next page may be loaded now; then `load` is to be awaited."""
        if queue.function in self._loading:
            return False
        self._loading.add(queue.function)
        return True

    async def load(self, queue: FunctionQueue) -> None:
        """Take the next page into the queue."""
        try:
            after = queue.highest
            page = await self._ledger.read(queue.function, after, min(PAGE_EVENTS, queue.room), PAGE_BYTES)
            events = await self._without_suspects(page.events)
            queue.load(after, events, page.events[-1].sequence if page.events else after, more=page.next != 0)
        finally:
            self._loading.discard(queue.function)

    async def _without_suspects(self, events: list[Pending]) -> list[Pending]:
        """Judge what was running when the dispatcher died: its call has an unknown fate and counts as lost."""
        now = self._clock.time()
        kept: list[Pending] = []
        results: list[Ended | Retry] = []
        for pending in events:
            if not self._is_suspect(pending):
                kept.append(pending)
                continue
            decision = interrupted(pending, now)
            if isinstance(decision, Finish):
                results.append(ended(pending, decision, Reply(0), now))
            else:
                kept.append(pending)
                results.append(Retry(pending, FailureKind.LOST, "it was running when its dispatcher ended", now))
        if results:
            await self._settle(results)
            for result in results:
                if isinstance(result, Ended):
                    self._on_end(result)
        return kept

    def _is_suspect(self, pending: Pending) -> bool:
        """A runner in another process still has the call, or its answer: handed over again as the same attempt, it is taken over there.
        A recorded event of which an attempt began is never offered twice, whatever the ledger had time to hear of it."""
        lost = pending.sequence in self._suspects and not self._calls_outlive_us
        return lost or (pending.route.mode is Mode.RECORDED and pending.executions > 0)
