"""A Kafka cluster through aiokafka."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition, errors

from sluice.errors import SourceLost
from sluice_kafka.broker import Assignee, OutsideLog, Place
from sluice_kafka.connection import FAILURES, security, translated
from sluice_kafka.probe_aiokafka import Probe
from sluice_kafka.record import Message
from sluice_kafka.settings import KafkaSettings
from sluice_kafka.topics_aiokafka import made_anew

SESSION_MS = 6_000
"""A member that died holds its partitions so long; brokers allow no less by default."""
HEARTBEAT_MS = 1_500
FETCH_WAIT_MS = 250
"""A fetch without records is answered after this. A partition that has room again may have to wait for it."""
FETCH_BYTES = 16 * 1024 * 1024
"""Most bytes of one answer, whatever the number of its partitions."""
METADATA_AGE_MS = 15_000
"""A new partition is found within this."""
CLOSE_S = 4.0
COMMIT_S = 1.0

log = structlog.get_logger("sluice.kafka")


class AiokafkaBroker:
    """One member of one consumer group. `connect` begins a new one each time."""

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._servers = settings.kafka_connect_address
        self._consumer: AIOKafkaConsumer | None = None
        self._probe: Probe | None = None
        self._ids: dict[str, str] = {}
        self._anew: frozenset[str] = frozenset()

    async def connect(self) -> None:
        settings = self._settings
        self._probe = Probe(settings.servers, settings.topic_ids, security(settings))
        await self._probe.connect()
        await self._probe.check()
        self._anew |= made_anew(self._ids, self._probe.ids)
        self._ids = self._probe.ids

    async def confirm(self) -> None:
        await self._probing.check()

    def topic_id(self, topic: str) -> str:
        return self._ids.get(topic, "")

    def made_anew(self, topic: str) -> bool:
        return topic in self._anew

    async def join(self, assignee: Assignee) -> None:
        self._consumer = consumer = self._member()
        consumer.subscribe(self._settings.topic_ids, listener=_Listener(assignee))
        try:
            await consumer.start()
        except FAILURES as error:
            raise translated(error, self._servers) from error

    def _member(self) -> AIOKafkaConsumer:
        settings = self._settings
        return AIOKafkaConsumer(
            bootstrap_servers=settings.servers,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level=settings.isolation,
            max_partition_fetch_bytes=settings.max_fetch_bytes,
            fetch_max_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            metadata_max_age_ms=METADATA_AGE_MS,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            # Only reading counts as life for the driver, and a full mesh stops reading for as long as it takes.
            max_poll_interval_ms=24 * 3600 * 1000,
            **security(settings),
        )

    async def watch(self) -> None:
        await self._probing.watch()

    async def read(self, places: Collection[Place], most: int, timeout_s: float) -> Mapping[Place, Sequence[Message]]:
        try:
            batches = await self._member_now.getmany(*map(_driver, places), timeout_ms=int(timeout_s * 1000), max_records=most)
        except errors.OffsetOutOfRangeError as outside:
            raise OutsideLog([Place(*place) for place in outside.args[0]]) from outside
        except FAILURES as error:
            raise translated(error, self._servers) from error
        if not batches and self._has_stopped_fetching():
            raise SourceLost("the driver has stopped reading at an error of its own")
        # The driver's partitions are tuples that equal ours.
        return cast("Mapping[Place, Sequence[Message]]", batches)

    def _has_stopped_fetching(self) -> bool:
        """The driver's own task ends at an error that it does not know; after that every read is empty, and nothing says so."""
        fetcher = self._member_now._fetcher
        return fetcher is not None and fetcher.error_future.done()

    def seek(self, place: Place, offset: int) -> None:
        if place in self._member_now.assignment():
            self._member_now.seek(_driver(place), offset)

    async def position(self, place: Place) -> int | None:
        if place not in self._member_now.assignment():
            return None
        try:
            return cast("int", await self._member_now.position(_driver(place)))
        except errors.IllegalStateError:
            return None

    def end(self, place: Place) -> int | None:
        if place not in self._member_now.assignment():
            return None
        ends = self._member_now.last_stable_offset if self._settings.isolation == "read_committed" else self._member_now.highwater
        return cast("int | None", ends(_driver(place)))

    async def bounds(self, place: Place) -> tuple[int, int]:
        partition = _driver(place)
        try:
            first = await self._member_now.beginning_offsets([partition])
            end = await self._member_now.end_offsets([partition])
        except FAILURES as error:
            raise translated(error, self._servers) from error
        return first[partition], end[partition]

    async def at_time(self, place: Place, time_ms: int) -> int | None:
        partition = _driver(place)
        try:
            found = (await self._member_now.offsets_for_times({partition: time_ms}))[partition]
        except FAILURES as error:
            raise translated(error, self._servers) from error
        return found.offset if found else None

    def partitions(self, topic: str) -> Collection[Place]:
        return [Place(topic, partition) for partition in self._member_now.partitions_for_topic(topic) or ()]

    async def committed(self, place: Place) -> int | None:
        try:
            return cast("int | None", await self._member_now.committed(_driver(place)))
        except FAILURES as error:
            raise translated(error, self._servers) from error

    async def commit(self, offsets: Mapping[Place, int]) -> bool:
        try:
            await asyncio.wait_for(self._member_now.commit({_driver(place): offset for place, offset in offsets.items()}), COMMIT_S)
        except FAILURES as error:
            log.info("commit_failed", group=self._group, partitions=len(offsets), error=type(error).__name__)
            return False
        return True

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        probe, self._probe = self._probe, None
        if probe is not None:
            await probe.close()
        if consumer is not None:
            await self._leave(consumer)

    async def _leave(self, consumer: AIOKafkaConsumer) -> None:
        leaving = asyncio.create_task(consumer.stop())
        _, late = await asyncio.wait({leaving}, timeout=CLOSE_S)
        if late or leaving.cancelled() or leaving.exception():
            # The driver's stop ends in its own cancellation when a fetch is about to be repeated, and then leaves the rest open.
            log.info("close_failed", group=self._group, late=bool(late))
            leaving.cancel()
            await _end(consumer)

    @property
    def _member_now(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise SourceLost("not a member of the group")
        return self._consumer

    @property
    def _probing(self) -> Probe:
        if self._probe is None:
            raise SourceLost("not connected")
        return self._probe


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the driver has no types
    def __init__(self, assignee: Assignee) -> None:
        self._assignee = assignee

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        await self._assignee.revoked()

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        await self._assignee.assigned([Place(*partition) for partition in sorted(assigned)])


async def _end(consumer: AIOKafkaConsumer) -> None:
    """What is left open by a stop that failed."""
    for task in consumer._fetcher._pending_tasks if consumer._fetcher else ():
        task.cancel()
    await asyncio.wait({asyncio.create_task(consumer._client.close())}, timeout=CLOSE_S)


def _driver(place: Place) -> TopicPartition:
    return TopicPartition(*place)
