"""Offers in flight: several of one partition at once, accepted in the order of the calls."""

import asyncio
from collections.abc import Callable, Sequence

from sluice.errors import ClaimLost, Unavailable
from sluice.event import Record
from sluice.trigger import Intake
from sluice_kafka.partition import Partition

Lost = Callable[[Partition, float], None]


class Offers:
    """`lost(partition, pause_s)` is called when the partition has to be claimed again; `answered()` after every answer, for whoever
    waits for room. Anything else that an offer raises ends the trigger."""

    def __init__(self, intake: Intake, tasks: asyncio.TaskGroup, lost: Lost, answered: Callable[[], None]) -> None:
        self._intake = intake
        self._tasks = tasks
        self._lost = lost
        self._answered = answered
        self._flying: dict[Partition, set[asyncio.Task[None]]] = {}

    def hand_over(self, partition: Partition, records: Sequence[Record], to: int) -> None:
        """Offer without waiting; `partition.has_room` says when it is time to stop."""
        size = sum([record.size for record in records])
        partition.handed_over(len(records), size, to)
        task = self._tasks.create_task(self._offer(partition, records, size, to))
        flying = self._flying.setdefault(partition, set())
        flying.add(task)
        task.add_done_callback(flying.discard)

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
            partition.answered(len(records), size)
            self._answered()

    async def settle(self, partitions: Sequence[Partition], timeout_s: float) -> None:
        """Wait for the answers of these partitions, and give up on those that take longer."""
        flying = [task for partition in partitions for task in self._flying.pop(partition, ())]
        if flying:
            await asyncio.wait(flying, timeout=timeout_s)
        for task in flying:
            task.cancel()
