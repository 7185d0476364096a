"""How long to wait before reading again, so that a fetch carries many records when there are many. Pure."""

import math

WINDOW_S = 0.05
BUSY = 100
"""Records within the window from which waiting pays: a fetch costs as much as 50 records."""
FULL = 400
"""A read of so many records needs no waiting."""
PAUSE_S = 0.008


class Pace:
    """Nothing waits while records are few: a lone one is handed over at once."""

    def __init__(self) -> None:
        self._recent = 0.0
        self._at = 0.0

    def pause(self, now: float, records: int) -> float:
        """`records` were read at `now` (monotonic seconds): wait so long before the next read."""
        self._recent = self._recent * math.exp((self._at - now) / WINDOW_S) + records
        self._at = now
        return PAUSE_S if self._recent > BUSY and records < FULL else 0.0
