"""What an earlier runner of the same data directory left behind when it was killed: processes, found by a mark in their environment."""

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "SLUICE_INSTANCE"


def kill(identity: str) -> int:
    """Kill every process that carries the mark of the data directory. Returns how many there were."""
    mark = f"{MARK}={identity}/".encode()
    killed = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            if any(entry.startswith(mark) for entry in (process / "environ").read_bytes().split(b"\0")):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
    return killed
