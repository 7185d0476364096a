"""Follows the shards of a stream as it is split and merged."""

import asyncio
import random
from collections.abc import Iterable, Mapping
from contextlib import suppress

import structlog

from sluice.clock import Clock
from sluice.errors import ClaimLost, SourceLost, Unavailable
from sluice.ledger import Claim
from sluice.trigger import Intake
from sluice_dis.position import ENDED
from sluice_dis.service_time import ServiceTime
from sluice_dis.settings import DisSettings
from sluice_dis.shard_reader import ShardReader
from sluice_dis.source import source_name
from sluice_dis.stream import About, Shard, Stream

LIST_S = 10.0
"""How often shards are listed; also at once when one was read to its end."""
ASK_S = 0.05
"""Between two claims that are asked for: replicas that start together each get a part."""
ASK_ALL_S = 2.0
"""All have been asked for after this."""
RECLAIM_S = 0.05
"""First pause before a lost claim is asked for again; it doubles up to the last."""
RECLAIM_MOST_S = 5.0
ROOM_BYTES = 16 * 1024 * 1024
"""What all shards of a trigger together aim to have read and not yet handed over."""
FEWEST_READS, MOST_READS = 4, 32

log = structlog.get_logger("sluice.dis")


class Follower:
    """Each shard is claimed and read by a task of its own, once its parents were read to their end. Whoever holds a claim reads; every
    replica asks for every shard, and waits for those that another one holds."""

    def __init__(
        self, settings: DisSettings, stream: Stream, intake: Intake, about: About, clock: Clock, iterators: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._intake = intake
        self._about = about
        self._time = ServiceTime(about.now_ms, clock)
        self._iterators = dict(iterators)
        self._room = asyncio.Semaphore(min(MOST_READS, max(FEWEST_READS, ROOM_BYTES // settings.max_fetch_bytes)))
        self._ended: dict[str, asyncio.Event] = {}
        """Of each shard that is followed: set when it was read to its end, by whomever."""
        self._list = asyncio.Event()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._follow(tasks, await self._stream.shards())
                self._list.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._list.wait(), LIST_S)
                await self._confirm()

    def _follow(self, tasks: asyncio.TaskGroup, listed: Iterable[Shard]) -> None:
        new = [shard for shard in with_lost_parents(listed) if shard.id not in self._ended]
        self._ended |= {shard.id: asyncio.Event() for shard in new}
        random.shuffle(new)
        pace_s = min(ASK_S, ASK_ALL_S / max(len(new), 1))
        for number, shard in enumerate(new):
            tasks.create_task(self._read(shard, number * pace_s))

    async def _confirm(self) -> None:
        """Is the stream still the one that was begun with?"""
        about = await self._stream.about()
        if about.made_ms != self._about.made_ms:
            raise SourceLost(f"deleted and made anew: {self._settings.stream_name}", 0.0)

    async def _read(self, shard: Shard, delay_s: float) -> None:
        for parent in shard.parents:
            if parent in self._ended:
                await self._ended[parent].wait()
        await asyncio.sleep(delay_s)
        await self._until_ended(shard)
        self._ended[shard.id].set()
        self._list.set()

    async def _until_ended(self, shard: Shard) -> None:
        pause_s = 0.0
        while True:
            claim = await self._intake.claim(source_name(self._settings.stream_name, self._about.made_ms, shard.id))
            try:
                if claim.position == ENDED or (claim.position is None and shard.is_lost):
                    return
                reader = self._reader(shard, claim)
                await reader.run()
                return
            except SourceLost:
                raise
            except (ClaimLost, Unavailable) as lost:
                log.info("claim_lost", source=claim.key.source, epoch=claim.epoch)
                least_s = lost.retry_after_s if isinstance(lost, Unavailable) else 0.0
                pause_s = RECLAIM_S if reader.accepted else min(max(pause_s * 2, RECLAIM_S), RECLAIM_MOST_S)
            finally:
                self._intake.release(claim)
            await asyncio.sleep(max(pause_s, least_s))

    def _reader(self, shard: Shard, claim: Claim) -> ShardReader:
        iterator = self._iterators.pop(shard.id, None)
        return ShardReader(self._settings, self._stream, self._intake, self._room, self._about, self._time, shard.id, claim, iterator)


def with_lost_parents(listed: Iterable[Shard]) -> list[Shard]:
    """The shards, and those that only their children still name: a position in one of these is a lost one."""
    shards = list(listed)
    known = {shard.id for shard in shards}
    lost = {parent for shard in shards for parent in shard.parents} - known
    return shards + [Shard(parent, closed=True, is_lost=True) for parent in sorted(lost)]
