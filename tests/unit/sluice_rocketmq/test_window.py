"""How much is asked for at once."""

import asyncio

from sluice_rocketmq.window import LARGEST, MOST_AT_ONCE, Window

MIB = 1024 * 1024


def test_little_is_asked_for_until_it_is_known_how_large_messages_are() -> None:
    window = Window(100, 16 * MIB)
    assert window.ask() == 16 * MIB // LARGEST
    window.take([1000])
    assert window.ask() == MOST_AT_ONCE


def test_no_more_messages_are_asked_for_than_there_is_room() -> None:
    window = Window(40, 16 * MIB)
    window.take([1] * 32)
    assert window.ask() == 8
    window.take([1] * 8)
    assert window.ask() == 0


def test_of_large_messages_fewer_are_asked_for_and_none_when_they_fill_the_room() -> None:
    window = Window(100, 16 * MIB)
    window.take([3 * MIB])
    assert window.ask() == 4
    window.take([4 * MIB] * 4)
    assert window.ask() == 0


async def test_room_comes_with_what_is_accepted() -> None:
    window = Window(1, 16 * MIB)
    window.take([5])
    waiting = asyncio.create_task(window.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    window.give(5)
    assert await asyncio.wait_for(waiting, 5) == 1
