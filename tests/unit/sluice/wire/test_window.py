"""The window, shared fairly."""

from hypothesis import given
from hypothesis import strategies as st

from sluice.wire.window import Window


def fill(window: Window, name: str, size: int = 1) -> int:
    count = 0
    while window.fits(name, 1, size):
        window.enter(name, 1, size)
        count += 1
    return count


def test_one_name_alone_has_half() -> None:
    assert fill(Window(1_024, 1_000_000), "a") == 512


def test_stuck_names_leave_room_for_one_more() -> None:
    window = Window(1_024, 1_000_000)
    assert [fill(window, name) for name in "abc"] == [512, 256, 128]


def test_bytes_bound_as_events_do() -> None:
    assert fill(Window(1_024, 1_000), "a", 100) == 5


def test_what_is_larger_than_the_window_goes_alone() -> None:
    window = Window(4, 100)
    assert window.fits("a", 64, 7_000)
    window.enter("a", 64, 7_000)
    assert not window.fits("a", 1, 1)
    window.leave("a", 64, 7_000)
    assert fill(window, "a") == 2


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 40), st.integers(0, 400)), max_size=60))
def test_what_is_open_stays_within_the_bound_and_one_thing_of_each_name(things: list[tuple[str, int, int]]) -> None:
    window = Window(100, 1_000)
    entered = []
    for name, events, size in things:
        if window.fits(name, events, size):
            window.enter(name, events, size)
            entered.append((name, events, size))
        firsts = {each[0]: each for each in reversed(entered)}.values()
        assert window.open_events <= 100 + sum(each[1] for each in firsts)
        assert window.open_size <= 1_000 + sum(each[2] for each in firsts)
    for each in entered:
        window.leave(*each)
    assert (window.open_events, window.open_size) == (0, 0)
    assert fill(window, "a") == 50
