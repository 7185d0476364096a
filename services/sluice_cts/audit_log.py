"""The Linux audit log as a source with positions: where reading stands, and the records that wait for the rest of their event."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from sluice.errors import SourceRefused
from sluice.event import GAP, Record
from sluice.followed_file import FollowedFile, PlaceLost
from sluice.readable_files import ReadableFiles
from sluice.trigger import Intake
from sluice_cts.assembly import Assembly
from sluice_cts.audit_line import AuditLine
from sluice_cts.linux import SERVICE, named
from sluice_cts.settings import CtsSettings
from sluice_cts.shape import value_of

WHOLE_AFTER_S = 2.0
"""An event to which nothing was added for so long is whole, as auditd's own tools have it."""


_Event = list[AuditLine]


class _Position(msgspec.Struct, frozen=True):
    place: str
    held: list[str] = []
    """Lines, byte for byte as Latin-1."""


class AuditLog:
    """Reads one log for one claim after another, until cancelled."""

    def __init__(self, settings: CtsSettings, readable: ReadableFiles) -> None:
        self._path = Path(settings.audit_log)
        self._start = settings.start_position
        self._lost = settings.position_lost
        self._readable = readable

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        claim = await intake.claim(f"file {self._path}")
        file = FollowedFile(self._path, self._readable)
        try:
            place, assembly, gap = await asyncio.to_thread(self._begin, file, claim.position)
            if gap or claim.position is None:
                await intake.offer(claim, gap, _position(place, assembly))
            ready()
            async with aclosing(_events(file, place, assembly)) as found:
                async for events, place in found:
                    await intake.offer(claim, [_record(event) for event in events], _position(place, assembly))
        finally:
            await asyncio.to_thread(file.close)

    def _begin(self, file: FollowedFile, position: str | None) -> tuple[str, Assembly, Sequence[Record]]:
        """Where to go on, with what was held there, and what tells of a part that is gone."""
        if position is None:
            return file.begin(None, self._start), Assembly(), ()
        known = _known(position)
        try:
            return file.begin(known.place, "earliest"), Assembly([line.encode("latin-1") for line in known.held]), ()
        except PlaceLost as lost:
            if self._lost == "stop":
                raise SourceRefused(f"{lost} (position_lost is stop)") from None
            place = file.begin(None, self._lost)
            return place, Assembly(), [_gap(self._path, known.place, place)]


async def _events(file: FollowedFile, place: str, assembly: Assembly) -> AsyncGenerator[tuple[list[_Event], str]]:
    """The events that become whole, and the place behind the lines that were read."""
    reading = asyncio.ensure_future(file.next_lines())
    try:
        while True:
            await asyncio.wait({reading}, timeout=WHOLE_AFTER_S if assembly.held else None)
            if reading.done():
                lines, place = reading.result()
                reading = asyncio.ensure_future(file.next_lines())
                yield [event for line in lines for event in assembly.add(line.text)], place
            else:
                yield assembly.flush(), place
    finally:
        reading.cancel()
        await asyncio.wait({reading})


def _record(event: Sequence[AuditLine]) -> Record:
    whole = named(event)
    return Record(value_of(whole.trace), SERVICE, whole.name, whole.trace.time * 1000, id=whole.name)


def _gap(path: Path, lost: str, found: str) -> Record:
    """Traces between the two places are gone; the function is told."""
    attributes = ((GAP, msgspec.json.encode({"source": str(path), "from": lost, "to": found}).decode()),)
    return Record(None, SERVICE, f"gap {lost}", int(time.time() * 1000), attributes=attributes)


def _position(place: str, assembly: Assembly) -> str:
    held = [line.decode("latin-1") for line in assembly.held]
    return msgspec.json.encode(_Position(place, held)).decode()


def _known(position: str) -> _Position:
    """Raises SourceRefused for what none of ours has written."""
    try:
        return msgspec.json.decode(position, type=_Position)
    except msgspec.DecodeError:
        raise SourceRefused(f"no position of an audit log: {position[:100]!r}") from None
