"""Deadlines of many requests with one timer. A connection stands on the wheel at most once and is looked at when its tick comes."""

import asyncio

from sluice_runner.connection import Connection

TICK_S = 0.05


class Deadlines:
    """A busy connection past its deadline ends as LATE, at most two ticks after it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._wheel: dict[int, list[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._done = 0

    def watch(self, connection: Connection, deadline: float) -> None:
        """`deadline` in the loop's time. A later deadline of a connection that is on the wheel costs nothing."""
        connection.deadline = deadline
        tick = int(deadline / TICK_S) + 1
        if 0 < connection.wheel_tick <= tick:
            return
        self._place(connection, tick)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wheel.clear()

    def _place(self, connection: Connection, tick: int) -> None:
        connection.wheel_tick = tick
        self._wheel.setdefault(tick, []).append(connection)
        if self._timer is None:
            self._done = int(self._loop.time() / TICK_S)
            self._timer = self._loop.call_later(TICK_S, self._turn)

    def _turn(self) -> None:
        now = self._loop.time()
        self._timer = None
        first, self._done = self._done + 1, int(now / TICK_S)
        for tick in range(first, self._done + 1):
            for connection in self._wheel.pop(tick, ()):
                if connection.wheel_tick == tick:
                    self._look(connection, now)
        if self._wheel and self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._turn)

    def _look(self, connection: Connection, now: float) -> None:
        connection.wheel_tick = 0
        if not connection.busy:
            return
        if connection.deadline <= now:
            connection.expire()
        else:
            self._place(connection, int(connection.deadline / TICK_S) + 1)
