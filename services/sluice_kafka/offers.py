"""Offers in flight: several of one partition at once, accepted in the order of the calls."""

import asyncio
from collections.abc import Callable, Sequence

from sluice.errors import ClaimLost, Unavailable
from sluice.event import Record
from sluice.trigger import Intake
from sluice_kafka.partition import Partition

Lost = Callable[[Partition, float], None]

ALL_RECORDS = 20_000
"""Records of all partitions of one trigger that may wait for acceptance, and one read more."""
ALL_BYTES = 32 * 1024 * 1024


class Offers:
    """`lost(partition, pause_s)` is called when the partition has to be claimed again; `room()` when there may be room again after there
    was none. Anything else that an offer raises ends the trigger."""

    def __init__(self, intake: Intake, tasks: asyncio.TaskGroup, lost: Lost, room: Callable[[], None]) -> None:
        self._intake = intake
        self._tasks = tasks
        self._lost = lost
        self._room = room
        self._records = 0
        self._bytes = 0

    def has_room(self, partition: Partition) -> bool:
        return partition.has_room and self._records < ALL_RECORDS and self._bytes < ALL_BYTES

    def hand_over(self, partition: Partition, records: Sequence[Record], to: int) -> int:
        """Offer without waiting; `has_room` says when it is time to stop. How many bytes the records have."""
        size = sum([record.size for record in records])
        self._records += len(records)
        self._bytes += size
        partition.handed_over(len(records), size, to)
        task = self._tasks.create_task(self._offer(partition, records, size, to))
        partition.offers.add(task)
        task.add_done_callback(partition.offers.discard)
        return size

    async def _offer(self, partition: Partition, records: Sequence[Record], size: int, to: int) -> None:
        try:
            await self._intake.offer(partition.claim, records, str(to))
        except ClaimLost:
            self._lost(partition, 0.0)
        except Unavailable as unavailable:
            self._lost(partition, unavailable.retry_after_s)
        else:
            partition.accept(to)
        finally:
            self._answered(partition, len(records), size)

    def _answered(self, partition: Partition, records: int, size: int) -> None:
        had_room = self.has_room(partition)
        self._records -= records
        self._bytes -= size
        partition.answered(records, size)
        if not had_room:
            self._room()

    async def settle(self, partitions: Sequence[Partition], timeout_s: float) -> None:
        """Wait for the answers of these partitions, and give up on those that take longer."""
        flying = [task for partition in partitions for task in partition.offers]
        if flying:
            await asyncio.wait(flying, timeout=timeout_s)
        for task in flying:
            task.cancel()
