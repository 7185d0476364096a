"""Where a shard is read: its position, and how to get there when the stream no longer holds it."""

from typing import NamedTuple

import structlog

from sluice.errors import SourceLost, SourceRefused
from sluice.event import Record
from sluice.ledger import Claim
from sluice_dis.position import BEGINNING, ENDED, Position, parse
from sluice_dis.record import gap_record
from sluice_dis.shared import Shared
from sluice_dis.stream import Fetch, IteratorExpired, NotHeld, ShardGone

KEEP_MS = 3_600_000
"""How often the position of a shard without new records says anew that nothing was missed."""
MARGIN_MS = 60_000
"""What clocks of one service may differ by."""

log = structlog.get_logger("sluice.dis")


class Found(NamedTuple):
    """Where to read on, None if nothing follows; and before that, what the function is told to be lost, up to the position `to`."""

    iterator: str | None
    gap: Record | None = None
    to: str = ""


class Place:
    """Of one shard on one claim. `position` is behind what was handed over."""

    def __init__(self, shared: Shared, shard: str, claim: Claim) -> None:
        self._shared = shared
        self._shard = shard
        self._source = claim.key.source
        self._was_read = claim.position is not None
        self.position = BEGINNING if claim.position is None else parse(claim.position)
        self._known = 0
        """Records up to this sequence number were read already, and are dropped."""

    async def find(self) -> Found:
        """An iterator at the position. Raises SourceRefused where the settings want to stop at a loss."""
        try:
            if self.position.is_lost(self._shared.time.now_ms(), self._shared.about.retention_ms):
                held = await self._held()
                return Found(held.following) if held else await self._go_on()
            return Found(await self._shared.stream.after(self._shard, self.position))
        except NotHeld:
            return await self.find_by_time()
        except ShardGone:
            return await self.gone()

    async def find_by_time(self) -> Found:
        """The same place without its sequence number, which the stream may have forgotten."""
        self._known = int(self.position.after)
        return Found(await self._shared.stream.since(self._shard, self.position.until_ms - MARGIN_MS))

    def fresh(self, records: list[Record]) -> list[Record]:
        """Those that were not read before."""
        if not self._known or not records:
            return records
        fresh = [record for record in records if int(record.position) > self._known]
        self._known = 0 if fresh else self._known
        return fresh

    def move(self, last: Record) -> str:
        """Behind a record: the position to hand over."""
        self._was_read = True
        self.position = Position(last.position, last.time_ms)
        return str(self.position)

    def rest(self) -> str:
        """Nothing came up to now: the position that says so, "" if the last one is new enough. Without it a shard at rest would look like
        one that was away for too long."""
        now_ms = self._shared.time.now_ms()
        if now_ms - self.position.until_ms <= KEEP_MS:
            return ""
        self.position = Position(self.position.after, now_ms - MARGIN_MS)
        return str(self.position)

    async def gone(self) -> Found:
        """The stream no longer has the shard: what it held behind the position is lost, and nothing follows."""
        about = await self._shared.stream.about()
        if about.made_ms != self._shared.about.made_ms:
            raise SourceLost(f"deleted and made anew: {self._shared.settings.stream_name}", 0.0)
        if not self._was_read:
            return Found(None)
        self._policy("is in a shard that the stream no longer has")
        return Found(None, self._gap(ENDED), ENDED)

    async def _held(self) -> Fetch | None:
        """The record of the position, if the stream still has it: then it has all behind it."""
        if not self.position.after:
            return None
        try:
            fetch = await self._shared.stream.read(await self._shared.stream.at(self._shard, self.position.after), 1)
        except (NotHeld, IteratorExpired):
            return None
        return fetch if fetch.messages and fetch.messages[0]["SequenceNumber"] == self.position.after else None

    async def _go_on(self) -> Found:
        """The stream forgets records of that age: do what the settings say, and tell the function what may be missing."""
        hours = self._shared.about.retention_ms // 3_600_000
        if self._policy(f"is older than the {hours} h for which the stream keeps records") == "earliest":
            to, iterator = BEGINNING, await self._shared.stream.after(self._shard, BEGINNING)
        else:
            to = Position("", self._shared.time.now_ms())
            iterator = await self._shared.stream.latest(self._shard)
        gap = self._gap(str(to))
        self.position = to
        return Found(iterator, gap, str(to))

    def _policy(self, reason: str) -> str:
        policy = self._shared.settings.position_lost
        log.warning("position_lost", source=self._source, position=str(self.position), position_lost=policy)
        if policy == "stop":
            raise SourceRefused(f"position_lost: the position {self.position} of {self._source} {reason}")
        return policy

    def _gap(self, to: str) -> Record:
        return gap_record(self._source, str(self.position), to, self._shared.settings.position_lost, self._shared.time.now_ms())
