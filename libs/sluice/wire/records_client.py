"""The ledger's records, asked from a dispatcher in another process (`sluice.ledger.Records`)."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from sluice.ledger import Counts, Dead, DeadFilter, Story, StoryFilter, StoryPage
from sluice.usage import Usage, UsageFilter
from sluice.v1 import records_pb2
from sluice.wire.feed import heard
from sluice.wire.mirror import pack, unpack
from sluice.wire.pace import Pace
from sluice.wire.peer import Asker, Peer


class RemoteRecords:
    """Close it when done. All of it raises Unavailable while the dispatcher cannot be reached."""

    def __init__(self, peer: Peer, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._asker = Asker(peer, "Records")

    async def explain(self, project: str, event: bytes) -> Story | None:
        request = records_pb2.ExplainRequest(project=project, event=event)
        answer = await self._asker.ask("Explain", request, records_pb2.ExplainResponse)
        return unpack(answer.story, Story) if answer.HasField("story") else None

    async def recent(self, which: StoryFilter, limit: int, marker: int) -> StoryPage:
        request = pack(which, records_pb2.ListRequest)
        request.limit, request.marker = limit, marker
        answer = await self._asker.ask("List", request, records_pb2.ListResponse)
        return unpack(answer, StoryPage)

    async def dead(self, which: DeadFilter, after: int, limit: int) -> list[Dead]:
        """As `Records.dead`, in as many rpcs as the bodies need."""
        found: list[Dead] = []
        cut = True
        while cut and len(found) < limit:
            request = records_pb2.DeadRequest(which=_filter(which), after=after, limit=limit - len(found))
            answer = await self._asker.ask("Dead", request, records_pb2.DeadResponse)
            found += [unpack(dead, Dead) for dead in answer.dead]
            cut = answer.cut
            after = found[-1].sequence if found else after
        return found

    async def redrive(self, which: DeadFilter, limit: int, dry_run: bool) -> list[bytes]:
        request = records_pb2.RedriveRequest(which=_filter(which), limit=limit, dry_run=dry_run)
        answer = await self._asker.ask("Redrive", request, records_pb2.RedriveResponse)
        return list(answer.events)

    async def purge(self, which: DeadFilter) -> int:
        answer = await self._asker.ask("Purge", records_pb2.PurgeRequest(which=_filter(which)), records_pb2.PurgeResponse)
        return answer.purged

    async def cancel(self, project: str, event: bytes, *, force: bool = False) -> bool:
        request = records_pb2.CancelRequest(project=project, event=event, force=force)
        return (await self._asker.ask("Cancel", request, records_pb2.CancelResponse)).cancelled

    async def usage(self, which: UsageFilter) -> list[Usage]:
        answer = await self._asker.ask("Used", pack(which, records_pb2.UsedRequest), records_pb2.UsedResponse)
        return [unpack(usage, Usage) for usage in answer.usages]

    async def counts(self, project: str) -> dict[str, Counts]:
        answer = await self._asker.ask("Counts", records_pb2.CountsRequest(project=project), records_pb2.CountsResponse)
        return {trigger: unpack(counts, Counts) for trigger, counts in answer.counts.items()}

    async def tail(self, project: str) -> AsyncIterator[Story]:
        request = records_pb2.TailRequest(project=project)
        async with aclosing(heard(self._asker.listen("Tail", request, records_pb2.TailBatch), self._pace)) as batches:
            async for batch in batches:
                for story in batch.stories:
                    yield unpack(story, Story)

    async def close(self) -> None:
        await self._asker.close()


def _filter(which: DeadFilter) -> records_pb2.DeadFilter:
    return pack(which, records_pb2.DeadFilter)
