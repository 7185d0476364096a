"""A Kafka cluster in memory, behind the same port as the real one: one topic, one consumer group, any number of members."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sluice.errors import SourceLost, SourceRefused
from sluice_kafka.broker import Assignee, OutsideLog, Place
from sluice_kafka.record import Headers, Message

POLL_S = 0.001
FETCH_BYTES = 1024 * 1024


@dataclass
class FakeMessage:
    """What we read of a message."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    timestamp: int | None = field(default_factory=lambda: int(time.time() * 1000))


@dataclass
class FakeLog:
    """One partition. Offsets without a message are markers, aborted or compacted."""

    messages: list[FakeMessage] = field(default_factory=list)
    first: int = 0
    end: int = 0

    def append(self, value: bytes | None, key: bytes | None = None, headers: Headers = ()) -> None:
        self.messages.append(FakeMessage(self.end, value, key, headers))
        self.end += 1

    def delete_before(self, offset: int) -> None:
        self.messages = [message for message in self.messages if message.offset >= offset]
        self.first = offset


class FakeCluster:
    """`members` are told about partitions by `rebalance`, which gives them round robin."""

    def __init__(self, topic: str = "orders", partitions: int = 1) -> None:
        self.logs = {Place(topic, number): FakeLog() for number in range(partitions)}
        self.offsets: dict[Place, int] = {}
        self.members: list[FakeBroker] = []
        self.connected = True
        self.refusal = ""
        self.topic_id = ""

    def make_anew(self, topic_id: str) -> None:
        """Delete the topic and create it again, empty; the group's offsets go with it."""
        self.logs = {place: FakeLog() for place in self.logs}
        self.offsets.clear()
        self.topic_id = topic_id

    async def rebalance(self) -> None:
        for member in self.members:
            await member.give([])
        for number, member in enumerate(self.members):
            await member.give([place for place in self.logs if place.partition % len(self.members) == number])


class FakeBroker:
    """One member."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.reads = 0
        self._positions: dict[Place, int] = {}
        self._assignee: Assignee | None = None
        self._topic_id = ""
        self._anew = False

    async def connect(self) -> None:
        self._check()
        self._anew = self._anew or self._topic_id not in ("", self.cluster.topic_id)
        self._topic_id = self.cluster.topic_id

    async def confirm(self) -> None:
        if self._topic_id != self.cluster.topic_id:
            raise SourceLost("deleted and made anew", 0.0)

    def topic_id(self, topic: str) -> str:
        return self._topic_id

    def made_anew(self, topic: str) -> bool:
        return self._anew

    async def join(self, assignee: Assignee) -> None:
        self._assignee = assignee
        self.cluster.members.append(self)
        await self.cluster.rebalance()

    async def give(self, places: Collection[Place]) -> None:
        assert self._assignee is not None
        if places:
            self._positions = {place: self.cluster.offsets.get(place, 0) for place in places}
            await self._assignee.assigned(places)
        else:
            await self._assignee.revoked()
            self._positions = {}

    async def watch(self) -> None:
        while True:
            self._check()
            await self.confirm()
            await asyncio.sleep(POLL_S)

    async def read(self, places: Collection[Place], most: int, timeout_s: float) -> Mapping[Place, Sequence[Message]]:
        deadline = time.monotonic() + timeout_s
        while True:
            self.reads += 1
            found: dict[Place, Sequence[Message]] = {}
            for place in places:
                if (left := most - sum(map(len, found.values()))) and (messages := self._fetch(place, left)):
                    found[place] = messages
            if found or time.monotonic() >= deadline:
                return found
            await asyncio.sleep(POLL_S)

    def _fetch(self, place: Place, most: int) -> list[Message]:
        if place not in self._positions or not self.cluster.connected:
            return []
        log, position = self.cluster.logs[place], self._positions[place]
        if not log.first <= position <= log.end:
            raise OutsideLog([place])
        found = _at_most(FETCH_BYTES, [message for message in log.messages if message.offset >= position][:most])
        self._positions[place] = found[-1].offset + 1 if found else log.end
        return list(found)

    def seek(self, place: Place, offset: int) -> None:
        if place in self._positions:
            self._positions[place] = offset

    async def position(self, place: Place) -> int | None:
        return self._positions.get(place)

    def end(self, place: Place) -> int | None:
        return self.cluster.logs[place].end

    async def bounds(self, place: Place) -> tuple[int, int]:
        return self.cluster.logs[place].first, self.cluster.logs[place].end

    async def at_time(self, place: Place, time_ms: int) -> int | None:
        return next((message.offset for message in self.cluster.logs[place].messages if (message.timestamp or 0) >= time_ms), None)

    def partitions(self, topic: str) -> Collection[Place]:
        return [place for place in self.cluster.logs if place.topic == topic]

    async def committed(self, place: Place) -> int | None:
        return self.cluster.offsets.get(place)

    async def commit(self, offsets: Mapping[Place, int]) -> bool:
        if not self.cluster.connected:
            return False
        self.cluster.offsets.update(offsets)
        return True

    async def close(self) -> None:
        if self in self.cluster.members:
            self.cluster.members.remove(self)

    def _check(self) -> None:
        if self.cluster.refusal:
            raise SourceRefused(self.cluster.refusal)
        if not self.cluster.connected:
            raise SourceLost("the cluster went away", 0.01)


def _at_most(size: int, messages: Sequence[FakeMessage]) -> Sequence[FakeMessage]:
    """As a fetch is cut: by bytes, but never to nothing."""
    for number, message in enumerate(messages):
        size -= len(message.value or b"")
        if size < 0:
            return messages[: max(number, 1)]
    return messages
