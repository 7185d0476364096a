"""An intake for tests: judges claims and slices as the ledger does, and can hold, refuse, fail and take over."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from sluice.errors import ClaimLost, Unavailable
from sluice.event import Record
from sluice.ledger import Claim, SourceKey
from sluice.outcome import DONE, Outcome, Verdict
from sluice.push import Serve

US = "us"
OTHER = "another owner"


class FakeIntake:
    """What was accepted, in order, and what the trigger did to get there."""

    def __init__(self, positions: dict[str, str] | None = None) -> None:
        self.positions: dict[str, str | None] = dict(positions or {})
        self.accepted: list[Record] = []
        self.refused: list[Record] = []
        self.waiting_records = self.waiting_bytes = 0
        self.most_records = self.most_bytes = 0
        self.lost_told = 0
        """How often an offer was answered with ClaimLost."""
        self.stale = 0
        """Offers begun on a claim after it was told to be lost: a trigger that did not stop reading."""
        self.hand_overs: list[tuple[float, Record]] = []
        """When (on the loop's clock) each record was handed over, again and again if need be."""
        self.lags: dict[str, int] = {}
        self.served: Serve | None = None
        """What answers requests to the trigger."""
        self.topics: tuple[str, ...] = ()
        self.refuses: Callable[[Record], bool] = lambda record: False
        self._failures: deque[Exception] = deque()
        self._epochs: dict[str, int] = {}
        self._holders: dict[str, str] = {}
        self._next: dict[tuple[str, int], str | None] = {}
        self._told: set[tuple[str, int]] = set()
        self._open = asyncio.Event()
        self._open.set()

    # what the trigger sees

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        while not assigned and self._holders.get(source) == OTHER:
            await self._change()
        epoch = self._take(source, US)
        position = self._next[source, epoch] = self.positions.get(source)
        return Claim(SourceKey("trigger", "1", source), epoch, position)

    def release(self, claim: Claim) -> None:
        if self._is_current(claim):
            self._holders.pop(claim.key.source)
            self._epochs[claim.key.source] += 1

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        name = (claim.key.source, claim.epoch)
        if name in self._told:
            self.stale += 1
        start = self._next[name]
        self._next[name] = to
        await self._hand_over(records)
        if not self._is_current(claim) or start != self.positions.get(claim.key.source):
            self._told.add(name)
            self.lost_told += 1
            raise ClaimLost(f"{claim.key.source} at {start}")
        self.positions[claim.key.source] = to
        for record in records:
            self._end(record)

    async def deliver(self, record: Record) -> Outcome:
        try:
            await self._hand_over((record,))
        except Unavailable as busy:
            return Outcome(Verdict.RETRY, str(busy), busy.retry_after_s)
        return DONE if self._end(record) else Outcome(Verdict.REFUSED, "refused by the test")

    def serve(self, answer: Serve, *topics: str) -> None:
        self.served, self.topics = answer, topics

    def rest(self, until: float) -> None:
        """A run that is watched is not ended by its host."""

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        """A run that is watched is not ended by its host."""

    def lag(self, source: str, records: int) -> None:
        self.lags[source] = records

    # what the test does

    def hold(self) -> None:
        """From now on the mesh is full: every hand-over waits."""
        self._open.clear()

    def let_flow(self) -> None:
        self._open.set()

    def fail_next(self, error: Exception) -> None:
        """The next hand-over raises this. Unavailable reaches `deliver` as an Outcome RETRY."""
        self._failures.append(error)

    def take_over(self, source: str) -> None:
        """Another owner, who lives, claims the source."""
        self._take(source, OTHER)

    def let_go(self, source: str) -> None:
        """That owner releases it."""
        self._holders.pop(source)

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Wait until it holds; TimeoutError after the deadline."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                await self._change()

    # between

    async def _hand_over(self, records: Sequence[Record]) -> None:
        now = asyncio.get_running_loop().time()
        self.hand_overs.extend((now, record) for record in records)
        size = sum(record.size for record in records)
        self.waiting_records += len(records)
        self.waiting_bytes += size
        self.most_records = max(self.most_records, self.waiting_records)
        self.most_bytes = max(self.most_bytes, self.waiting_bytes)
        try:
            await self._open.wait()
            if self._failures and records:
                raise self._failures.popleft()
        finally:
            self.waiting_records -= len(records)
            self.waiting_bytes -= size

    def _end(self, record: Record) -> bool:
        refused = self.refuses(record)
        (self.refused if refused else self.accepted).append(record)
        return not refused

    def _take(self, source: str, holder: str) -> int:
        self._holders[source] = holder
        self._epochs[source] = self._epochs.get(source, 0) + 1
        return self._epochs[source]

    def _is_current(self, claim: Claim) -> bool:
        source = claim.key.source
        return self._epochs.get(source) == claim.epoch and self._holders.get(source) == US

    async def _change(self) -> None:
        # Looking again every few milliseconds is honest and short; nothing here is measured.
        await asyncio.sleep(0.002)
