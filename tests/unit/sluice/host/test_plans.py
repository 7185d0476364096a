"""What is handed over at its time, together with all else that is due."""

import asyncio
import time

from sluice.clock import SteppedClock, SystemClock
from sluice.host.plans import AT_ONCE, Plans


def stepped() -> tuple[SteppedClock, Plans[str], list[list[str]]]:
    clock, found = SteppedClock(1000.0), list[list[str]]()
    return clock, Plans(clock, found.append), found


async def test_all_that_is_due_comes_at_once_in_the_order_of_times_and_of_adding() -> None:
    clock, plans, found = stepped()
    for name, at in (("d", 1003.0), ("a", 1001.0), ("c", 1002.0), ("b", 1001.0), ("later", 1009.0)):
        plans.add(name, at)
    clock.advance(5)
    plans.turn()
    assert found == [["a", "b", "c", "d"]]
    assert len(plans) == 1


async def test_nobody_comes_early() -> None:
    clock, plans, found = stepped()
    plans.add("a", 1001.0)
    clock.advance(0.999)
    plans.turn()
    assert found == []


async def test_who_is_discarded_does_not_come() -> None:
    clock, plans, found = stepped()
    plans.add("a", 1001.0)
    plans.add("b", 1001.0)
    plans.discard("a")
    plans.discard("unknown")
    clock.advance(1)
    plans.turn()
    assert found == [["b"]]


async def test_very_many_come_in_parts_and_in_order() -> None:
    clock, plans, found = stepped()
    names = [str(number) for number in range(AT_ONCE + 10)]
    for name in names:
        plans.add(name, 1001.0)
    clock.advance(1)
    plans.turn()
    assert found == [names[:AT_ONCE]]
    await asyncio.sleep(0)
    plans.turn()
    assert found[1:] == [names[AT_ONCE:]]


async def test_the_alarm_goes_off_by_itself_and_an_earlier_time_moves_it() -> None:
    came = asyncio.Queue[list[str]]()
    plans = Plans[str](SystemClock(), came.put_nowait)
    plans.add("late", time.time() + 3600)
    at = time.time() + 0.05
    plans.add("soon", at)
    async with asyncio.timeout(5):
        assert await came.get() == ["soon"]
    assert time.time() >= at


async def test_what_was_stopped_gives_nobody_back() -> None:
    clock, plans, found = stepped()
    plans.add("a", 1001.0)
    plans.stop()
    clock.advance(1)
    plans.turn()
    assert found == []
    assert not len(plans)
