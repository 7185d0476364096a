"""Which messages are ours, until when, and which of them the server may forget. Pure."""

import math
from dataclasses import dataclass

from sluice_rocketmq.broker import Receipt

MOST_ANSWERS = 256
"""So many are told to the server at once."""


@dataclass(slots=True)
class Hold:
    """One message that is here. `receipt` is None once it is no longer ours; its name changes each time it is prolonged."""

    tag: int
    receipt: Receipt | None
    size: int
    due: float = 0.0
    """When it has to be prolonged."""


class Holds:
    """Each is prolonged so many seconds after it came, and then again and again, until it is done."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._open: dict[int, Hold] = {}
        """In the order in which they are due."""
        self._done: list[Hold] = []

    def add(self, hold: Hold, now: float) -> None:
        hold.due = now + self._every_s
        self._open[hold.tag] = hold

    def done(self, tag: int) -> Hold:
        hold = self._open.pop(tag)
        self._done.append(hold)
        return hold

    def answers(self) -> list[Receipt]:
        """Some of what is done and not yet told, each once, by the names that they have now; none when there are no more."""
        while self._done:
            told, self._done = self._done[:MOST_ANSWERS], self._done[MOST_ANSWERS:]
            if receipts := [hold.receipt for hold in told if hold.receipt is not None]:
                return receipts
        return []

    def next_due(self) -> float:
        """When the next one has to be prolonged."""
        return next((hold.due for hold in self._open.values()), math.inf)

    def due(self, now: float) -> list[Hold]:
        """What has to be prolonged now; each counts as prolonged."""
        found = []
        while self.next_due() <= now:
            hold = self._open.pop(next(iter(self._open)))
            self.add(hold, now)
            found.append(hold)
        return found

    def all(self) -> list[Hold]:
        """Everything that is here and not done."""
        return list(self._open.values())
