"""Slows down whoever guesses: failures are counted by name, and each name has only so many."""

from collections import OrderedDict

MOST_NAMES = 4_096
LONGEST_NAME = 64
"""Characters by which names are told apart: whoever guesses may write longer ones, and they are kept."""


class Throttle:
    """`burst` failures at once for each name, and one more every `every_s`. Of more than MOST_NAMES names, those whose last failure is
    longest ago are forgotten. Times are monotonic seconds."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._burst = burst
        self._every_s = every_s
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When each name has its whole burst again."""

    def wait_s(self, name: str, now: float) -> float:
        """How long until a failure of that name is allowed; 0: now."""
        return max(0.0, self._full_at.get(name[:LONGEST_NAME], now) - now - (self._burst - 1) * self._every_s)

    def failed(self, name: str, now: float) -> None:
        name = name[:LONGEST_NAME]
        self._full_at[name] = max(now, self._full_at.get(name, now)) + self._every_s
        self._full_at.move_to_end(name)
        if len(self._full_at) > MOST_NAMES:
            self._full_at.popitem(last=False)
