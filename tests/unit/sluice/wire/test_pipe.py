"""The coalescing writer and the signs of life, without gRPC."""

import asyncio
from collections.abc import Awaitable

import grpc.aio
import pytest

from sluice.wire.pace import Pace
from sluice.wire.pipe import Pipe, Silent
from tests.waiting import until

PACE = Pace(events=4, gather_s=0.05, beat_s=60.0)


class ListTalk:
    """Says numbers; hears anything."""

    def __init__(self) -> None:
        self.queue: list[int] = []
        self.taken: list[object] = []
        self.pause: asyncio.Future[None] | None = None

    def waiting(self) -> int:
        return len(self.queue)

    def compose(self) -> list[int]:
        message, self.queue = self.queue[:4], self.queue[4:]
        return message

    def heard(self, message: object) -> Awaitable[None] | None:
        if message == "refused":
            raise Silent("as good as any")
        self.taken.append(message)
        return self.pause

    def beat(self) -> None:
        pass


class Ends:
    """The two ends of a stream in memory."""

    def __init__(self, pace: Pace) -> None:
        self.inbox: asyncio.Queue[object] = asyncio.Queue()
        self.written: list[list[int]] = []
        self.talk = ListTalk()
        self.pipe: Pipe[list[int], object] = Pipe(self.talk, self.inbox.get, self.write, pace)
        self.running = asyncio.ensure_future(self.pipe.run())

    async def write(self, message: list[int]) -> None:
        self.written.append(message)

    def say(self, *numbers: int) -> None:
        for number in numbers:
            self.talk.queue.append(number)
            self.pipe.wake()

    async def end(self) -> None:
        self.inbox.put_nowait(grpc.aio.EOF)
        await self.running


async def test_a_lone_message_leaves_at_once() -> None:
    loop = asyncio.get_running_loop()
    ends = Ends(Pace(gather_s=5.0, beat_s=60.0))
    await asyncio.sleep(0)
    began = loop.time()
    ends.say(1)
    await until(lambda: ends.written)
    assert loop.time() - began < 1.0
    await ends.end()


async def test_what_follows_soon_is_gathered_until_a_message_is_full() -> None:
    ends = Ends(Pace(events=4, gather_s=5.0, beat_s=60.0))
    await asyncio.sleep(0)
    ends.say(1)
    await until(lambda: ends.written == [[1]])
    for number in range(2, 5):
        ends.say(number)
        await asyncio.sleep(0)
    assert ends.written == [[1]]
    ends.say(5)
    await until(lambda: ends.written == [[1], [2, 3, 4, 5]])
    await ends.end()


async def test_what_follows_soon_is_gathered_no_longer_than_a_moment() -> None:
    ends = Ends(PACE)
    await asyncio.sleep(0)
    ends.say(1)
    await until(lambda: ends.written)
    ends.say(2)
    await asyncio.sleep(0)
    ends.say(3)
    await until(lambda: ends.written == [[1], [2, 3]])
    await ends.end()


async def test_a_silent_peer_is_given_up_and_meanwhile_hears_from_us() -> None:
    ends = Ends(Pace(beat_s=0.02, beats=3))
    ends.inbox.put_nowait("hello")
    with pytest.raises(Silent, match="4 beats"):
        await asyncio.wait_for(ends.running, 5)
    assert [] in ends.written


async def test_a_peer_is_not_blamed_while_we_hold_it_back() -> None:
    ends = Ends(Pace(beat_s=0.01, beats=2))
    ends.talk.pause = asyncio.get_running_loop().create_future()
    ends.inbox.put_nowait("more than we can take")
    await until(lambda: len(ends.written) > 8)
    assert not ends.running.done()
    ends.talk.pause.set_result(None)
    ends.talk.pause = None
    await ends.end()


async def test_a_fault_of_the_talk_ends_the_stream() -> None:
    ends = Ends(PACE)
    ends.inbox.put_nowait("refused")
    with pytest.raises(Silent, match="as good"):
        await ends.running
