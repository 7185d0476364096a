"""A runner in memory: functions that answer when they are told to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from sluice.function import Function
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import Call, Done, InstanceState, LogLine


class FakeRunner:
    """Answers at once, unless `hold` is set: then `finish` answers. Each function may have `room` calls."""

    def __init__(self, room: int = 1_000, *, hold: bool = False) -> None:
        self.room = room
        self.hold = hold
        self.begun: list[Call] = []
        self.running: dict[bytes, tuple[Call, Done]] = {}
        self.settles: list[tuple[bytes, int]] = []
        self.lines: list[LogLine] = []
        self.waits: frozenset[bytes] = frozenset()
        self.asked_back: list[bytes] = []
        self._listeners: list[Callable[[str], None]] = []

    def submit(self, call: Call, done: Done) -> None:
        self.begun.append(call)
        self.running[call.id] = (call, done)
        if not self.hold:
            asyncio.get_running_loop().call_soon(self.finish, call.id)

    def finish(self, event: bytes, reply: Reply | None = None) -> None:
        call, done = self.running.pop(event)
        done(call, reply or reply_to(call))
        self.tell(call.function.urn)

    def tell(self, urn: str) -> None:
        for listener in self._listeners:
            listener(urn)

    def credit(self, function: Function) -> int:
        busy = sum(call.function.urn == function.urn for call, _ in self.running.values())
        return max(0, self.room - busy)

    def settled(self, calls: Iterable[Call]) -> None:
        self.settles += [(call.id, call.attempt) for call in calls]

    def on_credit(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        self.asked_back += [] if force else [event]
        if event not in self.running or not force:
            return False
        asyncio.get_running_loop().call_soon(self.finish, event, Reply(0, failure=Failure(FailureKind.CANCELLED, "stopped")))
        return True

    async def unstarted(self) -> frozenset[bytes]:
        return self.waits

    async def logs(self, function: str, *, since: float, limit: int, follow: bool) -> AsyncIterator[LogLine]:
        for line in self.lines[:limit]:
            if line.urn.startswith(function) and line.at >= since:
                yield line
        if follow:
            await asyncio.get_running_loop().create_future()

    async def instances(self, project: str) -> list[InstanceState]:
        return [InstanceState("i-1", f"urn:fss:here:{project}:function:default:f:1", "ready", 12.5, 3, 40.25)]


def reply_to(call: Call) -> Reply:
    """What the fake's functions say."""
    if call.body == b"fail":
        return Reply(0, failure=Failure(FailureKind.TIMEOUT, "too slow"), instance="i-2", duration_ms=3000.0)
    return Reply(200, call.body, (("x-attempt", str(call.attempt)),), None, "i-1", False, 0.5, 30.0, "printed" if call.log else "")
