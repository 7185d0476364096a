"""Records of a source without positions on their way through an intake, each until it is answered for good."""

import asyncio
from collections.abc import Callable
from functools import partial

from sluice.event import Record
from sluice.outcome import Outcome, Verdict
from sluice.trigger import Intake


class HandOvers:
    """A record that is to be retried stays ours meanwhile, so that it keeps its place and the source does not give it out in a circle.
    What waits for an answer is a future, not a task. `answered(tag)` is called for what is accepted or refused."""

    def __init__(self, intake: Intake, answered: Callable[[int], None]) -> None:
        self._intake = intake
        self._answered = answered
        self._loop = asyncio.get_running_loop()
        self._open: set[asyncio.Future[Outcome]] = set()
        self._ended = False
        self._failed: asyncio.Future[None] = self._loop.create_future()

    def hand_over(self, tag: int, make: Callable[[], Record]) -> None:
        """Never raises: what goes wrong with a record, or with the intake, ends `watch`."""
        try:
            record = make()
        except Exception as bug:
            self._fail(bug)
        else:
            self._deliver(tag, record)

    async def watch(self) -> None:
        """Never returns: raises what `make` or the intake raised."""
        await asyncio.shield(self._failed)

    async def end(self) -> None:
        """Nothing more is handed over; what was not answered is nobody's."""
        self._ended = True
        self._failed.cancel()
        for answer in self._open:
            answer.cancel()
        if self._open:
            await asyncio.wait(set(self._open))

    def _deliver(self, tag: int, record: Record) -> None:
        if self._ended:
            return
        try:
            answer = asyncio.ensure_future(self._intake.deliver(record))
        except Exception as error:
            self._fail(error)
            return
        self._open.add(answer)
        answer.add_done_callback(partial(self._told, tag, record))

    def _told(self, tag: int, record: Record, answer: "asyncio.Future[Outcome]") -> None:
        self._open.discard(answer)
        if answer.cancelled():
            return
        if (error := answer.exception()) is not None:
            self._fail(error)
            return
        outcome = answer.result()
        if outcome.verdict is Verdict.RETRY:
            self._loop.call_later(outcome.retry_after_s, self._deliver, tag, record)
        else:
            self._answered(tag)

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)
