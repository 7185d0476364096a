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
from sluice_dis.beginning import Start
from sluice_dis.position import ENDED
from sluice_dis.service_time import ServiceTime
from sluice_dis.settings import DisSettings
from sluice_dis.shard_reader import ShardReader
from sluice_dis.shared import Shared
from sluice_dis.source import source_name
from sluice_dis.stream import About, Shard, Stream

LIST_S = 10.0
"""How often shards are listed; also at once when one was read to its end."""
ASK_S = 0.05
"""Between two claims that are asked for: replicas that start together each get a part."""
ASK_ALL_S = 2.0
"""All have been asked for after this."""
SHARE_S = 30.0
"""How often a replica that reads more than half of the shards offers one of them to the others."""
TAKEN_S = 1.0
"""A shard that is not back after this was taken: then more may be."""
GIVE_S = 0.1
"""Head start of the others for a shard that was let go."""
RECLAIM_S = 0.05
"""First pause before a lost claim is asked for again; it doubles up to the last."""
RECLAIM_MOST_S = 5.0
ROOM_BYTES = 16 * 1024 * 1024
"""What all shards of a trigger together aim to have read, and not yet accepted."""
FEWEST_READS, MOST_READS = 4, 32

log = structlog.get_logger("sluice.dis")


class Follower:
    """Each shard is claimed and read by a task of its own, once its parents were read to their end. Whoever holds a claim reads; every
    replica asks for every shard, and waits for those that another one holds."""

    def __init__(
        self, settings: DisSettings, stream: Stream, intake: Intake, about: About, clock: Clock, starts: Mapping[str, Start]
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._intake = intake
        self._about = about
        room = asyncio.Semaphore(min(MOST_READS, max(FEWEST_READS, ROOM_BYTES // settings.max_fetch_bytes)))
        self._shared = Shared(settings, stream, intake, about, ServiceTime(about.now_ms, clock), room)
        self._starts = dict(starts)
        self._ended: dict[str, asyncio.Event] = {}
        """Of each shard that is followed: set when it was read to its end, by whomever."""
        self._asked: set[str] = set()
        """Shards that are asked for or read."""
        self._reading: dict[str, ShardReader] = {}
        self._list = asyncio.Event()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._share())
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

    async def _share(self) -> None:
        """A replica that came later waits for every shard: let go of one after another, until nobody takes it or half are left."""
        pause_s = SHARE_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = SHARE_S
            if len(self._reading) > (len(self._asked) + 1) // 2:
                shard = random.choice(list(self._reading))  # noqa: S311 - any of them
                self._reading[shard].let_go()
                await asyncio.sleep(TAKEN_S)
                pause_s = SHARE_S if shard in self._reading else 0.0

    async def _read(self, shard: Shard, delay_s: float) -> None:
        for parent in shard.parents:
            if parent in self._ended:
                await self._ended[parent].wait()
        await asyncio.sleep(delay_s)
        self._asked.add(shard.id)
        await self._until_ended(shard)
        self._asked.discard(shard.id)
        self._ended[shard.id].set()
        self._list.set()

    async def _until_ended(self, shard: Shard) -> None:
        pauses = Pauses()
        while True:
            if await self._claimed(shard, pauses):
                return
            await asyncio.sleep(pauses.next_s)

    async def _claimed(self, shard: Shard, pauses: "Pauses") -> bool:
        """Claims it, and reads as far as the claim goes. Whether that is its end."""
        claim = await self._intake.claim(source_name(self._settings.stream_name, self._about.made_ms, shard.id))
        try:
            if claim.position == ENDED or (claim.position is None and shard.is_lost):
                return True
            return await self._read_by(self._reader(shard, claim), shard, pauses)
        finally:
            self._reading.pop(shard.id, None)
            self._intake.release(claim)

    async def _read_by(self, reader: ShardReader, shard: Shard, pauses: "Pauses") -> bool:
        self._reading[shard.id] = reader
        try:
            pauses.next_s = GIVE_S
            return await reader.run()
        except SourceLost:
            raise
        except (ClaimLost, Unavailable) as lost:
            log.info("claim_lost", source=reader.source)
            pauses.lost(lost, reader.accepted)
            return False

    def _reader(self, shard: Shard, claim: Claim) -> ShardReader:
        start = self._starts.pop(shard.id, None)
        # Another replica may have read on meanwhile.
        iterator = start.iterator if start and start.position == claim.position else None
        return ShardReader(self._shared, shard.id, claim, iterator)


class Pauses:
    """How long to wait before a shard is claimed again."""

    def __init__(self) -> None:
        self.next_s = GIVE_S
        self._lost_s = 0.0

    def lost(self, error: ClaimLost | Unavailable, accepted: int) -> None:
        """Longer and longer, while nothing is accepted between."""
        self._lost_s = RECLAIM_S if accepted else min(max(self._lost_s * 2, RECLAIM_S), RECLAIM_MOST_S)
        self.next_s = max(self._lost_s, error.retry_after_s if isinstance(error, Unavailable) else 0.0)


def with_lost_parents(listed: Iterable[Shard]) -> list[Shard]:
    """The shards, and those that only their children still name: a position in one of these is a lost one."""
    shards = list(listed)
    known = {shard.id for shard in shards}
    lost = {parent for shard in shards for parent in shard.parents} - known
    return shards + [Shard(parent, closed=True, is_lost=True) for parent in sorted(lost)]
