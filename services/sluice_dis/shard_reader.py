"""Reads one shard on one claim."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from sluice.errors import ClaimLost, Unavailable
from sluice.event import Record
from sluice.ledger import Claim
from sluice_dis.ending import end_of
from sluice_dis.place import Found, Place
from sluice_dis.position import ENDED
from sluice_dis.record import pieces, records_of
from sluice_dis.shared import Shared
from sluice_dis.stream import Fetch, IteratorExpired, ShardGone

READ_RECORDS = 1000
"""Records that are asked for at once, or `batch_size` if that is more; fewer while they are large."""
OFFERS = 2
"""Most hand-overs of one shard without an answer."""
EMPTY_S = 0.2
"""Pause after a read that gave nothing although the shard has more."""
UNKNOWN_BYTES = 64 * 1024
"""What a record is taken for before the first one came."""


class ShardReader:
    """`iterator`, if given, stands where the claim's position is."""

    def __init__(self, shared: Shared, shard: str, claim: Claim, iterator: str | None = None) -> None:
        self.source = claim.key.source
        self.accepted = 0
        """Hand-overs that the ledger took."""
        self._shared = shared
        self._settings = shared.settings
        self._claim = claim
        self._place = Place(shared, shard, claim)
        self._given = iterator
        self._each_bytes = UNKNOWN_BYTES
        self._turns = asyncio.Semaphore(OFFERS)
        self._held = 0
        """Of the shared room."""
        self._is_lost = False
        self._let_go = asyncio.Event()

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
            raise end_of(group) from None
        finally:
            for _ in range(self._held):
                self._shared.room.release()

    async def _read(self) -> bool:
        iterator = self._given or await self._go_to(await self._place.find())
        while iterator is not None and not self._let_go.is_set():
            iterator, pause_s = await self._turn(iterator)
            if iterator is not None:
                await self._pause(pause_s)
        await self._settle()
        if iterator is None:
            await self._shared.intake.offer(self._claim, (), ENDED)
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
        await self._shared.room.acquire()
        self._held += 1
        most = self._most()
        try:
            fetch = await self._shared.stream.read(iterator, most)
        except IteratorExpired:
            self._give_back()
            return await self._go_to(await self._place.find()), 0.0
        except ShardGone:
            self._give_back()
            return await self._go_to(await self._place.gone()), 0.0
        return await self._take(fetch, most)

    def _most(self) -> int:
        most = max(READ_RECORDS, self._settings.batch_size)
        return max(1, min(most, self._settings.max_fetch_bytes // max(self._each_bytes, 1)))

    async def _take(self, fetch: Fetch, most: int) -> tuple[str | None, float]:
        self._shared.intake.lag(self.source, fetch.behind_ms)
        records = self._place.fresh(records_of(fetch.messages, self.source, fetch.behind_ms))
        if records:
            await self._offer_all(records)
        else:
            self._give_back()
        if fetch.messages:
            is_behind = fetch.behind_ms > 0 or len(fetch.messages) >= most
            return fetch.following, 0.0 if is_behind else self._settings.interval_s
        return await self._take_nothing(fetch)

    async def _take_nothing(self, fetch: Fetch) -> tuple[str | None, float]:
        if fetch.behind_ms >= self._shared.about.retention_ms and self._place.position.after:
            # A sequence number that was forgotten may be answered with nothing, for ever.
            return await self._go_to(await self._place.find_by_time()), EMPTY_S
        if fetch.behind_ms:
            return fetch.following, EMPTY_S
        if to := self._place.rest():
            await self._settle()
            await self._shared.intake.offer(self._claim, (), to)
        return fetch.following, self._settings.interval_s

    async def _go_to(self, found: Found) -> str | None:
        """Tells what is lost on the way."""
        if found.gap is not None:
            await self._settle()
            await self._shared.intake.offer(self._claim, (found.gap,), found.to)
        return found.iterator

    async def _offer_all(self, records: Sequence[Record]) -> None:
        self._each_bytes = sum([record.size for record in records]) // len(records)
        parts = list(pieces(records, self._settings.max_fetch_bytes))
        for number, part in enumerate(parts, 1):
            await self._hand_over(part, self._place.move(part[-1]), done=number == len(parts))
        if self._settings.serial:
            await self._settle()

    async def _hand_over(self, records: Sequence[Record], to: str, *, done: bool) -> None:
        """Offers without waiting for the answer, unless too many wait already. With the last part of a read (`done`) there is room for
        another one."""
        await self._turns.acquire()
        self._tasks.create_task(self._offer(records, to, done=done))

    async def _offer(self, records: Sequence[Record], to: str, *, done: bool) -> None:
        if self._is_lost:
            raise ClaimLost(f"{self.source}: an earlier part was not accepted")
        try:
            await self._shared.intake.offer(self._claim, records, to)
        except (ClaimLost, Unavailable):
            self._is_lost = True
            raise
        self.accepted += 1
        self._turns.release()
        if done:
            self._give_back()

    def _give_back(self) -> None:
        self._held -= 1
        self._shared.room.release()

    async def _settle(self) -> None:
        """Until everything that was handed over is accepted."""
        for _ in range(OFFERS):
            await self._turns.acquire()
        for _ in range(OFFERS):
            self._turns.release()
