"""What a kind's own loop is measured with: clocks, and an intake that accepts at once."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sluice.binding import Binding
from sluice.event import Record
from sluice.ledger import Claim
from sluice.outcome import DONE, Outcome
from sluice.push import Serve
from sluice.trigger import TriggerKind


class Count:
    """Runs the clocks from the first message on. `done` is set with the last one."""

    def __init__(self, messages: int) -> None:
        self._messages = messages
        self.seen = 0
        self.done = asyncio.Event()
        self._wall = self._cpu = 0.0

    def one(self) -> None:
        if not self.seen:
            self._wall, self._cpu = time.perf_counter(), time.process_time()
        self.seen += 1
        if self.seen == self._messages:
            self._wall, self._cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
            self.done.set()

    def told(self) -> dict[str, float]:
        return {"rate": self._messages / self._wall, "cpu_us": self._cpu / self._messages * 1e6}


class AcceptsAtOnce:
    """An intake without a mesh behind it. It has an event made of every `batch_size` records."""

    def __init__(self, kind: TriggerKind, binding: Binding, settings: Any, count: Count) -> None:
        self._shape = kind.shape
        self._binding = binding
        self._settings = settings
        self._count = count
        self._gathered: list[Record] = []
        self._loop = asyncio.get_running_loop()
        self.served: Serve | None = None
        """What answers requests, of a kind that is pushed to."""

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        raise NotImplementedError

    def release(self, claim: Claim) -> None:
        raise NotImplementedError

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        raise NotImplementedError

    def deliver(self, record: Record) -> "asyncio.Future[Outcome]":
        self._gathered.append(record)
        if len(self._gathered) == self._binding.batch_size:
            self._shape(self._binding, self._settings, self._gathered)
            self._gathered = []
        self._count.one()
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        answer.set_result(DONE)
        return answer

    def rest(self, until: float) -> None:
        """It reads until it is ended."""

    def serve(self, answer: Serve, *topics: str) -> None:
        self.served = answer

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        """It reads until it is ended."""

    def lag(self, source: str, records: int) -> None:
        """Nobody looks."""
