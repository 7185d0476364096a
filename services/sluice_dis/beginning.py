"""The first start of a trigger on a stream: where each shard begins is decided once, and kept before anything is read."""

from collections.abc import Mapping
from typing import NamedTuple

from sluice.trigger import Intake
from sluice_dis.position import BEGINNING, ENDED, Position
from sluice_dis.settings import DisSettings
from sluice_dis.source import source_name, stream_source
from sluice_dis.stream import About, Shard, Stream

BEGUN = "begun"


class Start(NamedTuple):
    """An iterator that stands exactly where a shard begins. The position that is kept is a time, and may be early."""

    position: str
    iterator: str


class Beginning:
    """The stream itself is a source too, whose only position says that the trigger has begun there. While one replica decides where the
    shards begin, the others wait for that claim. A shard without a position appeared later, and is read from its beginning."""

    def __init__(self, settings: DisSettings, stream: Stream, intake: Intake, about: About) -> None:
        self._settings = settings
        self._stream = stream
        self._intake = intake
        self._about = about

    async def decide(self) -> Mapping[str, Start]:
        """Of each shard that begins at its end, if this is the first start."""
        claim = await self._intake.claim(stream_source(self._settings.stream_name, self._about.made_ms))
        try:
            if claim.position == BEGUN:
                return {}
            starts: dict[str, Start] = {}
            for shard in await self._stream.shards():
                if start := await self._first(shard):
                    starts[shard.id] = start
            await self._intake.offer(claim, (), BEGUN)
            return starts
        finally:
            self._intake.release(claim)

    async def _first(self, shard: Shard) -> Start | None:
        latest = self._settings.sharditerator_type == "LATEST"
        iterator = await self._stream.latest(shard.id) if latest and not shard.closed else ""
        position = ENDED if latest and shard.closed else str(self._position())
        claim = await self._intake.claim(source_name(self._settings.stream_name, self._about.made_ms, shard.id))
        try:
            if claim.position is not None:
                return None
            await self._intake.offer(claim, (), position)
        finally:
            self._intake.release(claim)
        return Start(position, iterator) if iterator else None

    def _position(self) -> Position:
        settings, about = self._settings, self._about
        if settings.sharditerator_type == "LATEST":
            return Position("", about.now_ms)
        held = settings.start_timestamp >= about.now_ms - about.retention_ms
        return Position("", settings.start_timestamp) if held and settings.start_timestamp else BEGINNING
