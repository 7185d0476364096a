"""The loop between a change stream and the intake, from one claim to its end."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from sluice.clock import Clock
from sluice.errors import SourceLost, SourceRefused
from sluice.ledger import Claim
from sluice.trigger import Intake
from sluice_mongo.changes import Batch, Change, Changes, PositionLost
from sluice_mongo.continuity import headroom_s, next_best, snapshot_from
from sluice_mongo.offers import Offers
from sluice_mongo.position import Position, Time, data_of, position
from sluice_mongo.record import gap_record, record_of
from sluice_mongo.settings import MongoSettings

READ_RECORDS = 1000
"""Most changes of one read."""
READ_BYTES = 4 * 1024 * 1024
"""Aim of what the server sends at once: fewer changes are asked for while they are large."""
IDLE_S = 10.0
"""How often the position follows what is no change of ours."""
LOOK_S = 60.0
"""How often the server's log is looked at."""

log = structlog.get_logger("sluice.mongo")


class Follower:
    """Reads while there is room, and offers what it read."""

    def __init__(
        self,
        settings: MongoSettings,
        changes: Changes,
        intake: Intake,
        claim: Claim,
        tasks: asyncio.TaskGroup,
        clock: Clock,
        idle_s: float = IDLE_S,
    ) -> None:
        self.offers = Offers(intake, claim, tasks)
        self._settings = settings
        self._changes = changes
        self._source = claim.key.source
        self._claimed = claim.position
        self._tasks = tasks
        self._clock = clock
        self._idle_s = idle_s
        self._wanted = frozenset(settings.operations)
        self._at = Position(Time(0, 0))
        """What was handed over reaches to here."""
        self._told = 0.0
        """When the intake was last told of a position."""
        self._most = READ_RECORDS

    async def run(self, ready: Callable[[], None]) -> None:
        """Never returns."""
        await self._begin(ready)
        self._tasks.create_task(self._watch_log())
        while True:
            await self.offers.room()
            batch = await self._read()
            self._hand_over(batch)
            if batch.ended:
                await self._go_on_after(batch)

    # where to begin

    async def _begin(self, ready: Callable[[], None]) -> None:
        """As soon as there is a position, whatever is written from then on will be read."""
        known = self._claimed is not None
        self._at = position(self._claimed) if self._claimed is not None else await self._first()
        ready()
        if not known:
            # The first position is kept at once, so that a restart goes on from here and not from what is then the present.
            self._tell(self._at)
        if known or self._settings.start_position != "latest":
            await self._resume()

    async def _first(self) -> Position:
        match self._settings.start_position:
            case "snapshot":
                return snapshot_from(await self._changes.now())
            case "timestamp":
                return Position(Time(self._settings.start_timestamp // 1000, 1))
            case _:
                return await self._changes.open(None)

    async def _resume(self) -> None:
        """Go on at the position, whatever that takes."""
        if self._at.snapshot is not None:
            await self._read_snapshot()
        try:
            await self._changes.open(self._at)
        except PositionLost as lost:
            await self._move(lost)

    # what is read

    async def _read(self) -> Batch:
        try:
            return await self._changes.read(self._most)
        except PositionLost as lost:
            await self._move(lost)
            return Batch((), self._at)

    def _hand_over(self, batch: Batch) -> None:
        stops = bool(batch.ended) and self._settings.position_lost == "stop"
        changes = batch.changes[:-1] if stops else batch.changes
        to = batch.to if not stops else changes[-1].after if changes else self._at
        records = [
            record_of(change, self._source, self._settings.metadata) for change in self._new(changes) if change.operation in self._wanted
        ]
        if records:
            size = self.offers.hand_over(records, to.text())
            self._most = max(1, min(READ_RECORDS, READ_BYTES * len(records) // max(size, 1)))
            self._at, self._told = to, self._clock.monotonic()
        elif to != self._at and (batch.ended or self._clock.monotonic() - self._told >= self._idle_s):
            self._tell(to)

    def _new(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Without those that were handed over before the token was lost."""
        passed = self._at.passed
        if not passed:
            return changes
        return [change for change in changes if change.time > self._at.time or data_of(change.after.token) > passed]

    def _tell(self, to: Position) -> None:
        self._at, self._told = to, self._clock.monotonic()
        self.offers.hand_over((), to.text())

    # what ends

    async def _go_on_after(self, batch: Batch) -> None:
        """A new stream behind the invalidation of the old one; nothing was lost. What was put in its place is read where that is wanted."""
        policy = self._settings.position_lost
        log.warning("stream_ended", source=self._source, by=batch.ended, position_lost=policy)
        if policy == "stop":
            await self.offers.settled()
            raise SourceRefused(
                f"{self._source} was ended by {batch.ended}: position_lost says whether to go on with what has its name now"
            )
        if policy == "snapshot":
            await self._snapshot()
        else:
            await self._resume()

    async def _move(self, lost: PositionLost) -> None:
        """The log cannot be read from the position: do what the settings say, and tell the function what it will not see."""
        policy, start = self._settings.position_lost, self._at
        log.warning("position_lost", source=self._source, time=start.time.seconds, reason=str(lost), position_lost=policy)
        if policy == "stop":
            raise SourceRefused(f"the log of {self._source} cannot be read from second {start.time.seconds} on: {lost}")
        if policy == "snapshot":
            to = snapshot_from(await self._changes.now())
        else:
            to = await self._open_next_best(start)
        if to.time > start.time:
            gap = gap_record(self._source, start, to, str(lost), policy, int(self._clock.time() * 1000))
            self.offers.hand_over([gap], to.text())
        else:
            self._tell(to)
        self._at = to
        if policy == "snapshot":
            await self._resume()

    async def _open_next_best(self, start: Position) -> Position:
        for better in next_best(self._settings.position_lost, start, await self._changes.log_start()):
            try:
                return await self._changes.open(better)
            except PositionLost as lost:
                log.info("position_lost_again", source=self._source, reason=str(lost))
        raise SourceLost(f"the log of {self._source} cannot be read from any position")

    # what is there

    async def _snapshot(self) -> None:
        self._tell(snapshot_from(await self._changes.now()))
        await self._resume()

    async def _read_snapshot(self) -> None:
        time = self._at.time
        snapshot = self._at.snapshot
        while snapshot is not None:
            await self.offers.room()
            page = await self._changes.page(snapshot, time, READ_RECORDS)
            snapshot = page.done
            self._at = Position(time, snapshot=snapshot)
            wanted = page.changes if "insert" in self._wanted else ()
            self.offers.hand_over([record_of(change, self._source, self._settings.metadata) for change in wanted], self._at.text())

    # what is ahead

    async def _watch_log(self) -> None:
        """Warn while the server's log holds little behind the position: it will be lost if reading stands still for that long."""
        least = self._settings.oplog_alarm_s
        while least:
            with suppress(SourceLost):  # whoever reads the stream finds out, and knows what to do
                start = await self._changes.log_start()
                if start is not None and (headroom := headroom_s(self._at, start)) < least:
                    log.warning("oplog_window_short", source=self._source, headroom_s=headroom, oplog_alarm_s=least)
            await asyncio.sleep(LOOK_S)
