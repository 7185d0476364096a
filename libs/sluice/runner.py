"""The runner's port: calls go in, replies come out, each exactly once.

In one process the dispatcher calls the runner's own methods; in the mesh a link with the same methods batches them over gRPC. Both are
callbacks on the event loop and not tasks, because a task an event would cost a tenth of the whole budget.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol

import msgspec

from sluice.function import Function
from sluice.outcome import Reply


class Call(msgspec.Struct, gc=False):
    """One attempt of one event. (id, attempt) names it.

    `timeout_s` is set when the caller has less time than the function's own timeout (0: that one). `log` asks for the tail of what is
    printed.
    """

    id: bytes
    function: Function
    body: bytes
    attempt: int = 1
    mode: str = "sync"
    """`sync` or `async`, as the function is told in X-Cff-Invoke-Type."""
    qualifier: str = ""
    """What the caller asked for: a version or `!alias` (X-Cff-Origin-Version-Tag)."""
    trace: str = ""
    log: bool = False
    timeout_s: float = 0.0


Done = Callable[[Call, Reply], None]


class Runner(Protocol):
    """Runs calls on instances. It never repeats a call; it may move one to another instance while init fails (<= 3 times)."""

    def submit(self, call: Call, done: Done) -> None:
        """Take a call; `done` is called exactly once, later, never from inside `submit`. Never refused: a call beyond the credit gets
        NO_CAPACITY after at most the wait the runner allows."""
        ...

    def settled(self, calls: Iterable[Call]) -> None:
        """What became of their replies is on disk, or nobody needs it: they may be forgotten. Until then a runner that outlives the
        dispatcher keeps them for the next one, which takes them over in place of another run."""
        ...

    def credit(self, function: Function) -> int:
        """How many more calls of the function the runner may start or hold now. Never stays 0 for a function that could be started."""
        ...

    def on_credit(self, listener: Callable[[str], None]) -> None:
        """`listener(place)` is called when the credit of a function may have grown (`Function.place`)."""
        ...

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        """Stop the call of this event if it is here; whether it will be, as far as is known. One that waits for an instance is answered
        CANCELLED, without an `instance`. With `force` the instance of one that runs is killed: its reply is CANCELLED, and so are those
        of the calls that ran beside it."""
        ...

    async def unstarted(self) -> frozenset[bytes]:
        """The events whose calls are here and wait for an instance."""
        ...


class LogLine(msgspec.Struct, frozen=True):
    """One line a function printed. `stream` is `stdout`, `stderr` or `platform`; `at` seconds since the epoch."""

    at: float
    urn: str
    instance: str
    stream: str
    text: str
    event: str = ""


class InstanceState(msgspec.Struct, frozen=True):
    """One instance as shown by `describe` and `doctor`."""

    name: str
    urn: str
    state: str
    """`starting`, `ready`, `draining` or `ended`."""
    started_at: float
    calls: int
    memory_mb: float
    reason: str = ""


class Logs(Protocol):
    """What the functions printed, kept by the runner."""

    def logs(self, function: str, *, since: float, limit: int, follow: bool) -> AsyncIterator[LogLine]:
        """Lines of a function (URN without qualifier: all its versions) in order; `follow` goes on until the reader stops."""
        ...

    async def instances(self, project: str) -> list[InstanceState]:
        """Of a project; "": all, for those who may see all."""
        ...
