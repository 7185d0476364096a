"""What functions printed, asked from a runner in another process (`sluice.runner.Logs`)."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from sluice.runner import InstanceState, LogLine
from sluice.v1 import run_pb2
from sluice.wire.feed import heard
from sluice.wire.mirror import unpack
from sluice.wire.pace import Pace
from sluice.wire.peer import Asker, Peer


class RemoteLogs:
    """Close it when done."""

    def __init__(self, peer: Peer, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._asker = Asker(peer, "Runner")

    async def logs(self, function: str, *, since: float, limit: int, follow: bool) -> AsyncIterator[LogLine]:
        """As `Logs.logs`. Raises Unavailable when the runner is lost."""
        request = run_pb2.LogsRequest(function=function, since=since, limit=limit, follow=follow)
        async with aclosing(heard(self._asker.listen("Logs", request, run_pb2.LogBatch), self._pace)) as batches:
            async for batch in batches:
                for line in batch.lines:
                    yield unpack(line, LogLine)

    async def instances(self, project: str) -> list[InstanceState]:
        answer = await self._asker.ask("Instances", run_pb2.InstancesRequest(project=project), run_pb2.InstancesResponse)
        return [unpack(instance, InstanceState) for instance in answer.instances]

    async def close(self) -> None:
        await self._asker.close()
