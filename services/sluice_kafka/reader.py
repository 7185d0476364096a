"""The loop between the broker and the intake."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

import structlog

from sluice.clock import Clock
from sluice.errors import SourceRefused
from sluice.trigger import Intake
from sluice_kafka.assignment import Assignment
from sluice_kafka.broker import Broker, OutsideLog, Place
from sluice_kafka.cloudevents import event_record
from sluice_kafka.pace import Pace
from sluice_kafka.partition import Partition
from sluice_kafka.record import Message, gap_record, record_of
from sluice_kafka.settings import KafkaSettings

READ_RECORDS = 1000
"""Most records of one read."""
READ_BYTES = 4 * 1024 * 1024
"""Aim of one read: fewer records are asked for while they are large."""
TICK_S = 1.0
"""How often offsets are committed, lag is reported, and positions follow markers."""

log = structlog.get_logger("sluice.kafka")


class Reader:
    """Reads the open partitions that have room, and offers what it read. A partition without room is left out, and the driver stops
    fetching it once its buffer is full."""

    def __init__(
        self, settings: KafkaSettings, broker: Broker, intake: Intake, tasks: asyncio.TaskGroup, clock: Clock, tick_s: float = TICK_S
    ) -> None:
        self.assignment = Assignment(settings, broker, intake, tasks, self._wake)
        self._settings = settings
        self._broker = broker
        self._intake = intake
        self._tasks = tasks
        self._clock = clock
        self._tick_s = tick_s
        self._pace = Pace()
        self._most = READ_RECORDS
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[Mapping[Place, Sequence[Message]]] | None = None

    async def run(self) -> None:
        self._tasks.create_task(self._commit())
        tick = self._clock.monotonic()
        while True:
            has_room = self.assignment.offers.has_room
            partitions = {place: partition for place, partition in self.assignment.open.items() if has_room(partition)}
            records = await self._read(partitions) if partitions else await self._wait()
            now = self._clock.monotonic()
            if now - tick >= self._tick_s:
                tick = now
                await self._look()
            await asyncio.sleep(self._pace.pause(now, records))

    async def _read(self, partitions: Mapping[Place, Partition]) -> int:
        """One read, handed over. How many records it had."""
        try:
            batches = await self._next(partitions)
        except OutsideLog as outside:
            await self._move(outside.places)
            return 0
        for place, messages in batches.items():
            # A partition that was taken back or lost meanwhile is read again by whoever claims it next.
            if self.assignment.open.get(place) is partitions[place]:
                self._hand_over(partitions[place], messages)
        return sum(map(len, batches.values()))

    async def _next(self, places: Collection[Place]) -> Mapping[Place, Sequence[Message]]:
        batches = await self._broker.read(places, self._most, 0)
        if batches:
            return batches
        # Nothing is there: wait for records, or for a partition that may be read again.
        self._reading = asyncio.create_task(self._broker.read(places, self._most, self._tick_s))
        try:
            return await self._reading
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            return {}  # only the reading was cancelled, by `_wake`

    async def _wait(self) -> int:
        self._changed.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), self._tick_s)
        return 0

    def _wake(self) -> None:
        """A partition was opened, or there is room again."""
        self._changed.set()
        if self._reading is not None:
            self._reading.cancel()

    def _hand_over(self, partition: Partition, messages: Sequence[Message]) -> None:
        source, metadata = partition.source, self._settings.metadata
        if self._settings.cloudevents:
            records = [event_record(message, source) for message in messages]
        else:
            records = [record_of(message, source, metadata) for message in messages]
        size = self.assignment.offers.hand_over(partition, records, messages[-1].offset + 1)
        self._most = max(1, min(READ_RECORDS, READ_BYTES * len(records) // max(size, 1)))

    async def _look(self) -> None:
        """Let positions follow markers and compacted records, and report lag. Only between reads: what a read gave is handed over."""
        for place, partition in list(self.assignment.open.items()):
            position = await self._broker.position(place)
            if position is None or self.assignment.open.get(place) is not partition:
                continue
            if position > partition.next:
                self.assignment.offers.hand_over(partition, (), position)
            end = self._broker.end(place)
            if end is not None:
                self._intake.lag(partition.source, max(end - partition.next, 0))

    async def _move(self, places: Collection[Place]) -> None:
        """The log does not hold the position: do what the settings say, and tell the function what was lost."""
        await self._broker.confirm()
        policy = self._settings.position_lost
        for place in places:
            partition = self.assignment.open.get(place)
            if partition is None:
                continue
            first, end = await self._broker.bounds(place)
            log.warning("position_lost", source=partition.source, position=partition.next, first=first, end=end, position_lost=policy)
            if policy == "stop":
                raise SourceRefused(f"position {partition.next} of {partition.source} is outside the log ({first} to {end})")
            to = first if policy == "earliest" else end
            gap = gap_record(partition.source, partition.next, to, policy, int(self._clock.time() * 1000))
            self._broker.seek(place, to)
            self.assignment.offers.hand_over(partition, [gap], to)

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            await self.assignment.commit(self.assignment.open.values())


def _is_cancelled() -> bool:
    """Whether somebody ends this task, and not only what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
