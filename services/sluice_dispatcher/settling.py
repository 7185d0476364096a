"""What attempts have come to, on its way to the disk: gathered while one settlement is written, and settled together with the next."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog

from sluice.errors import ConfigurationError, SluiceError
from sluice.ledger import Ended, Ledger, Pending, Retry
from sluice.outcome import Reply
from sluice.runner import Call, Runner
from sluice_dispatcher.policy import Finish
from sluice_dispatcher.queue import FunctionQueue

SETTLE_AGAIN_S = 0.5

log = structlog.get_logger()

Result = tuple[FunctionQueue, Ended | Retry]


class Settling:
    """`running` are the sequences that the ledger is to know as under way; `settled` hears of each batch once it is on disk."""

    def __init__(
        self,
        ledger: Ledger,
        runner: Runner,
        running: Callable[[], Iterable[int]],
        settled: Callable[[Sequence[Result]], None],
    ) -> None:
        self._ledger = ledger
        self._runner = runner
        self._running = running
        self._settled = settled
        self._results: list[Result] = []
        self._replied: list[Call] = []
        """Those whose replies made the results."""
        self._have_results = asyncio.Event()

    def __len__(self) -> int:
        """Results that no settlement has begun with."""
        return len(self._results)

    def add(self, queue: FunctionQueue, result: Ended | Retry) -> None:
        self._results.append((queue, result))
        self._have_results.set()

    def replied(self, call: Call) -> None:
        """The runner may forget the call's reply with the settlement that follows."""
        self._replied.append(call)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._have_results.wait()
            self._have_results.clear()
            batch, self._results = self._results, []
            replied, self._replied = self._replied, []
            self._ledger.in_flight(list(self._running()))
            await self.settle([result for _, result in batch])
            self._runner.settled(replied)
            self._settled(batch)

    async def settle(self, results: Sequence[Ended | Retry]) -> None:
        """On disk, whatever it takes: nobody else knows these ends."""
        while True:
            try:
                await self._ledger.settle(results)
            except ConfigurationError:
                raise  # the ledger is no longer ours, or damaged: nothing may be done in its name
            except SluiceError as error:
                log.error("ends could not be settled", ends=len(results), reason=str(error))
                await asyncio.sleep(SETTLE_AGAIN_S)
            else:
                return


def ended(pending: Pending, finish: Finish, reply: Reply, now: float) -> Ended:
    """How an event ends, with what its last attempt answered."""
    if finish.failure is None:
        return Ended(pending, finish.end, now, reply.duration_ms, None, "", reply.status)
    return Ended(pending, finish.end, now, reply.duration_ms, finish.failure.kind, finish.failure.message, reply.status)
