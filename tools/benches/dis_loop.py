"""What reading a stream costs by itself, in a process of its own:

    python -m tools.benches.dis_loop bare|kind ENDPOINT REGION ACCESS_KEY SECRET_KEY STREAM RECORDS

`bare` is a loop over aiobotocore for each shard, which asks for a thousand records and does nothing with them. `kind` is the trigger on an
intake that accepts at once and has an event made of every fifty records. Prints records a second and CPU microseconds a record, from the
first record to the last.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import uvloop
from aiobotocore.session import AioSession

from sluice.binding import Binding
from sluice.event import Record
from sluice.ledger import Claim, SourceKey
from sluice_dis import KIND
from sluice_dis.settings import DisSettings
from tools.benches.loop import AcceptsAtOnce, Count

BATCH = 50
AT_ONCE = 1000
FUNCTION = "urn:fss:local-1:p1:function:default:f:latest"


class AcceptsSlices(AcceptsAtOnce):
    """Of a source with positions."""

    def __init__(self, settings: DisSettings, binding: Binding, count: Count) -> None:
        super().__init__(KIND, binding, settings, count)
        self._positions: dict[str, str] = {}

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        return Claim(SourceKey("bench", "1", source), 1, self._positions.get(source))

    def release(self, claim: Claim) -> None:
        """Nobody waits for it."""

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        for start in range(0, len(records), BATCH):
            self._shape(self._binding, self._settings, records[start : start + BATCH])
        for _ in records:
            self._count.one()
        self._positions[claim.key.source] = to


async def kind(endpoint: str, region: str, access_key: str, secret_key: str, stream: str, count: Count) -> None:
    login = {"endpoint": endpoint, "region": region, "access_key": access_key, "secret_key": secret_key}
    text = json.dumps({**login, "stream_name": stream, "sharditerator_type": "TRIM_HORIZON", "batch_size": BATCH}).encode()
    settings = msgspec.json.decode(text, type=DisSettings)
    binding = Binding("bench", "p1", "DIS", "dis", FUNCTION, text, batch_size=BATCH)
    running = asyncio.ensure_future(KIND.build(binding, settings).run(AcceptsSlices(settings, binding, count), lambda: None))
    await count.done.wait()
    running.cancel()
    await asyncio.wait((running,))


async def bare(endpoint: str, region: str, access_key: str, secret_key: str, stream: str, count: Count) -> None:
    login = {"region_name": region, "aws_access_key_id": access_key, "aws_secret_access_key": secret_key}
    async with AioSession().create_client("kinesis", endpoint_url=endpoint, **login) as client:
        shards = (await client.list_shards(StreamName=stream))["Shards"]
        reading = [asyncio.ensure_future(_read(client, stream, shard["ShardId"], count)) for shard in shards]
        await count.done.wait()
        for task in reading:
            task.cancel()
        await asyncio.wait(reading)


async def _read(client: Any, stream: str, shard: str, count: Count) -> None:
    iterator = (await client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"))["ShardIterator"]
    while True:
        answer = await client.get_records(ShardIterator=iterator, Limit=AT_ONCE)
        for _ in answer["Records"]:
            count.one()
        iterator = answer["NextShardIterator"]
        if not answer["Records"]:
            await asyncio.sleep(1)


async def main() -> None:
    what, endpoint, region, access_key, secret_key, stream, records = sys.argv[1:]
    count = Count(int(records))
    await {"bare": bare, "kind": kind}[what](endpoint, region, access_key, secret_key, stream, count)
    print(json.dumps(count.told()))


if __name__ == "__main__":
    uvloop.run(main())
