"""What an earlier runner of the same data directory left behind when it was killed: processes, found by a mark in their environment."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

MARK = "SLUICE_INSTANCE"
GONE_WITHIN_S = 5.0


def kill(identity: str) -> None:
    """Kill every process that carries the mark of the data directory. Returns when they are gone, or cannot be made to go."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (left := find(identity)) and time.monotonic() < deadline:
        for process in left:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.005)


def find(identity: str) -> list[int]:
    """Processes with the mark."""
    mark = f"{MARK}={identity}/".encode()
    return [int(process.name) for process in Path("/proc").iterdir() if process.name.isdigit() and _carries(process, mark)]


def _carries(process: Path, mark: bytes) -> bool:
    if int(process.name) == os.getpid():
        return False
    try:
        return any(entry.startswith(mark) for entry in (process / "environ").read_bytes().split(b"\0"))
    except OSError:
        return False
