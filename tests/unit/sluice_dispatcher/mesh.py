"""A dispatcher over the real embedded ledger and a runner that the test answers for."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from sluice.binding import Binding
from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.event import Event, random_id
from sluice.function import Function
from sluice.ledger import Slice, SourceKey, Story
from sluice.metrics import Exposition
from sluice.outcome import Verdict
from sluice_dispatcher.dispatcher import Dispatcher
from sluice_dispatcher.ledger_sqlite.ledger import SqliteLedger, open_ledger
from tests.unit.sluice_dispatcher.fake_runner import FakeRunner
from tests.waiting import until

FUNCTION = "urn:fss:local-1:p1:function:default:f"
URN = f"{FUNCTION}:latest"
KEY = SourceKey("t1", "1", "p0")


class FakeSpan:
    def __init__(self) -> None:
        self.traceparent = "child"
        self.ends: list[str] = []

    def end(self, error: str = "") -> None:
        self.ends.append(error)


class FakeTraces:
    """Samples what begins with `sampled`."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Mapping[str, str | int], FakeSpan]] = []

    def sampled(self) -> str:
        return ""

    def span(self, name: str, traceparent: str, attributes: Mapping[str, str | int]) -> FakeSpan | None:
        if not traceparent.startswith("sampled"):
            return None
        span = FakeSpan()
        self.spans.append((name, attributes, span))
        return span

    def close(self) -> None: ...


class Mesh:
    """One dispatcher that can be killed and started again on the same directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.snapshot = Snapshot()
        self.runner = FakeRunner()
        self.exposition = Exposition()
        self.bind(Binding("t1", "p1", "OPENSOURCEKAFKA", "kafka", URN, b"{}"))
        self.define(Function(URN))

    def bind(self, binding: Binding) -> None:
        self.snapshot.apply(Change(1, binding=binding))

    def define(self, function: Function) -> None:
        self.snapshot.apply(Change(1, function=function))

    async def start(self, traces: FakeTraces | None = None) -> None:
        self.ledger: SqliteLedger = await open_ledger(self.directory, clock=SystemClock())
        self.dispatcher = Dispatcher(self.ledger, self.runner, self.snapshot, SystemClock(), self.exposition, traces)
        self.task = asyncio.ensure_future(self.dispatcher.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})
        await self.ledger.close()

    async def restart(self) -> None:
        """As after a crash: the runner's calls are gone, the exposition starts at nothing."""
        await self.stop()
        self.runner = FakeRunner()
        self.exposition = Exposition()
        await self.start()

    async def push(self, body: bytes = b"{}", trigger: str = "t1") -> bytes:
        event = Event(random_id(), body)
        outcome = await self.dispatcher.push(trigger, event)
        assert outcome.verdict is Verdict.DONE
        return event.id

    async def state(self, event: bytes) -> str:
        story = await self.dispatcher.explain("p1", event)
        return story.state if story else ""

    async def until_state(self, event: bytes, state: str) -> Story:
        async with asyncio.timeout(10):
            while True:
                story = await self.dispatcher.explain("p1", event)
                if story is not None and story.state == state:
                    return story
                await asyncio.sleep(0.005)

    async def running(self, number: int) -> None:
        await until(lambda: len(self.runner.held) == number)

    def sample(self, name: str) -> str:
        return next(line for line in self.exposition.text().splitlines() if line.startswith(name))


def a_slice(start: str | None, to: str, *events: Event, epoch: int = 1) -> Slice:
    return Slice(KEY, epoch, start, to, events)


def an_event(body: bytes = b"{}", lane: str = "") -> Event:
    return Event(random_id(), body, lane)
