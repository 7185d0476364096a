"""On what was measured."""

import os
import platform
from pathlib import Path


def describe() -> str:
    """One line: processor, memory, system, versions, and how busy others keep it."""
    memory_gib = os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[2]
    return (
        f"{os.cpu_count()} cores of {processor(Path('/proc/cpuinfo').read_text())}, {memory_gib:.0f} GiB, "
        f"Linux {platform.release()}, Python {platform.python_version()}, load of the last 15 minutes {load:.1f}"
    )


def processor(info: str) -> str:
    """Its name in /proc/cpuinfo, which not every machine gives."""
    for line in info.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
