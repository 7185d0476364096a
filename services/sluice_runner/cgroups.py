"""Control groups: the kernel's own limit of an instance's memory and processes. Version 1 and 2, where they can be written."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MAX_PROCESSES = 1024
_REMOVE_WITHIN_S = 2.0


class Cgroups:
    """A folder of control groups for one data directory. Raises OSError if they cannot be used here."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        self.unified = (root / "cgroup.controllers").exists()
        bases = [root] if self.unified else [root / "memory", root / "pids"]
        self._folders = [base / name for base in bases if base.is_dir()]
        self._count = 0
        if not self.unified and not (root / "memory" / "cgroup.procs").exists():
            raise FileNotFoundError("there is no memory controller")

    def open(self) -> None:
        """Make the folders, and remove what an earlier runner left in them."""
        for folder in self._folders:
            if self.unified:
                (folder.parent / "cgroup.subtree_control").write_text("+memory +pids")
            folder.mkdir(exist_ok=True)
            if self.unified:
                (folder / "cgroup.subtree_control").write_text("+memory +pids")
            for left in _below(folder):
                _remove(left)

    def close(self) -> None:
        for folder in self._folders:
            for left in _below(folder):
                _remove(left)
            with suppress(OSError):
                folder.rmdir()

    def new(self) -> "Cgroup":
        self._count += 1
        return Cgroup([folder / str(self._count) for folder in self._folders], unified=self.unified)


class Cgroup:
    """The control group of one instance. Raises OSError if it cannot be made."""

    def __init__(self, folders: list[Path], *, unified: bool) -> None:
        self._folders = folders
        self._unified = unified
        for folder in folders:
            folder.mkdir()
        _write_if_there(folders[-1] / "pids.max", str(MAX_PROCESSES))
        usage = "memory.current" if unified else "memory.usage_in_bytes"
        self._usage = os.open(folders[0] / usage, os.O_RDONLY | os.O_CLOEXEC)

    def limit(self, memory_mb: int) -> None:
        """The kernel kills what goes over this, without swapping it out first. Raises OSError."""
        memory, limit = self._folders[0], str(memory_mb << 20)
        if self._unified:
            (memory / "memory.max").write_text(limit)
            _write_if_there(memory / "memory.swap.max", "0")
            _write_if_there(memory / "memory.oom.group", "1")
        else:
            (memory / "memory.limit_in_bytes").write_text(limit)
            _write_if_there(memory / "memory.memsw.limit_in_bytes", limit)

    @property
    def members(self) -> list[str]:
        """Files into which a process writes itself."""
        return [str(folder / "cgroup.procs") for folder in self._folders]

    def memory_mb(self) -> float:
        with suppress(OSError, ValueError):
            return int(os.pread(self._usage, 32, 0)) / (1 << 20)
        return 0.0

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed anything in here for its memory."""
        name = "memory.events" if self._unified else "memory.oom_control"
        with suppress(OSError):
            words = (self._folders[0] / name).read_text().split()
            return int(dict(zip(words[::2], words[1::2], strict=True)).get("oom_kill", "0")) > 0
        return False

    def close(self) -> None:
        """Measure no more."""
        if self._usage >= 0:
            os.close(self._usage)
            self._usage = -1

    def remove(self) -> None:
        """Blocks for a moment where the kernel has not let go of the last process."""
        for folder in self._folders:
            _remove(folder)


def _below(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        yield from [each for each in folder.iterdir() if each.is_dir()]


def _remove(folder: Path) -> None:
    """Kill what is in the group, and remove it."""
    deadline = time.monotonic() + _REMOVE_WITHIN_S
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError, ProcessLookupError):
            for process in (folder / "cgroup.procs").read_text().split():
                os.kill(int(process), signal.SIGKILL)
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.005)
        else:
            return


def _write_if_there(file: Path, content: str) -> None:
    with suppress(OSError):
        file.write_text(content)
