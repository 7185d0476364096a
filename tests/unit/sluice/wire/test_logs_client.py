"""One contract of the logs' port, near and far."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.runner import InstanceState, LogLine, Logs
from sluice.wire.logs_client import RemoteLogs
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.runner_server import RunnerService
from sluice.wire.server import WireServer
from tests.unit.sluice.wire.fake_runner import FakeRunner

PACE = Pace(beat_s=0.05)
FUNCTION = "urn:fss:here:p:function:default:f"
LINES = [LogLine(float(number), FUNCTION + ":1", "i-1", "stdout", f"line {number} \u2713", "e-1") for number in range(300)]


@pytest.fixture(params=["local", "wire"])
async def logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Logs]:
    fake = FakeRunner()
    fake.lines = LINES
    if request.param == "local":
        yield fake
        return
    async with WireServer(f"unix:{tmp_path}/r", [RunnerService(fake, fake, PACE)]) as server:
        remote = RemoteLogs(Peer(server.address), PACE)
        yield remote
        await remote.close()


async def test_lines_come_in_order_and_end(logs: Logs) -> None:
    assert [line async for line in logs.logs(FUNCTION, since=10.0, limit=200, follow=False)] == LINES[10:200]


async def test_following_goes_on_until_the_reader_stops(logs: Logs) -> None:
    seen = []
    async for line in logs.logs(FUNCTION, since=0, limit=1_000, follow=True):
        seen.append(line)
        if len(seen) == 300:
            break
    assert seen == LINES


async def test_instances_are_those_of_the_project(logs: Logs) -> None:
    assert await logs.instances("q") == [InstanceState("i-1", "urn:fss:here:q:function:default:f:1", "ready", 12.5, 3, 40.25)]
