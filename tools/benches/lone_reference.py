"""What a lone record takes without Sluice on the same machine: to a bare aiokafka consumer, and one write to the disk."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import uvloop
from aiokafka import AIOKafkaConsumer

WRITES = 100
PAUSE_S = 0.01
WITHIN_S = 60.0


def bare(bootstrap: str, topic: str, produce: Callable[[], None], count: int) -> list[float]:
    """Milliseconds from produce to a consumer with the trigger's settings. `produce` sends so many records, `sent:<nanoseconds>` first."""
    latencies: list[float] = uvloop.run(asyncio.wait_for(_bare(bootstrap, topic, produce, count), WITHIN_S))
    return latencies


async def _bare(bootstrap: str, topic: str, produce: Callable[[], None], count: int) -> list[float]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="latest", isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        await consumer.seek_to_end()
        await consumer.getmany(timeout_ms=200)
        producing = asyncio.create_task(asyncio.to_thread(produce))
        latencies: list[float] = []
        while len(latencies) < count:
            batches = await consumer.getmany(timeout_ms=1000)
            now = time.time_ns()
            latencies += [(now - _sent(record.value)) / 1e6 for records in batches.values() for record in records]
        await producing
        return latencies
    finally:
        await consumer.stop()


def _sent(value: bytes) -> int:
    return int(value.removeprefix(b"sent:").split(None, 1)[0])


def writes(folder: Path) -> list[float]:
    """Milliseconds of one write of 4 KiB until it is on disk, what each commit of the ledger begins with."""
    descriptor = os.open(folder / "written", os.O_WRONLY | os.O_CREAT)
    took = []
    try:
        for _ in range(WRITES):
            os.write(descriptor, b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(descriptor)
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE_S)
    finally:
        os.close(descriptor)
    return took
