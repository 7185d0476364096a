"""The outside of a service's process: its event loop, its signals, its end."""

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
import uvloop

STOP_WITHIN_S = 10.0
SWITCH_INTERVAL_S = 0.001
"""How long the ledger's writer thread waits for the interpreter at most; the default of 5 ms would be most of a commit."""
COLLECT_AFTER = (50_000, 20, 100)
"""Thresholds of the cycle collector. With the defaults it walks through everything that lives again and again while a process grows:
most of the start of 100,000 triggers was that, and its pauses made their fires late."""

M_MMAP_THRESHOLD = -3
MAPPED_FROM = 1 << 20
"""Bytes from which on a piece of memory is mapped by itself, and goes back to the system when it is freed. glibc raises this to the size
of whatever was freed last, up to 32 MiB: a few events of six megabytes, and a service keeps 70 MiB for good."""

log = structlog.get_logger()

Main = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def run(main: Main) -> None:
    """Run `main(stop)` until it returns. SIGTERM and SIGINT set `stop`, unless whoever started us has them ignored; ten seconds later, or
    at a second signal, it is cancelled."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_AFTER)
    _map_what_is_large()
    uvloop.run(_main(main))


def _map_what_is_large() -> None:
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # glibc's; others do not raise it
        libc.mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)


async def _main(main: Main) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = loop.create_task(main(stop))

    def ask() -> None:
        if stop.is_set():
            task.cancel()
            return
        log.info("stopping", within_s=STOP_WITHIN_S)
        stop.set()
        loop.call_later(STOP_WITHIN_S, _give_up, task)

    for name in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(name) is not signal.SIG_IGN:  # whoever started us wants it ignored
            loop.add_signal_handler(name, ask)
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise


def _give_up(task: "asyncio.Task[None]") -> None:
    if task.done():
        return
    log.error("did not stop in time", within_s=STOP_WITHIN_S)
    task.cancel()
    # a cancelled task may still hang in code that swallows it; what is durable is on disk, so leaving is safe
    asyncio.get_running_loop().call_later(2.0, os._exit, 1)
