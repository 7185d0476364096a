"""The catalog of a control in another process (`sluice.catalog.Catalog`)."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from sluice.catalog import Change, Health
from sluice.v1 import catalog_pb2
from sluice.wire.feed import heard
from sluice.wire.mirror import pack, unpack
from sluice.wire.pace import Pace
from sluice.wire.peer import Asker, Peer


class RemoteCatalog:
    """Close it when done. The name of the service is the token's; the one that is given is for a wire without tokens."""

    def __init__(self, peer: Peer, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._asker = Asker(peer, "Catalog")

    async def watch(self, service: str, kinds: frozenset[str]) -> AsyncIterator[Change]:
        request = catalog_pb2.WatchRequest(service=service, kinds=sorted(kinds))
        async with aclosing(heard(self._asker.listen("Watch", request, catalog_pb2.ChangeBatch), self._pace)) as batches:
            async for batch in batches:
                for change in batch.changes:
                    yield unpack(change, Change)

    async def code(self, digest: str) -> AsyncIterator[bytes]:
        listening = self._asker.listen("Code", catalog_pb2.CodeRequest(digest=digest), catalog_pb2.CodeChunk)
        async with aclosing(heard(listening, self._pace)) as chunks:
            async for chunk in chunks:
                if chunk.data:
                    yield chunk.data

    async def report(self, service: str, generation: int, health: list[Health]) -> None:
        packed = [pack(each, catalog_pb2.Health) for each in health]
        request = catalog_pb2.ReportRequest(service=service, generation=generation, health=packed)
        await self._asker.ask("Report", request, catalog_pb2.ReportResponse)

    async def close(self) -> None:
        await self._asker.close()
