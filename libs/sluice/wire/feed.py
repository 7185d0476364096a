"""A stream of answers with signs of life: in batches on the server's side, and one by one again on the client's."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, TypeVar

import grpc.aio

from sluice.errors import Unavailable
from sluice.wire.faults import ours
from sluice.wire.pace import Pace

Item = TypeVar("Item")

BATCH = 64
AHEAD = 4 * BATCH


async def feed(items: AsyncIterator[Item], pace: Pace) -> AsyncGenerator[list[Item], None]:
    """What there is, in batches; an empty one for each beat in which there was nothing. Reads at most AHEAD in advance."""
    queue: deque[Item] = deque()
    changed = asyncio.Event()
    room = asyncio.Event()

    async def read() -> None:
        async for item in items:
            queue.append(item)
            changed.set()
            while len(queue) >= AHEAD:
                room.clear()
                await room.wait()

    reading = asyncio.ensure_future(read())
    reading.add_done_callback(lambda _ended: changed.set())
    try:
        while queue or not reading.done():
            if not queue:
                changed.clear()
                await _within(changed, pace.beat_s)
            yield [queue.popleft() for _ in range(min(len(queue), BATCH))]
            room.set()
        reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def heard(call: Any, pace: Pace) -> AsyncGenerator[Any, None]:
    """The messages of a server's stream. Raises ours; Unavailable after too many beats of silence. Leaving it ends the stream."""
    try:
        while True:
            try:
                async with asyncio.timeout(pace.beat_s * (pace.beats + 1)):
                    message = await call.read()
            except TimeoutError:
                raise Unavailable("the peer shows no life") from None
            if message is grpc.aio.EOF:
                return
            yield message
    except grpc.aio.AioRpcError as error:
        raise ours(error) from None
    finally:
        call.cancel()
