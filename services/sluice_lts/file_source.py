"""A followed file as a source with positions."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from sluice.clock import Clock
from sluice.errors import ClaimLost, SourceLost, SourceRefused, Unavailable, foremost
from sluice.event import Record
from sluice.followed_file import FollowedFile, Line, PlaceLost
from sluice.ledger import Claim
from sluice.readable_files import ReadableFiles
from sluice.trigger import Intake
from sluice_lts.log import Log, message_of
from sluice_lts.records import gap_record, record_of
from sluice_lts.settings import LtsSettings

MOST_BYTES = 4 * 1024 * 1024
MOST_LINES = 16_000
"""What of one file may wait for acceptance, whichever is reached first; a read adds at most one more batch."""
RECLAIM_S = 0.05
"""First pause before a lost claim is asked for again; it doubles up to the last."""
RECLAIM_MOST_S = 5.0


class FileSource:
    """Reads one file, for one claim after another, until cancelled."""

    def __init__(self, path: str, settings: LtsSettings, readable: ReadableFiles, clock: Clock) -> None:
        self._path = path
        self._settings = settings
        self._readable = readable
        self._clock = clock
        self._host = socket.gethostname()
        self._has_accepted = False
        self._waiting_bytes = self._waiting_lines = 0

    async def run(self, intake: Intake, begun: Callable[[], None]) -> None:
        """`begun` is called each time when the place to read from is known. Raises SourceRefused for a file that may not be read or whose
        place is lost, SourceLost if the machine fails at it."""
        pause_s = 0.0
        while True:
            claim = await intake.claim(self._path)
            self._has_accepted, self._waiting_bytes, self._waiting_lines = False, 0, 0
            try:
                await self._read(intake, claim, begun)
            except ClaimLost:
                before = 0.0 if self._has_accepted else pause_s
                pause_s = min(max(2 * before, RECLAIM_S), RECLAIM_MOST_S)
                await asyncio.sleep(pause_s)
            except SourceLost:
                raise
            except Unavailable as unavailable:
                await asyncio.sleep(unavailable.retry_after_s)
            intake.release(claim)

    async def _read(self, intake: Intake, claim: Claim, begun: Callable[[], None]) -> None:
        file = FollowedFile(Path(self._path), self._readable)
        try:
            place, gap = await asyncio.to_thread(self._begin, file, claim.position)
            if gap or claim.position is None:
                # kept at once, so that a restart goes on from here and not from wherever the file ends then
                await intake.offer(claim, gap, place)
            begun()
            async with asyncio.TaskGroup() as offers:
                await self._follow(file, intake, claim, offers)
        except BaseExceptionGroup as group:
            raise foremost(group) from None
        finally:
            file.close()

    def _begin(self, file: FollowedFile, position: str | None) -> tuple[str, Sequence[Record]]:
        """Where reading goes on, and what tells of a part that is gone."""
        start, policy = self._settings.start_position, self._settings.position_lost
        try:
            return file.begin(position, start), ()
        except PlaceLost as lost:
            if policy == "stop":
                raise SourceRefused(f"files: {lost} (position_lost is stop)") from None
            place = file.begin(None, policy)
            return place, [gap_record(self._path, position or "", place, policy, self._now_ms())]

    async def _follow(self, file: FollowedFile, intake: Intake, claim: Claim, offers: asyncio.TaskGroup) -> None:
        answered = asyncio.Event()

        async def offer(records: Sequence[Record], size: int, to: str) -> None:
            await intake.offer(claim, records, to)
            self._has_accepted = True
            self._waiting_bytes -= size
            self._waiting_lines -= len(records)
            answered.set()

        while True:
            lines, to = await file.next_lines()
            records = [self._record(line) for line in lines]
            size = sum(record.size for record in records)
            self._waiting_bytes += size
            self._waiting_lines += len(records)
            offers.create_task(offer(records, size, to))
            while self._waiting_bytes >= MOST_BYTES or self._waiting_lines >= MOST_LINES:
                answered.clear()
                await answered.wait()

    def _record(self, line: Line) -> Record:
        name = f"{line.file}-{line.offset}"
        log = Log(message_of(line.text), self._now_ms(), self._host, "", self._path, name, line.number)
        return record_of(self._path, log, position=name)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)
