"""What the group assigned: claimed when it comes, let go when it is taken back."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable

import structlog

from sluice.trigger import Intake
from sluice_kafka.beginning import Beginning
from sluice_kafka.broker import Broker, Place
from sluice_kafka.offers import Offers
from sluice_kafka.partition import Partition
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.source import source_name

REVOKE_S = 0.5
"""How long a rebalance waits for offers in flight. What is given up is read again from the next claim's position."""
RECLAIM_S = 0.05
"""First pause before a lost claim is asked for again; it doubles up to the last."""
RECLAIM_MOST_S = 5.0

log = structlog.get_logger("sluice.kafka")


class Assignment:
    """The open partitions of this member. Safety is the ledger's: an owner that does not know yet that it lost a partition is refused."""

    def __init__(
        self, settings: KafkaSettings, broker: Broker, intake: Intake, tasks: asyncio.TaskGroup, changed: Callable[[], None]
    ) -> None:
        self.open: dict[Place, Partition] = {}
        self.offers = Offers(intake, tasks, self._lost, changed)
        self.taken = asyncio.Event()
        """Set once the first assignment can be read."""
        self._broker = broker
        self._intake = intake
        self._tasks = tasks
        self._changed = changed
        self._taking: set[asyncio.Task[None]] = set()
        self._beginning = Beginning(settings, broker)
        self._pauses: dict[Place, float] = {}

    async def assigned(self, places: Collection[Place]) -> None:
        self._start(self._take(places, assigned=True))

    async def revoked(self) -> None:
        """Stop reading, wait a moment for offers in flight, commit what was accepted, and let the claims go."""
        for task in self._taking:
            task.cancel()
        partitions = list(self.open.values())
        self.open.clear()
        await self.offers.settle(partitions, REVOKE_S)
        await self.commit(partitions)
        for partition in partitions:
            self._intake.release(partition.claim)

    async def commit(self, partitions: Iterable[Partition]) -> None:
        """Tell the group how far the ledger is, for those partitions where that changed."""
        behind = {partition: partition.to_commit for partition in partitions}
        offsets = {partition.place: accepted for partition, accepted in behind.items() if accepted is not None}
        if offsets and await self._broker.commit(offsets):
            for partition in behind:
                partition.committed = offsets.get(partition.place, partition.committed)

    def _start(self, taking: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(taking)
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _take(self, places: Collection[Place], *, assigned: bool) -> None:
        claims = await asyncio.gather(*(self._intake.claim(self._source(place), assigned=assigned) for place in places))
        starts = await self._beginning.of(dict(zip(places, claims, strict=True)))
        for place, claim in zip(places, claims, strict=True):
            self._open(Partition(place, claim, starts[place]))
        self.taken.set()
        self._changed()

    def _source(self, place: Place) -> str:
        return source_name(*place, self._broker.topic_id(place.topic))

    def _open(self, partition: Partition) -> None:
        self._broker.seek(partition.place, partition.next)
        self.open[partition.place] = partition
        if partition.claim.position is None:
            # The first position is kept at once, so that a restart goes on from here and not from wherever the log ends then.
            self.offers.hand_over(partition, (), partition.next)

    def _lost(self, partition: Partition, pause_s: float) -> None:
        """Stop reading, and claim again: without `assigned`, so that an owner who was assigned it after us is not robbed of it."""
        if self.open.get(partition.place) is not partition:
            return
        del self.open[partition.place]
        log.info("claim_lost", source=partition.source, epoch=partition.claim.epoch)
        before = 0.0 if partition.offers_accepted else self._pauses.get(partition.place, 0.0)
        pause = self._pauses[partition.place] = min(max(before * 2, RECLAIM_S), RECLAIM_MOST_S)
        self._start(self._take_later(partition, max(pause, pause_s)))

    async def _take_later(self, partition: Partition, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self._intake.release(partition.claim)
        await self._take([partition.place], assigned=False)
