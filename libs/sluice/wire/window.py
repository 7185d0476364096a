"""How much of what was handed over may be unanswered at a time, in events and in bytes, shared fairly. Pure."""

from collections.abc import Hashable


class Window:
    """Bounds what is open, for each name and over all.

    A name may hold as much as the others leave free: one alone gets half, of n that are stuck each gets 1/(n+1), and there is always room
    for one more name. A name that holds nothing may always put one thing in, however large.
    """

    def __init__(self, events: int, size: int) -> None:
        self._free_events = events
        self._free_size = size
        self._open: dict[Hashable, tuple[int, int]] = {}

    def fits(self, name: Hashable, events: int, size: int) -> bool:
        held = self._open.get(name)
        if held is None:
            return True
        return held[0] + events <= self._free_events - events and held[1] + size <= self._free_size - size

    def enter(self, name: Hashable, events: int, size: int) -> None:
        held = self._open.get(name, (0, 0))
        self._open[name] = (held[0] + events, held[1] + size)
        self._free_events -= events
        self._free_size -= size

    def leave(self, name: Hashable, events: int, size: int) -> None:
        held_events, held_size = self._open[name]
        if held_events == events:
            del self._open[name]
        else:
            self._open[name] = (held_events - events, held_size - size)
        self._free_events += events
        self._free_size += size

    @property
    def open_events(self) -> int:
        return sum(events for events, _ in self._open.values())

    @property
    def open_size(self) -> int:
        return sum(size for _, size in self._open.values())
