"""What came together is handed over together, and its sender is told what became of it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

import msgspec

from sluice.clock import Clock
from sluice.event import Record, id_text, random_id
from sluice.outcome import Outcome, Verdict
from sluice.trigger import Intake
from sluice_lts.log import Log
from sluice_lts.records import record_of

MOST_BYTES = 32 * 1024 * 1024
"""What is here and not yet accepted, as it was sent but unpacked; then senders are told to come again."""
WITHIN_S = 5.0
"""So long the mesh may take: exporters give up after 10 s."""
AGAIN_S = 1.0


class Told(msgspec.Struct, frozen=True):
    """`retry_after_s` over 0: all of it is to be sent again. Else all is on disk, but for `refused` of the logs, and why."""

    retry_after_s: float = 0.0
    refused: int = 0
    reason: str = ""


_ALL_TAKEN = Told()


class Arrivals:
    """Hands over what comes to one trigger, whichever way it comes."""

    def __init__(self, intake: Intake, clock: Clock, *, deduplicate: bool, whole: bool = True) -> None:
        self.whole = whole
        """Whether a filter or the function sees more of a log than FunctionGraph's part."""
        self._intake = intake
        self._clock = clock
        self._deduplicate = deduplicate
        self._bytes = 0

    async def hand_over(self, source: str, sent: bytes, logs: Sequence[Log]) -> Told:
        """Logs of one request, `sent` is what it was made of: the same bytes are the same logs. Cancelling takes out what can be."""
        if self._bytes and self._bytes + len(sent) > MOST_BYTES:
            return Told(AGAIN_S, reason="too much is here that was not yet accepted")
        self._bytes += len(sent)
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._deliver(self._records(source, sent, logs))
        except TimeoutError:
            return Told(AGAIN_S, reason="the mesh has no room")
        finally:
            self._bytes -= len(sent)

    async def hand_over_at_last(self, source: str, logs: Sequence[Log]) -> None:
        """Of a sender that cannot be told to come again: here it waits. What is refused is recorded as such, and that is all."""
        now_ms = int(self._clock.time() * 1000)
        left = [self._record(source, "", now_ms, log) for log in logs]
        while left:
            outcomes = await self._outcomes(left)
            again = [(record, outcome) for record, outcome in zip(left, outcomes, strict=True) if outcome.verdict is Verdict.RETRY]
            left = [record for record, _ in again]
            if again:
                await asyncio.sleep(max(outcome.retry_after_s or AGAIN_S for _, outcome in again))

    def now(self) -> datetime:
        """In the machine's zone."""
        return datetime.fromtimestamp(self._clock.time(), UTC).astimezone()

    def _records(self, source: str, sent: bytes, logs: Sequence[Log]) -> list[Record]:
        digest = hashlib.blake2b(sent, digest_size=12).hexdigest() if self._deduplicate else ""
        now_ms = int(self._clock.time() * 1000)
        return [self._record(source, f"{digest}-{number}" if digest else "", now_ms, log) for number, log in enumerate(logs)]

    def _record(self, source: str, name: str, now_ms: int, log: Log) -> Record:
        identifier = name if log.time else ""
        log.log_uid = identifier or id_text(random_id())
        log.time = log.time or now_ms
        return record_of(source, log, identifier)

    async def _deliver(self, records: Sequence[Record]) -> Told:
        others = [outcome for outcome in await self._outcomes(records) if outcome.verdict is not Verdict.DONE]
        again = [outcome for outcome in others if outcome.verdict is Verdict.RETRY]
        if again:
            return Told(max(outcome.retry_after_s or AGAIN_S for outcome in again), reason=again[0].reason)
        return Told(0.0, len(others), others[0].reason) if others else _ALL_TAKEN

    async def _outcomes(self, records: Sequence[Record]) -> list[Outcome]:
        """As `asyncio.gather`, which costs as much again as all the rest: most of these answers come together."""
        answers = [_future(self._intake.deliver(record)) for record in records]
        try:
            return [await answer for answer in answers]
        except BaseException:
            for answer in answers:
                if not answer.cancel() and not answer.cancelled():
                    answer.exception()
            raise


def _future(answer: Awaitable[Outcome]) -> asyncio.Future[Outcome]:
    """Mostly it is one: that is cheaper to see than asyncio makes it."""
    return answer if isinstance(answer, asyncio.Future) else asyncio.ensure_future(answer)
