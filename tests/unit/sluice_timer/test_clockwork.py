"""One heap and one alarm for every timer."""

import asyncio
import time
from functools import partial

from sluice.clock import SteppedClock, SystemClock
from sluice_timer.clockwork import STRIDE, Clockwork


async def test_whoever_waits_is_woken_in_the_order_of_instants() -> None:
    clock = SteppedClock(1000.0)
    clockwork = Clockwork(clock)
    woken: list[float] = []
    waits = [clockwork.at(instant) for instant in (1003.0, 1001.0, 1002.0, 1001.0)]
    for instant, wait in zip((3, 1, 2, 1.5), waits, strict=True):
        wait.add_done_callback(partial(_note, woken, instant))
    clock.advance(5)
    clockwork.turn()
    await asyncio.gather(*waits)
    assert woken == [1, 1.5, 2, 3]


def _note(woken: list[float], instant: float, _: object) -> None:
    woken.append(instant)


async def test_nobody_is_woken_early() -> None:
    clock = SteppedClock(1000.0)
    clockwork = Clockwork(clock)
    wait = clockwork.at(1001.0)
    clock.advance(0.999)
    clockwork.turn()
    assert not wait.done()
    clock.advance(0.001)
    clockwork.turn()
    assert wait.done()


async def test_the_alarm_goes_off_by_itself() -> None:
    clockwork = Clockwork(SystemClock())
    instant = time.time() + 0.05
    async with asyncio.timeout(5):
        await clockwork.at(instant)
    assert time.time() >= instant


async def test_an_earlier_instant_moves_the_alarm() -> None:
    clockwork = Clockwork(SystemClock())
    late = clockwork.at(time.time() + 3600)
    async with asyncio.timeout(5):
        await clockwork.at(time.time() + 0.02)
    assert not late.done()


async def test_many_due_at_once_leave_turns_to_others() -> None:
    clock = SteppedClock(1000.0)
    clockwork = Clockwork(clock)
    waits = [clockwork.at(1001.0) for _ in range(3 * STRIDE)]
    clock.advance(1)
    clockwork.turn()
    assert sum(wait.done() for wait in waits) == STRIDE
    async with asyncio.timeout(5):
        await asyncio.gather(*waits)


async def test_what_was_given_up_does_not_pile_up() -> None:
    clockwork = Clockwork(SteppedClock(1000.0))
    kept = clockwork.at(5000.0)
    for _ in range(100 * STRIDE):
        clockwork.at(9000.0).cancel()
    assert len(clockwork) <= 3 * STRIDE
    assert not kept.done()


def test_a_new_event_loop_begins_anew() -> None:
    clock = SteppedClock(1000.0)
    clockwork = Clockwork(clock)

    async def wait_once() -> None:
        wait = clockwork.at(clock.time() + 1)
        clock.advance(1)
        clockwork.turn()
        async with asyncio.timeout(5):
            await wait

    for _ in range(2):
        asyncio.run(wait_once())
