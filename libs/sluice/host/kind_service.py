"""A trigger service of the mesh: one kind, supervised, handing its events to the dispatcher over gRPC."""

import asyncio

from sluice.host.kinds import by_type
from sluice.host.member import Member, end, until_stopped
from sluice.host.supervisor import Supervisor
from sluice.settings import Settings
from sluice.trigger import TriggerKind
from sluice.wire.dispatch_client import RemoteDispatch


async def serve(kind: TriggerKind, settings: Settings, stop: asyncio.Event) -> None:
    """Run the triggers of one kind until `stop` is set."""
    member = Member(kind.name, settings)
    async with (
        member.probes(),
        member.catalog(frozenset({kind.name})) as catalog,
        RemoteDispatch(member.peer(settings.dispatcher)) as dispatch,
    ):
        supervisor = Supervisor(kind.name, by_type([kind]), dispatch, member.snapshot, member.clock, member.exposition, member.traces)
        reading = asyncio.create_task(supervisor.run())
        reporting = asyncio.create_task(member.report(catalog, supervisor.report))
        member.waits_for = ""
        await until_stopped(stop, reading, reporting)
        await end(reporting, reading)
    member.traces.close()
