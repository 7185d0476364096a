"""What a hop over the wire costs: CPU µs an event, both ends together, against a peer that does nothing.

python tools/bench_wire.py [--seconds 3] [--size 1024] [--window 256] [slices64 slices1 push call run ...]
"""

import argparse
import asyncio
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import uvloop

from sluice.dispatch import Told
from sluice.event import Event, random_id
from sluice.function import Function
from sluice.ledger import Claim, Slice, SourceKey
from sluice.outcome import Outcome, Reply, Verdict
from sluice.runner import Call, Done, InstanceState, LogLine
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.dispatch_server import DispatcherService
from sluice.wire.peer import Peer
from sluice.wire.runner_client import RemoteRunner
from sluice.wire.runner_server import RunnerService
from sluice.wire.server import Service, WireServer

URN = "urn:fss:here:p:function:default:f:1"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
KEY = SourceKey("t-1", "1", "orders/0")
WARM_S = 0.5
POOL = 8_192
T = TypeVar("T")


class NullDispatch:
    """Accepts everything at once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def session(self, _service: str) -> "NullDispatch":
        return self

    async def claim(self, key: SourceKey, *, assigned: bool = False) -> Claim:
        return Claim(key, 1, None)

    def release(self, claim: Claim) -> None:
        """Nothing is held."""

    def accept(self, piece: Slice) -> Awaitable[None]:
        return self._done(None)

    def accept_all(self, pieces: Sequence[Slice], told: Told) -> None:
        for index in range(len(pieces)):
            told(index, None)

    async def close(self) -> None:
        """Nothing is open."""

    def filtered(self, trigger: str, records: int) -> None:
        """Nobody counts."""

    def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Awaitable[Outcome]:
        return self._done(Outcome(Verdict.DONE, event_id=event.id))

    def call(self, trigger: str, event: Event, timeout_s: float) -> Awaitable[Outcome]:
        return self._done(Outcome(Verdict.DONE, reply=Reply(200, b"ok", instance="i-1", duration_ms=0.5), event_id=event.id))

    def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Awaitable[Outcome]:
        return self.call("", event, 1)

    def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Awaitable[Outcome]:
        return self.push("", event)

    def _done(self, value: T) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        future.set_result(value)
        return future


class NullRunner:
    """Answers everything in the next turn of the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._batch: list[tuple[Call, Done]] = []
        self._listeners: list[Callable[[str], None]] = []

    def submit(self, call: Call, done: Done) -> None:
        if not self._batch:
            self._loop.call_soon(self._answer)
        self._batch.append((call, done))

    def _answer(self) -> None:
        batch, self._batch = self._batch, []
        for call, done in batch:
            done(call, Reply(200, b"ok", (("content-type", "text/plain"),), None, "i-1", False, 0.5, 12.0))
        for listener in self._listeners:
            listener(batch[0][0].function.urn)

    def settled(self, calls: Iterable[Call]) -> None:
        pass

    def credit(self, function: Function) -> int:
        return 512

    def on_credit(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def cancel(self, event: bytes, *, force: bool = True) -> bool:
        return False

    async def unstarted(self) -> frozenset[bytes]:
        return frozenset()

    async def logs(self, function: str, *, since: float, limit: int, follow: bool) -> AsyncIterator[LogLine]:
        for text in ("nothing was printed",):
            yield LogLine(since, function, "", "stdout", text)

    async def instances(self, project: str) -> list[InstanceState]:
        return []


async def serve(address: str) -> None:
    dispatch, runner = NullDispatch(), NullRunner()
    services: list[Service] = [DispatcherService(dispatch, kind_of=lambda _trigger: ""), RunnerService(runner, runner)]
    async with WireServer(address, services) as server:
        print(server.address, flush=True)
        await asyncio.get_running_loop().create_future()


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Load:
    """Keeps `window` events open; `hand_over(first, count)` begins that many and tells `answered` of their ends."""

    def __init__(self, window: int, step: int) -> None:
        self._free = window
        self._step = step
        self._room = asyncio.Event()
        self.ended = 0

    def answered(self, count: int) -> None:
        self.ended += count
        self._free += count
        if self._free >= self._step:
            self._room.set()

    async def run(self, hand_over: Callable[[int, int], None]) -> None:
        first = 0
        while True:
            while self._free < self._step:
                self._room.clear()
                await self._room.wait()
            count = self._free - self._free % self._step
            self._free -= count
            hand_over(first, count)
            first += count
            await asyncio.sleep(0)


def events_of(size: int) -> list[Event]:
    body = os.urandom(size)
    return [Event(random_id(), body, "", 1, TRACE) for _ in range(POOL)]


async def slices(address: str, load: Load, size: int, each: int) -> None:
    """Slices of `each` events of one source."""
    events = events_of(size)
    async with RemoteDispatch(Peer(address)) as dispatch:
        session = dispatch.session("bench")
        await session.claim(KEY)

        def done(accepted: "asyncio.Future[None]") -> None:
            if accepted.exception() is None:
                load.answered(each)

        def hand_over(first: int, count: int) -> None:
            for start in range(first, first + count, each):
                place = start % (POOL - 64)
                piece = Slice(KEY, 1, str(start), str(start + each), events[place : place + each])
                session.accept(piece).add_done_callback(done)

        await load.run(hand_over)


async def requests(address: str, load: Load, size: int, rpc: str) -> None:
    """Single events by Push or Call."""
    events = events_of(size)
    async with RemoteDispatch(Peer(address)) as dispatch:

        def done(_answer: "asyncio.Future[Outcome]") -> None:
            load.answered(1)

        def hand_over(first: int, count: int) -> None:
            for number in range(first, first + count):
                event = events[number % POOL]
                answer = dispatch.push("t-1", event) if rpc == "push" else dispatch.call("t-1", event, 30.0)
                answer.add_done_callback(done)

        await load.run(hand_over)


async def calls(address: str, load: Load, size: int) -> None:
    """Calls to the runner and back."""
    function = Function(URN)
    pool = [Call(event.id, function, event.body, 1, "async", "latest", TRACE) for event in events_of(size)]
    async with RemoteRunner(Peer(address), "bench", 1) as runner:
        # the first calls wait for the runner
        def done(_call: Call, _reply: Reply) -> None:
            load.answered(1)

        def hand_over(first: int, count: int) -> None:
            for number in range(first, first + count):
                runner.submit(pool[number % POOL], done)

        await load.run(hand_over)


async def measure(address: str, pid: int, what: str, options: argparse.Namespace) -> dict[str, float | str]:
    load = Load(options.window, 64 if what == "slices64" else min(32, options.window))
    works: dict[str, Callable[[], Awaitable[None]]] = {
        "slices64": lambda: slices(address, load, options.size, 64),
        "slices1": lambda: slices(address, load, options.size, 1),
        "push": lambda: requests(address, load, options.size, "push"),
        "call": lambda: requests(address, load, options.size, "call"),
        "run": lambda: calls(address, load, options.size),
    }
    task = asyncio.ensure_future(works[what]())
    await asyncio.sleep(WARM_S)
    began, own, peer, ended = time.perf_counter(), own_cpu(), cpu_of(pid), load.ended
    await asyncio.wait([task], timeout=options.seconds)
    took, count = time.perf_counter() - began, load.ended - ended
    client, server = own_cpu() - own, cpu_of(pid) - peer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    micro = 1e6 / count
    return {
        "hop": what,
        "events_s": round(count / took),
        "client_us": round(client * micro, 2),
        "server_us": round(server * micro, 2),
        "both_us": round((client + server) * micro, 2),
    }


async def bench(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/wire" if options.unix else "127.0.0.1:0"
        server = await asyncio.create_subprocess_exec(sys.executable, __file__, "--serve", address, stdout=asyncio.subprocess.PIPE)
        assert server.stdout is not None
        address = (await server.stdout.readline()).decode().strip()
        try:
            for what in options.what or ("slices64", "slices1", "push", "call", "run"):
                print(json.dumps(await measure(address, server.pid, what, options)), flush=True)
        finally:
            server.kill()
            await server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "slices64", "slices1", "push", "call", "run"])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--size", type=int, default=1024, help="bytes of a body")
    parser.add_argument("--window", type=int, default=256, help="events open at a time")
    parser.add_argument("--unix", action="store_true", help="a unix socket instead of TCP")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    uvloop.run(serve(options.serve) if options.serve else bench(options))


if __name__ == "__main__":
    main()
