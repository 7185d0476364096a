"""Who rests until when: a moment's worth of triggers in one set each, so that a hundred thousand of them cost little."""

import random
from typing import Generic, TypeVar

T = TypeVar("T")

LEAD_S = 1.0
"""Before its instant a trigger is awake, and waits for it by itself."""
SPREAD_S = 1.0
"""Triggers of the same instant wake within so long a time, and not while those of the instant before fire."""
PAUSE_S = 0.5
"""Triggers that have fired together go on within so long a time: less than the shortest period there is."""
LONGEST_S = 86_400.0
SLOTS_A_SECOND = 16


class Rests(Generic[T]):
    """Whoever rests is given back once, a little before its time."""

    def __init__(self, now: float) -> None:
        self._slots: dict[int, set[T]] = {}
        self._slot_of: dict[T, int] = {}
        self._next = int(now * SLOTS_A_SECOND)

    def __len__(self) -> int:
        return len(self._slot_of)

    def add(self, one: T, until: float, now: float) -> None:
        wake = min(until, now + LONGEST_S) - LEAD_S - random.random() * SPREAD_S  # noqa: S311 - spreads the work, guards nothing
        self._put(one, wake)

    def _put(self, one: T, wake: float) -> None:
        slot = max(int(wake * SLOTS_A_SECOND), self._next)
        self._slots.setdefault(slot, set()).add(one)
        self._slot_of[one] = slot

    def soon(self, one: T, now: float) -> None:
        """Back within PAUSE_S, spread over it."""
        self._put(one, now + random.random() * PAUSE_S)  # noqa: S311 - spreads the work, guards nothing

    def discard(self, one: T) -> None:
        slot = self._slot_of.pop(one, None)
        if slot is not None:
            self._slots[slot].discard(one)

    def due(self, now: float) -> list[T]:
        """Those whose time has come. A clock that is set back lets them rest longer, one that is set forward wakes them."""
        slot = int(now * SLOTS_A_SECOND)
        passed = range(self._next, slot + 1) if slot - self._next < len(self._slots) else sorted(at for at in self._slots if at <= slot)
        found = [one for at in passed for one in self._slots.pop(at, ())]
        for one in found:
            del self._slot_of[one]
        self._next = slot + 1
        return found
