"""The Records service over a local `sluice.ledger.Records`."""

from collections.abc import AsyncGenerator

from sluice.ledger import Dead, DeadFilter, Records, StoryFilter
from sluice.usage import UsageFilter
from sluice.v1 import records_pb2
from sluice.wire.feed import feed
from sluice.wire.guard import Guard, need_project
from sluice.wire.mirror import pack, unpack
from sluice.wire.pace import Pace
from sluice.wire.server import Handlers
from sluice.wire.streams import server_stream, unary
from sluice.wire.token import ServiceToken

PAGE_BYTES = 8 * 1024 * 1024
PAGE = 256
"""Dead events asked for at once: each may be as large as an event can be, and all of them are in memory at a time."""


class RecordsService:
    """Each rpc names its project, and a caller that is confined to one names that."""

    name = "Records"

    def __init__(self, records: Records, pace: Pace | None = None) -> None:
        self._records = records
        self._pace = pace or Pace()

    def handlers(self, guard: Guard) -> Handlers:
        return {
            "Explain": unary(guard, "Records.Explain", self._explain, records_pb2.ExplainRequest),
            "List": unary(guard, "Records.List", self._list, records_pb2.ListRequest),
            "Cancel": unary(guard, "Records.Cancel", self._cancel, records_pb2.CancelRequest),
            "Dead": unary(guard, "Records.Dead", self._dead, records_pb2.DeadRequest),
            "Redrive": unary(guard, "Records.Redrive", self._redrive, records_pb2.RedriveRequest),
            "Purge": unary(guard, "Records.Purge", self._purge, records_pb2.PurgeRequest),
            "Counts": unary(guard, "Records.Counts", self._counts, records_pb2.CountsRequest),
            "Used": unary(guard, "Records.Used", self._used, records_pb2.UsedRequest),
            "Tail": server_stream(guard, "Records.Tail", self._tail, records_pb2.TailRequest),
        }

    async def _explain(self, caller: ServiceToken, request: records_pb2.ExplainRequest) -> records_pb2.ExplainResponse:
        need_project(caller, request.project)
        story = await self._records.explain(request.project, request.event)
        return records_pb2.ExplainResponse(story=None if story is None else pack(story, records_pb2.Story))

    async def _list(self, caller: ServiceToken, request: records_pb2.ListRequest) -> records_pb2.ListResponse:
        need_project(caller, request.project)
        page = await self._records.recent(unpack(request, StoryFilter), request.limit, request.marker)
        return pack(page, records_pb2.ListResponse)

    async def _cancel(self, caller: ServiceToken, request: records_pb2.CancelRequest) -> records_pb2.CancelResponse:
        need_project(caller, request.project)
        return records_pb2.CancelResponse(cancelled=await self._records.cancel(request.project, request.event, force=request.force))

    async def _used(self, caller: ServiceToken, request: records_pb2.UsedRequest) -> records_pb2.UsedResponse:
        need_project(caller, request.project)
        found = await self._records.usage(unpack(request, UsageFilter))
        return records_pb2.UsedResponse(usages=[pack(each, records_pb2.Usage) for each in found])

    async def _dead(self, caller: ServiceToken, request: records_pb2.DeadRequest) -> records_pb2.DeadResponse:
        which = _filter(caller, request.which)
        dead = await self._records.dead(which, request.after, min(request.limit, PAGE))
        page = _page(dead)
        cut = len(page) < len(dead) or len(dead) == PAGE < request.limit
        return records_pb2.DeadResponse(dead=[pack(each, records_pb2.DeadEvent) for each in page], cut=cut)

    async def _redrive(self, caller: ServiceToken, request: records_pb2.RedriveRequest) -> records_pb2.RedriveResponse:
        events = await self._records.redrive(_filter(caller, request.which), request.limit, request.dry_run)
        return records_pb2.RedriveResponse(events=events)

    async def _purge(self, caller: ServiceToken, request: records_pb2.PurgeRequest) -> records_pb2.PurgeResponse:
        return records_pb2.PurgeResponse(purged=await self._records.purge(_filter(caller, request.which)))

    async def _counts(self, caller: ServiceToken, request: records_pb2.CountsRequest) -> records_pb2.CountsResponse:
        need_project(caller, request.project)
        counts = await self._records.counts(request.project)
        return records_pb2.CountsResponse(counts={trigger: pack(each, records_pb2.TriggerCounts) for trigger, each in counts.items()})

    async def _tail(self, caller: ServiceToken, request: records_pb2.TailRequest) -> AsyncGenerator[records_pb2.TailBatch, None]:
        need_project(caller, request.project)
        async for batch in feed(self._records.tail(request.project), self._pace):
            yield records_pb2.TailBatch(stories=[pack(story, records_pb2.Story) for story in batch])


def _filter(caller: ServiceToken, packed: records_pb2.DeadFilter) -> DeadFilter:
    need_project(caller, packed.project)
    return unpack(packed, DeadFilter)


def _page(dead: list[Dead]) -> list[Dead]:
    """What fits into one message; at least one."""
    size = 0
    for end, each in enumerate(dead):
        size += len(each.event.body)
        if size > PAGE_BYTES and end > 0:
            return dead[:end]
    return dead
