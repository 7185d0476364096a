"""A dispatcher that is killed between a function's answer and the end's commit does not run the call again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from sluice.binding import Binding
from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.event import Event, random_id
from sluice.function import Function
from sluice.ledger import Ended, Retry
from sluice.metrics import Exposition
from sluice.v1 import run_pb2
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.runner_client import RemoteRunner
from sluice.wire.runner_server import RunnerService, RunTalk
from sluice.wire.server import WireServer
from sluice_dispatcher.dispatcher import Dispatcher
from sluice_dispatcher.ledger_sqlite.ledger import SqliteLedger, open_ledger
from tests.unit.sluice.wire.fake_runner import FakeRunner
from tests.waiting import until

PACE = Pace(beat_s=0.05, beats=40)
URN = "urn:fss:local-1:p1:function:default:f:latest"


class Dispatching:
    """A dispatcher with its ledger and its link to the runner; killed, it leaves as a process does that ends at once."""

    def __init__(self, directory: Path, address: str) -> None:
        self._directory = directory
        self._address = address

    async def start(self) -> None:
        snapshot = Snapshot()
        snapshot.apply(Change(1, binding=Binding("t1", "p1", "OPENSOURCEKAFKA", "kafka", URN, b"{}")))
        snapshot.apply(Change(1, function=Function(URN)))
        clock = SystemClock()
        self.ledger: SqliteLedger = await open_ledger(self._directory, clock=clock)
        self.runner = RemoteRunner(Peer(self._address), "dispatcher", self.ledger.epoch, PACE)
        await self.runner.__aenter__()
        self.dispatcher = Dispatcher(self.ledger, self.runner, snapshot, clock, Exposition(), calls_outlive_us=True)
        self._delivering = asyncio.create_task(self.dispatcher.run())

    async def kill(self) -> None:
        self._delivering.cancel()
        await asyncio.wait({self._delivering})
        await self.runner.__aexit__(None, None, None)
        await self.ledger.close()


async def test_a_call_whose_end_was_not_committed_is_taken_over_and_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, answered, heard = FakeRunner(), asyncio.Event(), list[int]()
    hear = RunTalk.heard

    def listen(talk: RunTalk, message: run_pb2.RunRequest) -> None:
        heard.append(message.acknowledged)
        hear(talk, message)

    async def never(results: Sequence[Ended | Retry]) -> None:
        answered.set()
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(RunTalk, "heard", listen)
    service = RunnerService(fake, fake, PACE)
    async with WireServer(f"unix:{tmp_path}/runner", [service]) as server:
        dispatching = Dispatching(tmp_path / "ledger", server.address)
        await dispatching.start()
        monkeypatch.setattr(dispatching.ledger, "settle", never)
        await dispatching.dispatcher.push("t1", Event(random_id(), b"{}"))
        await asyncio.wait_for(answered.wait(), 10)
        before = len(heard)
        await until(lambda: len(heard) >= before + 4)  # signs of life, which acknowledge what is settled
        await dispatching.kill()
        assert dispatching.ledger.counts()["t1"].open == 1
        await dispatching.start()
        await until(lambda: dispatching.ledger.counts()["t1"].success == 1)
        await until(lambda: len(service.holdings) == 0)
        await dispatching.kill()
    assert len(fake.begun) == 1
