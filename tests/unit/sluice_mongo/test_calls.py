"""Calls of a driver that loses cancellations."""

import asyncio
from typing import NoReturn

import pytest

from sluice_mongo.calls import Calls


async def loses_a_cancellation(released: asyncio.Event) -> str:
    while not released.is_set():
        try:
            await released.wait()
        except asyncio.CancelledError:
            continue  # as the driver does now and then
    return "done"


async def fails() -> NoReturn:
    raise ValueError("as the driver says")


async def test_a_call_gives_what_it_gives() -> None:
    released = asyncio.Event()
    released.set()
    assert await Calls().ask(loses_a_cancellation(released)) == "done"
    with pytest.raises(ValueError, match="as the driver says"):
        await Calls().ask(fails())


async def test_who_is_cancelled_stops_waiting_at_once_and_the_call_ends_by_itself() -> None:
    calls, released = Calls(), asyncio.Event()
    asking = asyncio.create_task(calls.ask(loses_a_cancellation(released)))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking}, timeout=5)
    assert asking.cancelled()
    released.set()
    await calls.settle(5)
    assert not calls._left


async def test_the_last_call_takes_those_along_that_were_left_and_never_raises() -> None:
    calls, released = Calls(), asyncio.Event()
    asking = asyncio.create_task(calls.ask(loses_a_cancellation(released)))
    await asyncio.sleep(0)
    asking.cancel()

    async def close() -> None:
        released.set()
        await fails()

    await calls.end(close(), 5)
    assert not calls._left


async def test_the_end_is_bounded() -> None:
    calls, never = Calls(), asyncio.Event()
    await calls.end(loses_a_cancellation(never), 0.01)
    assert len(calls._left) == 1
    never.set()
    await calls.settle(5)
