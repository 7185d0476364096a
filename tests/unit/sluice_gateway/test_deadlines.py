"""Waits that nobody else ends."""

import asyncio

import pytest

from sluice_gateway import deadlines
from sluice_gateway.deadlines import Deadlines


@pytest.fixture(autouse=True)
def short_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "TICK_S", 0.01)


async def wait(watched: Deadlines, seconds: float, event: asyncio.Event) -> str:
    with watched.within(seconds):
        await event.wait()
    return "done"


async def test_a_wait_that_is_over_raises_timeout_and_the_others_go_on() -> None:
    watched, event = Deadlines(), asyncio.Event()
    long = asyncio.create_task(wait(watched, 60, event))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wait(watched, 0, event), 5)
    event.set()
    assert await long == "done"
    assert not watched.waiting


async def test_a_task_that_is_cancelled_by_somebody_else_is_cancelled() -> None:
    watched, event = Deadlines(), asyncio.Event()
    task = asyncio.create_task(wait(watched, 60, event))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not watched.waiting


async def test_somebody_elses_cancelling_wins_over_a_missed_deadline() -> None:
    watched, event = Deadlines(), asyncio.Event()
    task = asyncio.create_task(wait(watched, 0, event))
    await asyncio.sleep(0)
    (deadline,) = watched.waiting
    deadline.miss()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_inside_is_that_error() -> None:
    with pytest.raises(KeyError), Deadlines().within(60):
        raise KeyError
