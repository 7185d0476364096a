"""What the service's clock says, between two answers of it."""

from sluice.clock import Clock


class ServiceTime:
    def __init__(self, told_ms: int, clock: Clock) -> None:
        self._told_ms = told_ms
        self._clock = clock
        self._at = clock.monotonic()

    def now_ms(self) -> int:
        return self._told_ms + int((self._clock.monotonic() - self._at) * 1000)
