"""Synchronous calls: somebody waits for each of them, nothing is recorded, and a function's waiting calls are bounded."""

import asyncio

from sluice.catalog import FunctionGone, Snapshot
from sluice.event import Event
from sluice.function import MAX_SYNC_TIMEOUT_S, Function
from sluice.metrics import CALLS, Counter
from sluice.outcome import Failure, FailureKind, Outcome, Reply, Verdict
from sluice.runner import Call, Runner
from sluice_dispatcher.statistics import Statistics

MAX_WAITING = 1_000
"""Calls of one function that may wait for an instance; the next one is answered 429."""
RETRY_AFTER_S = 1.0
NOT_KNOWN_YET = "the function is not known here, and control has not been heard since the start"


class Calls:
    """Runs calls at once where there is credit, and lets a bounded number wait where there is none."""

    def __init__(self, runner: Runner, snapshot: Snapshot, statistics: Statistics, max_waiting: int = MAX_WAITING) -> None:
        self._runner = runner
        self._snapshot = snapshot
        self._statistics = statistics
        self._max_waiting = max_waiting
        self.under_way: dict[str, int] = {}
        """Calls that the runner has, by function version."""
        self._waiting: dict[str, dict[asyncio.Future[Reply], Call]] = {}
        """By `Function.place`, in the order in which they came; whoever has stopped waiting is not among them."""
        self.results = Counter(CALLS)
        runner.on_credit(self._credit_grew)

    async def call(self, function_urn: str, event: Event, timeout_s: float, *, log: bool = False) -> Outcome:
        """The function's reply, or the failure in its place; RETRY when too many calls of the function wait already. A function that only
        a remembered catalog lacks may be newer than that: it cannot be started yet."""
        try:
            function = self._snapshot.resolve(function_urn, event.id, event.choice)
        except FunctionGone as error:
            if self._snapshot.remembered:
                reply = Reply(0, failure=Failure(FailureKind.START_FAILED, NOT_KNOWN_YET))
                return Outcome(Verdict.DONE, reply=reply, event_id=event.id)
            return Outcome(Verdict.REFUSED, str(error), event_id=event.id)
        call = Call(event.id, function, event.body, 1, "sync", function_urn.rpartition(":")[2], event.trace, log)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if not self._begin(call, future):
            self.results.add("refused")
            self._statistics.rejected(function)
            return Outcome(Verdict.RETRY, "too many calls of this function wait already", RETRY_AFTER_S, event_id=event.id)
        reply = await self._within(future, call, min(timeout_s, MAX_SYNC_TIMEOUT_S))
        self.results.add(reply.failure.kind if reply.failure else "ok")
        return Outcome(Verdict.DONE, reply=reply, event_id=event.id)

    def _begin(self, call: Call, future: asyncio.Future[Reply]) -> bool:
        place = call.function.place
        waiting = self._waiting.get(place)
        if not waiting and self._runner.credit(call.function) > 0:
            self._submit(call, future)
            return True
        if waiting is None:
            waiting = self._waiting[place] = {}
        if len(waiting) >= self._max_waiting:
            return False
        waiting[future] = call
        return True

    def _submit(self, call: Call, future: asyncio.Future[Reply]) -> None:
        urn = call.function.urn
        self.under_way[urn] = self.under_way.get(urn, 0) + 1

        def done(call: Call, reply: Reply) -> None:
            self.under_way[urn] -= 1
            if not self.under_way[urn]:
                del self.under_way[urn]
            self._statistics.ended(call.function, reply)
            self._runner.settled((call,))
            if not future.done():
                future.set_result(reply)

        self._runner.submit(call, done)

    async def _within(self, future: asyncio.Future[Reply], call: Call, timeout_s: float) -> Reply:
        """The reply, or TIMEOUT when the caller's time is over first. The function itself goes on until its own timeout."""
        too_late = Reply(0, failure=Failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:g} s"))
        timer = asyncio.get_running_loop().call_later(timeout_s, _answer, future, too_late)
        try:
            return await future
        finally:
            timer.cancel()
            self._forget(call.function.place, future)

    def _forget(self, place: str, future: asyncio.Future[Reply]) -> None:
        """Nobody waits for this call any more."""
        waiting = self._waiting.get(place)
        if waiting is not None:
            waiting.pop(future, None)
            if not waiting:
                del self._waiting[place]

    def _credit_grew(self, place: str) -> None:
        waiting = self._waiting.get(place)
        while waiting:
            future, call = next(iter(waiting.items()))
            function = self._as_it_is_now(call.function)
            if function is None:
                _answer(future, Reply(0, failure=Failure(FailureKind.FUNCTION_GONE, f"{call.function.urn} does not exist")))
            elif not future.done():
                if self._runner.credit(function) <= 0:
                    return
                call.function = function
                self._submit(call, future)
            del waiting[future]
        self._waiting.pop(place, None)

    def _as_it_is_now(self, function: Function) -> Function | None:
        now = self._snapshot.functions.get(function.urn)
        return now.sized(function.memory_mb) if now and function.size else now


def _answer(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not future.done():
        future.set_result(reply)
