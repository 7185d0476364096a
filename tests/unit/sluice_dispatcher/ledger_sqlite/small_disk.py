"""Fills a small disk with a ledger, as a process of its own in a mount namespace of its own."""

import asyncio
import os
import sys
from pathlib import Path

from sluice.clock import SteppedClock
from sluice.errors import LedgerFull
from sluice.ledger import Pending, Push
from sluice.usage import Usage
from sluice_dispatcher.ledger_sqlite.ledger import Options, SqliteLedger, open_ledger
from tests.contracts.ledger import PUSHED, events, success


async def accept_until_full(ledger: SqliteLedger) -> list[Pending]:
    accepted: list[Pending] = []
    try:
        while True:
            accepted += await ledger.accept(PUSHED, Push(events(64, body=b"x" * 4_000)))
    except LedgerFull:
        return accepted


async def figures_are_refused(ledger: SqliteLedger) -> None:
    """The reserve is for ends; and who waits for figures to be written must not wait for the disk."""
    try:
        async with asyncio.timeout(5):
            await ledger.add_usage([Usage(PUSHED.function, 600, 1)])
    except LedgerFull:
        return
    raise AssertionError("figures were written into the reserve")


async def main(directory: Path) -> None:
    clock = SteppedClock()
    options = Options(reserve_bytes=4 << 20, log_bytes=2 << 20)
    ledger = await open_ledger(directory, clock=clock, options=options)
    accepted = await accept_until_full(ledger)
    assert len(accepted) > 1_000
    os.write(1, b"full\n")
    await figures_are_refused(ledger)
    for at in range(0, len(accepted), 50):
        await ledger.settle([success(one) for one in accepted[at : at + 50]])
    assert ledger.counts()["trigger-2"].success == len(accepted)
    os.write(1, b"ended\n")
    for _ in range(10):
        clock.advance(2)
        try:
            again = await ledger.accept(PUSHED, Push(events(64)))
            break
        except LedgerFull:
            continue
    await ledger.settle([success(one) for one in again])
    await ledger.close()
    ledger = await open_ledger(directory, clock=clock, options=options)
    counts = ledger.counts()["trigger-2"]
    assert (counts.received, counts.open) == (len(accepted) + len(again), 0)
    await ledger.close()
    os.write(1, b"again\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
