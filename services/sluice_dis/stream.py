"""The port to a stream of shards: what the trigger needs of it. `stream_aiobotocore` is the real one."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sluice_dis.position import Position
from sluice_dis.record import Message


class About(NamedTuple):
    """A stream as it is now. `made_ms` tells it from one of the same name before; times are the service's, in milliseconds."""

    made_ms: int
    retention_ms: int
    now_ms: int


class Shard(NamedTuple):
    """A part of a stream. Its records all came after those of its `parents`."""

    id: str
    parents: tuple[str, ...] = ()
    closed: bool = False
    """Whether nothing is added to it any more."""
    is_lost: bool = False
    """Whether the stream only names it, as a parent, and holds nothing of it any more."""


class Fetch(NamedTuple):
    """What one read gave. `following` is the iterator behind it, None at the end of a closed shard."""

    messages: Sequence[Message]
    following: str | None
    behind_ms: int
    """How much older than now the last record is, 0 when there is none behind it."""


class IteratorExpired(Exception):
    """It was too old: another one of the same place is needed."""


class ShardGone(Exception):
    """The stream has no such shard (any more)."""


class NotHeld(Exception):
    """The sequence number is not one that can be gone on from (any more)."""


class Stream(Protocol):
    """Every method may raise SourceLost (comes back later) or SourceRefused (change a setting). Being throttled is waited out."""

    async def connect(self) -> None: ...

    async def about(self) -> About:
        """Raises SourceRefused for a stream that does not exist or may not be read."""
        ...

    async def shards(self) -> Sequence[Shard]:
        """All that hold records, closed ones too."""
        ...

    async def after(self, shard: str, position: Position) -> str:
        """An iterator behind the record of the position; of a position without one, from its time on. Raises ShardGone and NotHeld."""
        ...

    async def at(self, shard: str, sequence: str) -> str:
        """An iterator at the record of that sequence number. Raises ShardGone and NotHeld."""
        ...

    async def since(self, shard: str, time_ms: int) -> str:
        """An iterator at the first record of that time or later. Raises ShardGone."""
        ...

    async def latest(self, shard: str) -> str:
        """An iterator behind all that the shard holds now. Raises ShardGone."""
        ...

    async def read(self, iterator: str, most: int) -> Fetch:
        """At most so many records. Raises IteratorExpired and ShardGone."""
        ...

    async def close(self) -> None: ...
