"""CPU time and memory of Sluice's own processes: the command, its services, the fork server and its agents, but no function."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

FORK_SERVER = "forkserver"
NANOSECONDS = 1e9


class Process(msgspec.Struct, frozen=True):
    pid: int
    parent: int
    command: str


def own(processes: Iterable[Process], root: int) -> list[Process]:
    """Of all processes of the machine, those below `root` that are Sluice. What a fork server's agents have started is a function. Pure."""
    children: dict[int, list[Process]] = {}
    found: list[Process] = []
    for process in processes:
        children.setdefault(process.parent, []).append(process)
        if process.pid == root:
            found.append(process)
    for process in found:  # grows while it is read
        below = children.get(process.pid, [])
        forks = FORK_SERVER in process.command
        found.extend(child for child in below if not forks or child.command == process.command)
    return found


def running() -> list[Process]:
    return [process for entry in Path("/proc").iterdir() if entry.name.isdigit() and (process := _read(entry)) is not None]


def _read(entry: Path) -> Process | None:
    try:
        stat = (entry / "stat").read_text()
        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has just ended
        return None
    return Process(int(entry.name), int(stat.rpartition(")")[2].split()[1]), command)


class Tree:
    """The processes of one `sluice up`."""

    def __init__(self, root: int) -> None:
        self._root = root

    def members(self) -> list[Process]:
        return own(running(), self._root)

    def cpu(self) -> dict[int, int]:
        """CPU time of each thread so far (ns). A thread that ends takes its time along: compare two readings with `used_s`."""
        times: dict[int, int] = {}
        for process in self.members():
            times |= _threads(process.pid)
        return times

    def resident_mib(self) -> dict[str, float]:
        """Memory of each process, by what it is. What the fork server shares with its agents counts once."""
        sizes: dict[str, float] = {}
        for process in self.members():
            forked = FORK_SERVER in process.command
            sizes[f"{process.pid} {process.command}"] = shared_out_mib(process.pid) if forked else resident_mib(process.pid)
        return sizes


def used_s(before: Mapping[int, int], after: Mapping[int, int]) -> float:
    """CPU seconds between two readings of `Tree.cpu`."""
    return sum(time - before.get(thread, 0) for thread, time in after.items()) / NANOSECONDS


def _threads(pid: int) -> dict[int, int]:
    times = {}
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            times[int(thread)] = int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    except OSError:  # it has just ended
        pass
    return times


def resident_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def shared_out_mib(pid: int) -> float:
    """Resident memory, where a page that several processes share is divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
