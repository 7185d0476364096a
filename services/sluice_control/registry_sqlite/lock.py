"""One process at a time owns a registry: another would change it without this one's watchers hearing of it."""

import fcntl
import os
from pathlib import Path

from sluice.errors import AlreadyRunning


class RegistryLock:
    """Held until released, or until the process ends, however it ends. The file names who holds it."""

    def __init__(self, path: Path) -> None:
        """Raises AlreadyRunning, which names the process that holds it."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 100).decode(errors="replace").strip() or "another process"
            self.release()
            raise AlreadyRunning(f"{path.parent} is held by {holder}") from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Once."""
        os.close(self._descriptor)
