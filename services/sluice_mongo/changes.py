"""The port to a MongoDB deployment: what the trigger needs of it. `changes_pymongo` is the real one."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from sluice_mongo.position import Position, Snapshot, Time, time_of


class Change(msgspec.Struct, frozen=True, gc=False):
    """One change, or one document of a snapshot. Texts are canonical Extended JSON, empty for what is not there or not asked for."""

    operation: str
    token: str
    time: Time
    document: bytes
    namespace: str
    key: bytes
    """`{"_id": …}`, with the shard key where there is one."""
    wall_ms: int
    """The server's clock, else the seconds of `time`, in milliseconds since the epoch."""
    whole: bytes = b""
    """All of it, in relaxed Extended JSON."""
    update: str = ""
    before: str = ""

    @property
    def after(self) -> Position:
        """The position behind it."""
        token = msgspec.json.decode(self.token)
        return Position(time_of(token, self.time), token)


class Batch(NamedTuple):
    """What one read gave. `to` is the position after it, also when it holds no change."""

    changes: Sequence[Change]
    to: Position
    ended: str = ""
    """Why the stream is over: it has been invalidated. The last change is that invalidation."""


class Page(NamedTuple):
    """Documents of a snapshot. `done` is None after the last page."""

    changes: Sequence[Change]
    done: Snapshot | None


class PositionLost(Exception):
    """The log cannot be read from the position that was asked for. Caught by the trigger, which knows the policy."""


class Changes(Protocol):
    """One namespace of one deployment. Every method may raise SourceLost (comes back later) or SourceRefused (change a setting)."""

    async def connect(self) -> None:
        """Reach the deployment, log in, and see that it has change streams."""
        ...

    async def now(self) -> Time:
        """The cluster's time; what is written from now on is later or the same."""
        ...

    async def log_start(self) -> Time | None:
        """The first time that the log holds; None where that cannot be known."""
        ...

    async def open(self, position: Position | None) -> Position:
        """Begin to read there, or now; where reading begins. Raises PositionLost."""
        ...

    async def read(self, most: int) -> Batch:
        """About `most` changes at the utmost, as soon as there is one; none after a second. Raises PositionLost."""
        ...

    async def page(self, snapshot: Snapshot, time: Time, most: int) -> Page:
        """Documents that are there, after those that were read; ordered by collection and `_id`."""
        ...

    async def close(self) -> None:
        """In bounded time, whatever the server does."""
        ...
