"""The engine's port: what starts and stops instances of functions. `process` is one; containers and pods are others.

An engine knows nothing of calls. It starts what it is told, says when the function's server listens, and says when an instance ended.
"""

import socket
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

import msgspec

from sluice.errors import SluiceError
from sluice.function import Function


class StartFailed(SluiceError):
    """The instance could not be started, ended before its server listened, or never listened. The message says which."""


class EndCause(StrEnum):
    EXITED = "exited"
    """By itself: an exit code or a signal that was not ours."""
    STOPPED = "stopped"
    """Because `stop` was called."""
    OUT_OF_MEMORY = "out_of_memory"
    """Killed for its memory."""


class Ended(msgspec.Struct, frozen=True):
    """The last thing said of an instance: nothing of it runs any more. `message` is for people, e.g. `exit code 3`."""

    name: str
    cause: EndCause
    message: str = ""


class Start(msgspec.Struct, frozen=True):
    """An order to start one instance. `name` is unique for the life of the data directory; `code` is the folder of the unpacked
    package, or None for an image; `timeout_s` bounds the time until the function's server listens."""

    name: str
    function: Function
    environment: Mapping[str, str]
    code: Path | None = None
    timeout_s: float = 60.0


class Instance(Protocol):
    """A started instance whose server listens."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str:
        """Where its server listens, for people to read; `connect` is the way in."""
        ...

    async def connect(self) -> socket.socket:
        """A new non-blocking TCP connection to the function's server. Raises OSError."""
        ...

    def memory_mb(self) -> float:
        """What it uses now (MiB), measured at most once in a while; 0 where it is not known."""
        ...

    def drain(self) -> None:
        """Hand what it has printed until now to the watcher before this returns, as far as the engine can know it."""
        ...


class Watcher(Protocol):
    """Is told what happens to instances. Called on the event loop; must not block."""

    def ended(self, end: Ended) -> None:
        """Exactly once for every instance that was started, also if `start` raised after it ran."""
        ...

    def printed(self, name: str, stream: str, data: bytes) -> None:
        """Bytes from `stdout` or `stderr`, as they came; lines may be cut anywhere."""
        ...


class Isolation(msgspec.Struct, frozen=True):
    """How instances are kept apart, for `sluice doctor`. `mode` is the engine's own word; `notes` say what is missing and why."""

    engine: str
    mode: str
    own_network: bool = False
    way_out: bool = False
    data_hidden: bool = False
    memory_limit: str = "none"
    """`cgroup` (the kernel's), `watched` (measured and killed) or `none`."""
    notes: tuple[str, ...] = ()


class Engine(Protocol):
    """Starts instances. Entering it removes what an earlier runner of the same data directory left behind; leaving it ends everything."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    def watch(self, watcher: Watcher) -> None:
        """Once, before the first start."""
        ...

    async def start(self, order: Start) -> Instance:
        """Returns when the function's server accepts connections. Raises StartFailed; then nothing of the instance is left. Cancelling
        it ends the instance."""
        ...

    async def stop(self, name: str, *, grace_s: float = 0.0) -> None:
        """End an instance whole: all its processes. With `grace_s` it is asked first (SIGTERM). Returns when nothing of it runs;
        harmless if it has ended."""
        ...

    async def list(self) -> list[str]:
        """Names of the instances that run."""
        ...

    def describe(self) -> Isolation: ...
