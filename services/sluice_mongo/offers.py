"""Offers in flight: several of one claim at once, accepted in the order of the calls."""

import asyncio
from collections.abc import Sequence

from sluice.errors import ClaimLost, Unavailable
from sluice.event import Record
from sluice.ledger import Claim
from sluice.trigger import Intake
from sluice_mongo.shape import LEAST_ATTRIBUTES

MOST_RECORDS = 4000
"""Records that may wait for acceptance. One more read is added to them."""
MOST_BYTES = 4 * 1024 * 1024


class ReadAgain(ClaimLost):
    """What was offered was not accepted: claim again after `pause_s`, and read from there."""

    def __init__(self, pause_s: float) -> None:
        super().__init__("what was offered was not accepted")
        self.pause_s = pause_s


class Offers:
    """Its tasks belong to `tasks`, which ends with what an offer raises."""

    def __init__(self, intake: Intake, claim: Claim, tasks: asyncio.TaskGroup) -> None:
        self.accepted = False
        """Whether anything was."""
        self._intake = intake
        self._claim = claim
        self._tasks = tasks
        self._records = 0
        self._bytes = 0
        self._answers = asyncio.Event()

    def hand_over(self, records: Sequence[Record], to: str) -> int:
        """Offer without waiting; `room` says when it is time to stop. How many bytes the records have."""
        size = sum(map(_size, records))
        self._records += len(records)
        self._bytes += size
        self._tasks.create_task(self._offer(records, size, to))
        return size

    async def room(self) -> None:
        """Wait until there is some."""
        while self._records >= MOST_RECORDS or self._bytes >= MOST_BYTES:
            self._answers.clear()
            await self._answers.wait()

    async def settled(self) -> None:
        """Wait until everything was accepted."""
        while self._records:
            self._answers.clear()
            await self._answers.wait()

    async def _offer(self, records: Sequence[Record], size: int, to: str) -> None:
        try:
            await self._intake.offer(self._claim, records, to)
            self.accepted = True
        except ClaimLost as lost:
            raise ReadAgain(0.0) from lost
        except Unavailable as full:
            raise ReadAgain(full.retry_after_s) from full
        finally:
            self._records -= len(records)
            self._bytes -= size
            self._answers.set()


def _size(record: Record) -> int:
    """Bytes that the record holds, or nearly."""
    size = len(record.value or b"")
    if len(record.attributes) <= LEAST_ATTRIBUTES:
        return size
    return size + sum([len(text) for _, text in record.attributes])
