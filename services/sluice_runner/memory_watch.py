"""The memory limit where the kernel does not keep it for us: measured four times a second, and the instance killed when over."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice_runner.process_instance import ProcessInstance

_EVERY_S = 0.25
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


class MemoryWatch:
    def __init__(self, over: "Callable[[ProcessInstance], None]") -> None:
        self._over = over
        self._limits: dict[ProcessInstance, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def add(self, instance: "ProcessInstance", limit_mb: int) -> None:
        self._limits[instance] = limit_mb

    def remove(self, instance: "ProcessInstance") -> None:
        self._limits.pop(instance, None)

    def _look(self) -> None:
        for instance, limit in list(self._limits.items()):
            instance.measured_mb = resident_mb(instance.process)
            if instance.measured_mb > limit:
                self._over(instance)
        self.start()


def resident_mb(agent: int) -> float:
    """Resident memory of everything below an agent."""
    total = 0.0
    for process in _below(agent):
        with suppress(OSError, IndexError), open(f"/proc/{process}/statm") as numbers:
            total += int(numbers.read().split()[1]) * _PAGE_MB
    return total


def _below(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError), open(f"/proc/{process}/task/{process}/children") as listed:
        for child in map(int, listed.read().split()):
            found += [child, *_below(child)]
    return found
