"""The data directory's instances belong to one engine at a time."""

import fcntl
import os
import time
from pathlib import Path

from sluice.errors import AlreadyRunning

LOCK_WITHIN_S = 15.0


def lock(data: Path) -> int:
    """A descriptor that holds the data directory's instances; whoever inherits it holds them too. Waits while those of an earlier runner
    are being ended. Raises AlreadyRunning."""
    descriptor = os.open(data / "runner" / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_WITHIN_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise AlreadyRunning(f"another runner runs instances of {data}") from None
            time.sleep(0.01)
        else:
            return descriptor
