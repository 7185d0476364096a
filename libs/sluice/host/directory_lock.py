"""One process at a time works on a data directory."""

import fcntl
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from sluice.errors import AlreadyRunning


class DirectoryLock:
    """Held until released or until the process ends, however it ends. The file `name` says who holds it."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / name
        self._descriptor = -1

    def take(self) -> None:
        """Raises AlreadyRunning, which names the process that holds it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise AlreadyRunning(f"{self._path.parent} is held by {holder}: stop it, or name another data directory") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, started {_started()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _started() -> str:
    """When this process started, as the kernel knows it."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return datetime.fromtimestamp(time.time() - age_s, UTC).isoformat(timespec="seconds")
