"""What people write by hand today, as a yardstick: aiokafka and aiohttp, 64 calls in flight, at least once, committed after success.

    python -m tools.benches.handwritten BOOTSTRAP TOPIC URL RECORDS

Prints records a second and CPU microseconds a record as JSON. It keeps what is in flight in memory only: it is not durable, knows no
retries, no ids, no limits, no isolation.
"""

import asyncio
import json
import resource
import sys
import time
import uuid

import aiohttp
import uvloop
from aiokafka import AIOKafkaConsumer

IN_FLIGHT = 64
WARM_SHARE = 0.05
CONTENT_TYPE = {"Content-Type": "application/json"}


class Relay:
    """Calls the function for each record; commits a read once all of it has succeeded."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._room = asyncio.Semaphore(IN_FLIGHT)
        self.succeeded = 0

    async def run(self, consumer: AIOKafkaConsumer, wanted: int) -> None:
        """Two reads overlap, so that the calls of one do not wait for the slowest of the other."""
        before: asyncio.Task[None] | None = None
        while self.succeeded < wanted:
            batches = await consumer.getmany(timeout_ms=200, max_records=500)
            current = asyncio.create_task(self._all(consumer, batches, before))
            if before is not None:
                await before
            before = current
            if not batches:
                await current

    async def _all(self, consumer: AIOKafkaConsumer, batches: dict, before: "asyncio.Task[None] | None") -> None:  # type: ignore[type-arg]
        await asyncio.gather(*[self._call(record.value) for records in batches.values() for record in records])
        if before is not None:
            await before
        if batches:
            await consumer.commit({place: records[-1].offset + 1 for place, records in batches.items()})

    async def _call(self, value: bytes) -> None:
        async with self._room:
            while True:
                async with self._http.post(self._url, data=value, headers=CONTENT_TYPE) as answer:
                    await answer.read()
                if answer.status == 200:
                    break
        self.succeeded += 1


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(bootstrap: str, topic: str, url: str, records: int) -> dict[str, float]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=uuid.uuid4().hex, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as http:
            relay = Relay(http, url)
            await relay.run(consumer, int(records * WARM_SHARE))
            done, cpu, wall = relay.succeeded, cpu_s(), time.perf_counter()
            await relay.run(consumer, records)
            done, cpu, wall = relay.succeeded - done, cpu_s() - cpu, time.perf_counter() - wall
            assert relay.succeeded == records, (relay.succeeded, records)
    finally:
        await consumer.stop()
    return {"rate": done / wall, "cpu_us": cpu / done * 1e6}


if __name__ == "__main__":
    bootstrap, topic, url, records = sys.argv[1:]
    print(json.dumps(uvloop.run(main(bootstrap, topic, url, int(records)))))
