"""What reading a change stream costs by itself, in a process of its own:

    python -m tools.benches.mongo_loop bare|kind HOST:PORT COLLECTION SECONDS CHANGES

`bare` is a loop over the driver's own change stream. `kind` is the trigger on an intake that accepts at once and has an event made of every
fifty changes. Both begin at that time. Prints changes a second and CPU microseconds a change, from the first change to the last.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import uvloop
from bson import Timestamp
from pymongo import AsyncMongoClient

from sluice.binding import Binding
from sluice.event import Record
from sluice.ledger import Claim, SourceKey
from sluice_mongo import KIND
from sluice_mongo.settings import MongoSettings
from tools.benches.loop import AcceptsAtOnce, Count

BATCH = 50
READ = 1000
DATABASE = "bench"
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


class KeepsPositions(AcceptsAtOnce):
    """For a source that is claimed."""

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        return Claim(SourceKey("bench", "1", source), 1, None)

    def release(self, claim: Claim) -> None:
        """Nobody else wants it."""

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        for start in range(0, len(records), BATCH):
            self._shape(self._binding, self._settings, records[start : start + BATCH])
        for _ in records:
            self._count.one()


async def kind(address: str, collection: str, seconds: int, count: Count) -> None:
    begins = {"start_position": "timestamp", "start_timestamp": seconds * 1000, "oplog_alarm_s": 0}
    text = json.dumps(
        {"instance_addrs": [address], "db_name": DATABASE, "collection_name": collection, "batch_size": BATCH, **begins}
    ).encode()
    settings = msgspec.json.decode(text, type=MongoSettings)
    binding = Binding("bench", "p1", "DDS", "mongo", FUNCTION, text, batch_size=BATCH)
    running = asyncio.ensure_future(KIND.build(binding, settings).run(KeepsPositions(KIND, binding, settings, count), lambda: None))
    await count.done.wait()
    running.cancel()
    await asyncio.wait((running,))


async def bare(address: str, collection: str, seconds: int, count: Count) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(address)
    begins = Timestamp(seconds, 1)
    async with await client[DATABASE][collection].watch(
        start_at_operation_time=begins, batch_size=READ, full_document="updateLookup"
    ) as stream:
        async for _ in stream:
            count.one()
            if count.done.is_set():
                break
    await client.close()


async def main() -> None:
    what, address, collection, seconds, changes = sys.argv[1:]
    count = Count(int(changes))
    await {"bare": bare, "kind": kind}[what](address, collection, int(seconds), count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
