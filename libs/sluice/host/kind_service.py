"""A trigger service of the mesh: one kind, supervised, handing its events to the dispatcher over gRPC."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from sluice.host.kinds import by_type
from sluice.host.member import Member, end, until_stopped
from sluice.host.supervisor import Supervisor
from sluice.settings import Settings
from sluice.trigger import TriggerKind
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.doors_server import PushService
from sluice.wire.server import WireServer


async def serve(kind: TriggerKind, settings: Settings, stop: asyncio.Event) -> None:
    """Run the triggers of one kind until `stop` is set."""
    member = Member(kind.name, settings)
    async with (
        member.probes(),
        member.catalog(frozenset({kind.name})) as catalog,
        RemoteDispatch(member.peer(settings.dispatcher)) as dispatch,
    ):
        supervisor = Supervisor(
            kind.name, by_type([kind.within(settings)]), dispatch, member.snapshot, member.clock, member.exposition, member.traces
        )
        reading = asyncio.create_task(supervisor.run())
        reporting = asyncio.create_task(member.report(catalog, supervisor.report))
        async with _door(kind, member, supervisor):
            member.waits_for = ""
            await until_stopped(stop, reading, reporting)
        await end(reporting, reading)
    member.traces.close()


def _door(kind: TriggerKind, member: Member, supervisor: Supervisor) -> AbstractAsyncContextManager[Any]:
    """Where the gateway passes on what is pushed to these triggers."""
    address = member.settings.door_addresses.get(kind.name, "") if kind.pushed else ""
    return WireServer(address, [PushService(supervisor.doors)], [member.secret]) if address else nullcontext()
