"""What the ledger costs: CPU microseconds an event for accept and settle, all threads counted, with few and with a million pending.

python tools/bench_ledger.py [--directory DIR] [--events N] [--pending N] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from sluice.binding import Mode
from sluice.clock import SystemClock
from sluice.event import Event, random_id
from sluice.ledger import End, Ended, Push, Route, Slice, SourceKey
from sluice_dispatcher.ledger_sqlite.ledger import SqliteLedger, open_ledger

FUNCTION = "urn:fss:local:bench:function:default:bench"
ROUTE = Route("bench", "bench-trigger", f"{FUNCTION}:latest", Mode.ASYNC, "kafka")
BACKLOG = Route("bench", "backlog", "urn:fss:local:bench:function:default:backlog:latest", Mode.ASYNC, "http")
BATCH = 64


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


class OtherWork:
    """Keeps the event loop busy two thirds of the time, as a dispatcher does: `WORK` turns of a loop, then a millisecond of nothing.

    It counts the CPU time of its own thread, so that it can be taken off the result.
    """

    WORK = 60_000
    PAUSE_S = 0.001

    def __init__(self, busy: bool) -> None:
        self._running = busy
        self.used_s = 0.0

    def start(self) -> None:
        if self._running:
            asyncio.get_running_loop().call_soon(self._work)

    def stop(self) -> None:
        self._running = False

    def _work(self) -> None:
        if not self._running:
            return
        began = time.thread_time()
        for _ in range(self.WORK):
            pass
        self.used_s += time.thread_time() - began
        asyncio.get_running_loop().call_later(self.PAUSE_S, self._work)


async def through(ledger: SqliteLedger, source: str, events: int, body: bytes, offered: int) -> None:
    """Accept and settle `events` of one source, several batches on their way at once."""
    key = SourceKey("bench-trigger", "1", source)
    claim = await ledger.claim(key)
    position = claim.position
    window = asyncio.Semaphore(offered)
    tasks = set()
    for _ in range(events // BATCH):
        await window.acquire()
        to = str(int(position or 0) + BATCH)
        piece = Slice(key, claim.epoch, position, to, [Event(random_id(), body) for _ in range(BATCH)])
        task = asyncio.create_task(accept_and_settle(ledger, piece))
        task.add_done_callback(lambda _: window.release())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        position = to
    await asyncio.gather(*tasks)


async def accept_and_settle(ledger: SqliteLedger, piece: Slice) -> None:
    pendings = await ledger.accept(ROUTE, piece)
    await ledger.settle([Ended(pending, End.SUCCESS, pending.accepted_at + 0.01, 3.0, status=200) for pending in pendings])


async def making(events: int, body: bytes) -> float:
    """CPU seconds that making the events and their ends costs without a ledger; taken off the result."""
    began = cpu_s()
    for _ in range(events // BATCH):
        made = [Event(random_id(), body) for _ in range(BATCH)]
        assert len(made) == BATCH
    return cpu_s() - began


async def measure(ledger: SqliteLedger, events: int, busy: bool = False, sources: int = 4, offered: int = 4) -> dict[str, float]:
    """`offered` batches on their way at once for each of the sources."""
    body = os.urandom(1024)
    base = await making(events, body)
    commits = ledger.usage()["commits"]
    work = OtherWork(busy)
    work.start()
    began, wall = cpu_s(), time.perf_counter()
    await asyncio.gather(*(through(ledger, f"p{number}", events // sources, body, offered) for number in range(sources)))
    used, wall = cpu_s() - began - base - work.used_s, time.perf_counter() - wall
    work.stop()
    return {
        "cpu_us_an_event": round(used / events * 1e6, 2),
        "events_per_s": round(events / wall),
        "events_per_commit": round(events / max(1, ledger.usage()["commits"] - commits), 1),
        "resident_mib": round(resident_mib(), 1),
    }


async def deduplicated(ledger: SqliteLedger, events: int) -> dict[str, float]:
    """Pushes of one event with an id of its own, 64 at a time, as an HTTP source makes them."""
    body = os.urandom(1024)
    base = await making(events, body)
    began = cpu_s()
    for turn in range(events // BATCH):
        pushes = [Push([Event(random_id(), body)], [(f"{began}-{turn}-{number}",)]) for number in range(BATCH)]
        answers = await asyncio.gather(*(ledger.accept(ROUTE, push) for push in pushes))
        ends = [Ended(pending, End.SUCCESS, pending.accepted_at + 0.01, 3.0, status=200) for (pending,) in answers]
        await asyncio.gather(*(ledger.settle([end]) for end in ends))
    return {"cpu_us_an_event": round((cpu_s() - began - base) / events * 1e6, 2)}


async def lone(ledger: SqliteLedger, events: int) -> dict[str, float]:
    """One event at a time: how long until it is on disk."""
    key = SourceKey("bench-trigger", "1", "lone")
    claim = await ledger.claim(key)
    position, waits = claim.position, []
    for number in range(events):
        began = time.perf_counter()
        to = f"{began}-{number}"
        pendings = await ledger.accept(ROUTE, Slice(key, claim.epoch, position, to, [Event(random_id(), b"x" * 1024)]))
        waits.append(time.perf_counter() - began)
        position = to
        await ledger.settle([Ended(pending, End.SUCCESS, pending.accepted_at, 3.0, status=200) for pending in pendings])
    waits.sort()
    return {"p50_ms": round(waits[len(waits) // 2] * 1e3, 2), "p99_ms": round(waits[len(waits) * 99 // 100] * 1e3, 2)}


async def fill(ledger: SqliteLedger, events: int) -> float:
    """Pushed events that stay pending; CPU microseconds each."""
    body = os.urandom(1024)
    began = cpu_s()
    for _ in range(events // 2048):
        pushes = [Push([Event(random_id(), body) for _ in range(BATCH)]) for _ in range(2048 // BATCH)]
        await asyncio.gather(*(ledger.accept(BACKLOG, push) for push in pushes))
    return (cpu_s() - began) / events * 1e6


async def drain_some(ledger: SqliteLedger, events: int) -> dict[str, float]:
    """Read pages of the backlog and settle them: what a recovered queue does."""
    function = BACKLOG.function.rsplit(":", 1)[0]
    waiting = (await ledger.waiting())[function]
    began, done, after = cpu_s(), 0, 0
    while done < min(events, waiting):
        page = await ledger.read(function, after, 512, 1 << 20)
        await ledger.settle([Ended(pending, End.SUCCESS, pending.accepted_at + 0.01, 3.0, status=200) for pending in page.events])
        done += len(page.events)
        after = page.next
    return {"cpu_us_an_event": round((cpu_s() - began) / done * 1e6, 2)}


async def run(directory: Path, events: int, pending: int) -> dict[str, object]:
    clock = SystemClock()
    ledger = await open_ledger(directory, clock=clock)
    await measure(ledger, 20_000, False)
    result: dict[str, object] = {
        "few_pending": await measure(ledger, events),
        "few_pending_busy_loop": await measure(ledger, events, busy=True),
        "few_pending_batch_64_alone": await measure(ledger, events // 4, sources=1, offered=1),
        "few_pending_batch_64_two": await measure(ledger, events // 4, sources=1, offered=2),
        "deduplicated_pushes": await deduplicated(ledger, events // 4),
        "lone": await lone(ledger, 500),
        "fill_cpu_us_an_event": round(await fill(ledger, pending), 2),
    }
    await ledger.close()
    began = time.perf_counter()
    ledger = await open_ledger(directory, clock=clock)
    opened = time.perf_counter() - began
    page = await ledger.read(BACKLOG.function.rsplit(":", 1)[0], 0, 512, 1 << 20)
    result["open_s"] = round(opened, 3)
    result["first_page_s"] = round(time.perf_counter() - began, 3)
    assert page.events
    assert (await ledger.waiting())[BACKLOG.function.rsplit(":", 1)[0]] == pending // 2048 * 2048
    result["many_pending"] = await measure(ledger, events)
    result["many_pending_busy_loop"] = await measure(ledger, events, busy=True)
    result["drain_backlog"] = await drain_some(ledger, 50_000)
    result["resident_mib"] = round(resident_mib(), 1)
    result["file_mib"] = round(ledger.usage()["file_bytes"] / 2**20, 1)
    result["log_mib"] = round(ledger.usage()["log_bytes"] / 2**20, 1)
    await ledger.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, help="where the file is made (default: a temporary folder beside this one)")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    directory = arguments.directory or Path(tempfile.mkdtemp(prefix="bench-ledger-", dir=Path.cwd()))
    runner: Callable[..., dict[str, object]] = uvloop.run
    try:
        result = runner(run(directory, arguments.events, arguments.pending))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    text = json.dumps(result, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    sys.exit(0)


if __name__ == "__main__":
    main()
