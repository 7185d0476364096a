import asyncio

from sluice_runner.connection import Ending
from sluice_runner.deadlines import TICK_S, Deadlines
from tests.unit.sluice_runner.fake_server import Client, connected, saying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def late(client: Client, deadlines: Deadlines, seconds: float) -> float:
    """How long a request without an answer took to end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    asking = asyncio.ensure_future(client.ask())
    await asyncio.sleep(0)
    deadlines.watch(client.connection, began + seconds)
    assert await asking is Ending.LATE
    return loop.time() - began


async def test_a_request_ends_at_its_deadline_not_before_and_not_long_after() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    async with connected(saying()) as client:
        assert 0.2 <= await late(client, deadlines, 0.2) < 0.2 + 10 * TICK_S
    deadlines.close()


async def test_a_shorter_deadline_after_a_longer_one_counts() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    async with connected(saying()) as client:
        deadlines.watch(client.connection, asyncio.get_running_loop().time() + 600)
        assert await late(client, deadlines, 0.1) < 0.1 + 10 * TICK_S
    deadlines.close()


async def test_a_longer_deadline_after_a_shorter_one_counts() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    async with connected(saying()) as client:
        deadlines.watch(client.connection, asyncio.get_running_loop().time() + 0.05)
        assert await late(client, deadlines, 0.3) >= 0.3
    deadlines.close()


async def test_an_idle_connection_past_its_deadline_is_left_alone() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    async with connected(saying(OK)) as client, connected(saying()) as other:
        deadlines.watch(client.connection, asyncio.get_running_loop().time() + 0.05)
        assert await client.ask() is Ending.ANSWERED
        await late(other, deadlines, 0.2)
        assert not client.connection.closed
        assert await client.ask() is Ending.ANSWERED
    deadlines.close()


async def test_a_busy_connection_stands_on_the_wheel_once() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    async with connected(saying(OK)) as client:
        for number in range(1000):
            deadlines.watch(client.connection, asyncio.get_running_loop().time() + 10 + number)
        assert sum(len(standing) for standing in deadlines._wheel.values()) == 1
    deadlines.close()
