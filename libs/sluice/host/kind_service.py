"""A trigger service of the mesh: one kind, supervised, handing its events to the dispatcher over gRPC."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from sluice.host.kinds import by_type
from sluice.host.member import Member, end, until_stopped
from sluice.host.supervisor import Supervisor
from sluice.push import Doors
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
        async with door(kind, settings, supervisor.doors):
            member.waits_for = ""
            await until_stopped(stop, reading, reporting)
        await end(reporting, reading)
    member.traces.close()


def door(kind: TriggerKind, settings: Settings, doors: Doors) -> AbstractAsyncContextManager[Any]:
    """Where the gateway passes on what is pushed to these triggers, and where the kind's own rpcs are; nowhere without an address."""
    address = settings.door_addresses.get(kind.name, "") if kind.pushed else ""
    if not address:
        return nullcontext()
    secret = settings.mesh_secret.reveal().encode()
    return WireServer(address, [PushService(doors), *kind.rpcs(doors)], [secret] if secret else [])
