"""The gateway as a service of the mesh: the public door, with the dispatcher and control far away."""

import asyncio
from contextlib import aclosing

from sluice.catalog import Health
from sluice.host.member import Member, end, until_stopped
from sluice.host.probes import admits
from sluice.settings import Settings
from sluice.wire.address import is_local
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.doors_client import RemoteDoors
from sluice.wire.status_client import RemoteStatus
from sluice_gateway.app import Gateway
from sluice_gateway.doorkeeper import Doorkeeping
from sluice_gateway.figures import DispatcherFigures
from sluice_gateway.kind import KIND
from sluice_gateway.proxy import ControlProxy
from sluice_gateway.service import GatewayService


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until `stop` is set."""
    member = Member("gateway", settings)
    async with (
        member.probes(),
        member.catalog(frozenset({KIND.name})) as catalog,
        RemoteDispatch(member.peer(settings.dispatcher)) as dispatch,
        aclosing(RemoteStatus(member.peer(settings.dispatcher))) as status,
        aclosing(RemoteDoors({kind: member.peer(address) for kind, address in settings.door_addresses.items()})) as doors,
    ):
        gateway = Gateway(
            dispatch,
            member.snapshot,
            api=ControlProxy(settings.control_api, member.token).app,
            exposition=member.exposition.page,
            may_read=admits(settings.listen, settings.metrics_token.reveal()),
            clock=member.clock,
            traces=member.traces,
            ready=lambda: member.waits_for,
            region=settings.region,
            doorkeeping=Doorkeeping(signature_window_s=settings.signature_window_s, require_nonce=settings.require_nonce),
            doors=doors,
            is_local=is_local(settings.listen),
        )
        member.exposition.add(gateway.samples)
        member.exposition.add_far(DispatcherFigures(status, member.clock).samples)
        serving = asyncio.create_task(GatewayService(gateway, settings.listen).run(lambda: setattr(member, "waits_for", "")))
        reporting = asyncio.create_task(member.report(catalog, lambda: _health(member)))
        await until_stopped(stop, serving, reporting)
        await end(serving, reporting)


def _health(member: Member) -> list[Health]:
    """An HTTP trigger has nothing to read: it runs where the gateway does."""
    now = member.clock.time()
    return [Health(trigger, member.service, "running", at=now) for trigger in member.snapshot.bindings]
