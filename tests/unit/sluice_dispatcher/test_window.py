"""The window of a replayable trigger: bounded, first come first served, and never left closed by a caller that went away."""

import asyncio
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import Unavailable
from sluice_dispatcher.window import Window


async def test_what_fits_enters_without_waiting() -> None:
    window = Window()
    await asyncio.wait_for(window.enter(10, 100, 10, 100), 1)
    assert (window.events, window.size) == (10, 100)


async def test_it_is_idle_when_a_new_one_would_be_the_same() -> None:
    window = Window()
    idle = [window.idle]
    await window.enter(1, 1, 1, 100)
    waiting = asyncio.ensure_future(window.enter(1, 1, 1, 100))
    await asyncio.sleep(0)
    window.leave(1, 1)
    idle.append(window.idle)
    await asyncio.wait_for(waiting, 1)
    window.leave(1, 1)
    idle.append(window.idle)
    assert idle == [True, False, True]


async def test_events_and_bytes_are_both_bounds() -> None:
    for events, size in ((1, 1_000), (1_000, 1)):
        window = Window()
        await window.enter(1, 1, 10, 100)
        waiting = asyncio.ensure_future(window.enter(events, size, 10, 100))
        await asyncio.sleep(0)
        assert not waiting.done()
        window.leave(1, 1)
        await asyncio.wait_for(waiting, 1)


async def test_what_is_larger_than_the_window_enters_alone() -> None:
    window = Window()
    await asyncio.wait_for(window.enter(500, 10**9, 10, 100), 1)
    assert window.events == 500


async def test_entries_keep_their_order_across_the_wait() -> None:
    window, order = Window(), []

    async def enter(name: int, events: int) -> None:
        await window.enter(events, 0, 3, 100)
        order.append(name)

    await window.enter(3, 0, 3, 100)
    tasks = [asyncio.ensure_future(enter(0, 2)), asyncio.ensure_future(enter(1, 1))]
    await asyncio.sleep(0)
    window.leave(3, 0)
    late = asyncio.ensure_future(enter(2, 0))  # fits at once, but others came before
    await asyncio.gather(*tasks, late)
    assert order == [0, 1, 2]


@pytest.mark.parametrize("granted", [True, False])
async def test_a_cancelled_entry_gives_its_room_back(granted: bool) -> None:
    window = Window()
    await window.enter(3, 30, 3, 100)
    gone = asyncio.ensure_future(window.enter(2, 20, 3, 100))
    behind = asyncio.ensure_future(window.enter(3, 30, 3, 100))
    await asyncio.sleep(0)
    if granted:
        window.leave(3, 30)
    gone.cancel()
    await asyncio.wait({gone})
    if not granted:
        window.leave(3, 30)
    await asyncio.wait_for(behind, 1)
    assert (window.events, window.size) == (3, 30)


async def test_who_waits_is_measured_by_bounds_that_change_meanwhile() -> None:
    window = Window()
    await window.enter(3, 30, 3, 100)
    waiting = asyncio.ensure_future(window.enter(2, 20, 3, 100))
    await asyncio.sleep(0)
    window.resize(4, 100)
    await asyncio.sleep(0)
    assert not waiting.done()
    window.resize(5, 100)
    await asyncio.wait_for(waiting, 1)
    assert (window.events, window.size) == (5, 50)


async def test_who_waits_for_nothing_is_told_and_counts_nothing() -> None:
    window = Window()
    await window.enter(3, 30, 3, 100)
    waiting = [asyncio.ensure_future(window.enter(1, 10, 3, 100)) for _ in range(3)]
    await asyncio.sleep(0)
    window.refuse("it is gone", 2.0)
    waiting[0].cancel()  # told and cancelled in the same turn
    await asyncio.wait(waiting)
    told = waiting[1].exception()
    assert (type(told), str(told)) == (Unavailable, "it is gone")
    assert (window.events, window.size) == (3, 30)
    window.leave(3, 30)
    assert window.idle


async def test_ten_thousand_who_wait_may_all_go_away_at_once() -> None:
    window = Window()
    await window.enter(1, 1, 1, 100)
    waiting = [asyncio.ensure_future(window.enter(1, 1, 1, 100)) for _ in range(10_000)]
    await asyncio.sleep(0)
    for one in reversed(waiting):
        one.cancel()
    await asyncio.wait_for(asyncio.wait(waiting), 5)
    window.leave(1, 1)
    assert window.idle


SIZES = st.sampled_from(((0, 0), (1, 1), (1, 1), (2, 10), (4, 1), (1, 20), (9, 90)))
"""Events and bytes of an entry; the window holds 5 and 25."""
ACTIONS = st.sampled_from(("enter", "enter", "leave", "cancel", "turn", "rest"))
STEPS = st.lists(st.tuples(ACTIONS, st.integers(0, 99), SIZES), min_size=20, max_size=60)


@given(STEPS)
def test_whoever_waits_enters_in_turn_however_others_go_away(steps: list[tuple[str, int, tuple[int, int]]]) -> None:
    asyncio.run(_walk(steps))


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def _walk(steps: list[tuple[str, int, tuple[int, int]]]) -> None:
    """Entries come, leave and are cancelled at any moment, granted or not, with and without a turn of the event loop between. When
    nothing moves any more, the first who waits must not fit. In the end everything leaves: then everybody must have entered, in the order
    in which they came, and nothing may be counted."""
    window, inside, order, tasks = Window(), deque[tuple[int, int]](), list[int](), list[asyncio.Task[None]]()

    async def enter(number: int, events: int, size: int) -> None:
        await window.enter(events, size, 5, 25)
        order.append(number)
        inside.append((events, size))

    for action, choice, (events, size) in steps:
        if action == "enter":
            tasks.append(asyncio.create_task(enter(len(tasks), events, size)))
        elif action == "leave" and inside:
            window.leave(*inside.popleft())
        elif action == "cancel" and tasks:
            tasks[-1 - choice % len(tasks) // 2].cancel()
        elif action == "turn":
            await asyncio.sleep(0)
        elif action == "rest":
            await turns(3 * len(tasks))
            assert not window._waiting or not window._fits(*next(iter(window._waiting.values())), 5, 25)
    for _ in tasks:
        await turns(3)
        while inside:
            window.leave(*inside.popleft())
    await turns(3)
    assert all(task.done() for task in tasks)
    assert order == sorted(order)
    assert (window.events, window.size, window.idle) == (0, 0, True)
