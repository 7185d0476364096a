"""The port to a Kafka cluster: what the trigger needs of it. `broker_aiokafka` is the real one; the conformance suite has a fake."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from sluice_kafka.record import Message
from sluice_kafka.source import source_name


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class OutsideLog(Exception):
    """The log does not hold the offset that was to be read next. Caught by the trigger, which knows the policy."""

    def __init__(self, places: Collection[Place]) -> None:
        super().__init__(f"outside the log: {', '.join(source_name(*place) for place in places)}")
        self.places = places


class Assignee(Protocol):
    """Who is told what the group assigns. Both are awaited by the group, so they are quick."""

    async def revoked(self) -> None:
        """All partitions are taken back; nothing may be committed for them once this returns."""
        ...

    async def assigned(self, places: Collection[Place]) -> None:
        """These partitions are ours from now on."""
        ...


class Broker(Protocol):
    """One member of a consumer group. Every method may raise SourceLost (comes back later) or SourceRefused (change a setting)."""

    async def connect(self) -> None:
        """Reach a broker, log in, and see that the topics exist."""
        ...

    async def confirm(self) -> None:
        """Are the topics still those that were joined? Raises SourceLost for one that was deleted and made anew."""
        ...

    def topic_id(self, topic: str) -> str:
        """As of `connect`; "" where the cluster gives none."""
        ...

    def made_anew(self, topic: str) -> bool:
        """The topic is not the one that an earlier `connect` met."""
        ...

    async def join(self, assignee: Assignee) -> None:
        """Become a member of the group; returns after the first assignment was told."""
        ...

    async def watch(self) -> None:
        """Never returns: raises when no broker can be reached, the login is refused, or a topic is gone."""
        ...

    async def read(self, places: Collection[Place], most: int, timeout_s: float) -> Mapping[Place, Sequence[Message]]:
        """At most `most` messages of these partitions, as soon as there is one; {} after the timeout. Cancelling loses nothing.
        Raises OutsideLog."""
        ...

    def seek(self, place: Place, offset: int) -> None:
        """Read there next. Ignored for a partition that is not ours any more."""
        ...

    async def position(self, place: Place) -> int | None:
        """The offset after everything `read` gave, markers and gaps included; None for a partition that is not ours."""
        ...

    def end(self, place: Place) -> int | None:
        """The end of the log as last seen, None before the first answer."""
        ...

    async def bounds(self, place: Place) -> tuple[int, int]:
        """The first offset in the log, and the one after the last."""
        ...

    async def at_time(self, place: Place, time_ms: int) -> int | None:
        """The first offset of that time or later, None if there is none."""
        ...

    def partitions(self, topic: str) -> Collection[Place]:
        """All partitions of a topic."""
        ...

    async def committed(self, place: Place) -> int | None: ...

    async def commit(self, offsets: Mapping[Place, int]) -> bool:
        """Tell the group. False when the group is no longer ours to tell; positions are safe in the ledger all the same."""
        ...

    async def close(self) -> None:
        """Leave the group. In bounded time, whatever the broker does."""
        ...
