"""The Catalog service over a local `sluice.catalog.Catalog`. Secrets go to those whose token names them, and to nobody else."""

from collections.abc import AsyncGenerator

import msgspec

from sluice.catalog import Catalog, Change, Health
from sluice.v1 import catalog_pb2
from sluice.wire.feed import feed
from sluice.wire.guard import Guard, need_kind
from sluice.wire.mirror import pack, unpack
from sluice.wire.pace import Pace
from sluice.wire.server import Handlers
from sluice.wire.streams import server_stream, unary
from sluice.wire.token import FUNCTIONS, KEYS, ServiceToken


class CatalogService:
    """A caller is known to the catalog by the service of its token."""

    name = "Catalog"

    def __init__(self, catalog: Catalog, pace: Pace | None = None) -> None:
        self._catalog = catalog
        self._pace = pace or Pace()

    def handlers(self, guard: Guard) -> Handlers:
        return {
            "Watch": server_stream(guard, "Catalog.Watch", self._watch, catalog_pb2.WatchRequest),
            "Code": server_stream(guard, "Catalog.Code", self._code, catalog_pb2.CodeRequest),
            "Report": unary(guard, "Catalog.Report", self._report, catalog_pb2.ReportRequest),
        }

    async def _watch(self, caller: ServiceToken, request: catalog_pb2.WatchRequest) -> AsyncGenerator[catalog_pb2.ChangeBatch, None]:
        for kind in request.kinds:
            need_kind(caller, kind)
        changes = self._catalog.watch(caller.service or request.service, frozenset(request.kinds))
        async for batch in feed(changes, self._pace):
            shown = [shown_to(caller, change) for change in batch]
            yield catalog_pb2.ChangeBatch(changes=[pack(change, catalog_pb2.Change) for change in shown if change is not None])

    async def _code(self, _caller: ServiceToken, request: catalog_pb2.CodeRequest) -> AsyncGenerator[catalog_pb2.CodeChunk, None]:
        async for chunk in self._catalog.code(request.digest):
            yield catalog_pb2.CodeChunk(data=chunk)

    async def _report(self, caller: ServiceToken, request: catalog_pb2.ReportRequest) -> catalog_pb2.ReportResponse:
        health = [unpack(each, Health) for each in request.health]
        await self._catalog.report(caller.service or request.service, request.generation, health)
        return catalog_pb2.ReportResponse()


def shown_to(caller: ServiceToken, change: Change) -> Change | None:
    """The change without the secrets that are not the caller's; nothing when it is nothing but a secret."""
    binding, function = change.binding, change.function
    if (change.key is not None or change.removed.startswith("key:")) and not caller.may_see(KEYS):
        return None
    if binding is not None and not caller.may_see(binding.kind):
        return msgspec.structs.replace(change, binding=msgspec.structs.replace(binding, settings=b"{}"))
    if function is not None and not caller.may_see(FUNCTIONS):
        return msgspec.structs.replace(change, function=msgspec.structs.replace(function, environment={}, secrets={}))
    return change
