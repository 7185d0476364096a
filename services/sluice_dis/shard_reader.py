"""Reads one shard on one claim."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from sluice.errors import ClaimLost, SourceLost, SourceRefused, Unavailable, foremost
from sluice.event import Record
from sluice.ledger import Claim
from sluice.trigger import Intake
from sluice_dis.position import BEGINNING, ENDED, Position, parse
from sluice_dis.record import gap_record, pieces, records_of
from sluice_dis.service_time import ServiceTime
from sluice_dis.settings import DisSettings
from sluice_dis.stream import About, Fetch, IteratorExpired, NotHeld, ShardGone, Stream

READ_RECORDS = 1000
"""Records that are asked for at once, or `batch_size` if that is more; fewer while they are large."""
OFFERS = 2
"""Most hand-overs of one shard without an answer."""
EMPTY_S = 0.2
"""Pause after a read that gave nothing although the shard has more."""
KEEP_MS = 3_600_000
"""How often the position of a shard without new records says anew that nothing was missed."""
MARGIN_MS = 60_000
"""What clocks of one service may differ by."""
_USUAL_BYTES = 1000

log = structlog.get_logger("sluice.dis")


class ShardReader:
    """`iterator`, if given, stands where the claim's position is. `room` bounds what all shards of the trigger have read and not handed
    over."""

    def __init__(
        self,
        settings: DisSettings,
        stream: Stream,
        intake: Intake,
        room: asyncio.Semaphore,
        about: About,
        time: ServiceTime,
        shard: str,
        claim: Claim,
        iterator: str | None = None,
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._intake = intake
        self._room = room
        self._about = about
        self._time = time
        self._shard = shard
        self._claim = claim
        self._given = iterator
        self.source = claim.key.source
        self._position = BEGINNING if claim.position is None else parse(claim.position)
        """Behind what was handed over."""
        self._known = 0
        """Records up to this sequence number were read already, and are dropped."""
        self._each_bytes = _USUAL_BYTES
        self._turns = asyncio.Semaphore(OFFERS)
        self._held = 0
        """Of `room`."""
        self._is_lost = False
        self._let_go = asyncio.Event()
        self.accepted = 0
        """Hand-overs that the ledger took."""

    def let_go(self) -> None:
        """Read no further; `run` returns when what was read is accepted."""
        self._let_go.set()

    async def run(self) -> bool:
        """Whether the shard was read to its end, and the ledger knows; else it was to be let go. Raises ClaimLost, or Unavailable, when it
        has to be claimed again."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                return await self._read()
        except BaseExceptionGroup as group:
            raise foremost(group) from None
        finally:
            for _ in range(self._held):
                self._room.release()

    async def _read(self) -> bool:
        iterator = self._given or await self._iterator()
        while iterator is not None and not self._let_go.is_set():
            iterator, pause_s = await self._turn(iterator)
            if iterator is not None:
                await self._pause(pause_s)
        await self._settle()
        if iterator is None:
            await self._intake.offer(self._claim, (), ENDED)
        return iterator is None

    async def _pause(self, pause_s: float) -> None:
        """Until it is time to read again, or to let go."""
        if not pause_s:
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._let_go.wait(), pause_s)

    async def _turn(self, iterator: str) -> tuple[str | None, float]:
        """One read, handed over. Where to read on (None: nothing follows), and when."""
        await self._room.acquire()
        self._held += 1
        try:
            fetch = await self._stream.read(iterator, self._most())
        except IteratorExpired:
            self._give_back()
            return await self._iterator(), 0.0
        except ShardGone:
            self._give_back()
            return await self._gone(), 0.0
        return await self._take(fetch)

    def _most(self) -> int:
        most = max(READ_RECORDS, self._settings.batch_size)
        return max(1, min(most, self._settings.max_fetch_bytes // max(self._each_bytes, 1)))

    async def _take(self, fetch: Fetch) -> tuple[str | None, float]:
        self._intake.lag(self.source, fetch.behind_ms)
        records = self._fresh(records_of(fetch.messages, self.source, fetch.behind_ms))
        if records:
            await self._offer_all(records)
        else:
            self._give_back()
        if fetch.messages:
            return fetch.following, 0.0 if fetch.behind_ms or len(fetch.messages) >= self._most() else self._settings.interval_s
        if fetch.behind_ms >= self._about.retention_ms and self._position.after:
            # A sequence number that was forgotten may be answered with nothing, for ever.
            return await self._by_time(), EMPTY_S
        if fetch.behind_ms:
            return fetch.following, EMPTY_S
        await self._keep()
        return fetch.following, self._settings.interval_s

    def _fresh(self, records: list[Record]) -> list[Record]:
        if not self._known or not records:
            return records
        fresh = [record for record in records if int(record.position) > self._known]
        self._known = 0 if fresh else self._known
        return fresh

    async def _offer_all(self, records: Sequence[Record]) -> None:
        self._each_bytes = sum([record.size for record in records]) // len(records)
        parts = list(pieces(records, self._settings.max_fetch_bytes))
        for number, part in enumerate(parts, 1):
            last = part[-1]
            await self._hand_over(part, str(self._behind(last)), done=number == len(parts))
        if self._settings.serial:
            await self._settle()

    def _behind(self, last: Record) -> Position:
        self._position = Position(last.position, last.time_ms)
        return self._position

    async def _hand_over(self, records: Sequence[Record], to: str, *, done: bool) -> None:
        """Offers without waiting for the answer, unless too many wait already. With the last part of a read (`done`) there is room for
        another one."""
        await self._turns.acquire()
        self._tasks.create_task(self._offer(records, to, done=done))

    async def _offer(self, records: Sequence[Record], to: str, *, done: bool) -> None:
        if self._is_lost:
            raise ClaimLost(f"{self.source}: an earlier part was not accepted")
        try:
            await self._intake.offer(self._claim, records, to)
        except (ClaimLost, Unavailable):
            self._is_lost = True
            raise
        self.accepted += 1
        self._turns.release()
        if done:
            self._give_back()

    def _give_back(self) -> None:
        self._held -= 1
        self._room.release()

    async def _settle(self) -> None:
        """Until everything that was handed over is accepted."""
        for _ in range(OFFERS):
            await self._turns.acquire()
        for _ in range(OFFERS):
            self._turns.release()

    async def _keep(self) -> None:
        """Nothing came up to now: without that, a shard at rest would look like one that was away for too long."""
        now_ms = self._time.now_ms()
        if now_ms - self._position.until_ms > KEEP_MS:
            self._position = Position(self._position.after, now_ms - MARGIN_MS)
            await self._settle()
            await self._intake.offer(self._claim, (), str(self._position))

    async def _iterator(self) -> str | None:
        """Where the position is; None if nothing follows it any more."""
        try:
            if self._position.is_lost(self._time.now_ms(), self._about.retention_ms):
                return await self._go_on()
            return await self._stream.after(self._shard, self._position)
        except NotHeld:
            return await self._by_time()
        except ShardGone:
            return await self._gone()

    async def _by_time(self) -> str:
        """The same place without its sequence number."""
        self._known = int(self._position.after)
        return await self._stream.since(self._shard, self._position.until_ms - MARGIN_MS)

    async def _go_on(self) -> str:
        """The stream forgets records of that age: do what the settings say, and tell the function what may be missing."""
        hours = self._about.retention_ms // 3_600_000
        policy = self._policy(f"is older than the {hours} h for which the stream keeps records")
        if policy == "earliest":
            to, iterator = BEGINNING, await self._stream.after(self._shard, BEGINNING)
        else:
            to = Position("", self._time.now_ms() - MARGIN_MS)
            iterator = await self._stream.latest(self._shard)
        await self._tell_gap(str(to))
        self._position = to
        return iterator

    async def _gone(self) -> str | None:
        """The stream no longer has the shard: what it held behind the position is lost, and nothing follows."""
        about = await self._stream.about()
        if about.made_ms != self._about.made_ms:
            raise SourceLost(f"deleted and made anew: {self._settings.stream_name}", 0.0)
        if self._claim.position is not None:
            self._policy("is in a shard that the stream no longer has")
            await self._tell_gap(ENDED)
        return None

    def _policy(self, reason: str) -> str:
        policy = self._settings.position_lost
        log.warning("position_lost", source=self.source, position=str(self._position), position_lost=policy)
        if policy == "stop":
            raise SourceRefused(f"position_lost: the position {self._position} of {self.source} {reason}")
        return policy

    async def _tell_gap(self, to: str) -> None:
        gap = gap_record(self.source, str(self._position), to, self._settings.position_lost, self._time.now_ms())
        await self._settle()
        await self._intake.offer(self._claim, (gap,), to)
