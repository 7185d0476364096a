"""A process that accepts and settles without a pause and says on standard output what was acknowledged; the crash test kills it.

python -m tests.crash.ledger_child DIRECTORY FIRST_RECORD
"""

import asyncio
import os
import sys
from pathlib import Path

from sluice.binding import Mode
from sluice.clock import SystemClock
from sluice.event import Event, event_id
from sluice.ledger import Claim, End, Ended, Ledger, Push, Route, Slice, SourceKey
from sluice.outcome import FailureKind
from sluice_dispatcher.ledger_sqlite.ledger import Options, open_ledger

FUNCTION = "urn:fss:local:demo:function:default:crash"
ROUTE = Route("demo", "crash", f"{FUNCTION}:latest", Mode.ASYNC, "kafka")
PUSHED = Route("demo", "pushed", f"{FUNCTION}:latest", Mode.ASYNC, "http")
SOURCE = SourceKey("crash", "1", "records-0")
BATCH = 7
LEASE_S = 1.0


def tell(*words: object) -> None:
    """One line, whole, straight to the pipe: what was told before the kill arrives."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def record(number: int) -> Event:
    return Event(event_id("record", str(number)), str(number).encode() * 50)


async def read_source(ledger: Ledger, claim: Claim) -> None:
    """Records of a source in order, several slices on their way at once. A body names its record, so nothing is accepted twice unseen."""
    position = int(claim.position or 0)
    while True:
        pieces = []
        for _ in range(4):
            to = position + BATCH
            start = str(position) if position else None
            pieces.append(Slice(SOURCE, claim.epoch, start, str(to), [record(number) for number in range(position, to)]))
            position = to
        await asyncio.gather(*(take(ledger, piece) for piece in pieces))


async def take(ledger: Ledger, piece: Slice) -> None:
    pendings = await ledger.accept(ROUTE, piece)
    tell("accepted", piece.to)
    first, *rest = pendings
    await ledger.settle([Ended(pending, End.SUCCESS, pending.accepted_at) for pending in rest[::2]])
    for pending in rest[::2]:
        tell("ended", pending.sequence)
    await ledger.settle([Ended(first, End.FAIL, first.accepted_at, failure=FailureKind.TIMEOUT)])
    tell("dead", first.event.id.hex())


async def push(ledger: Ledger, first: int) -> None:
    for number in range(first, sys.maxsize):
        await ledger.accept(PUSHED, Push([record(-number - 1)], [(f"push-{number}",)]))
        tell("pushed", number)


async def main(directory: Path, first: int) -> None:
    ledger = await open_ledger(directory, clock=SystemClock(), options=Options(log_bytes=1 << 19, lease_s=LEASE_S))
    claim = await ledger.claim(SOURCE)
    tell("open", claim.position)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_source(ledger, claim))
        tasks.create_task(push(ledger, first))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
