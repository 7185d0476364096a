"""The dispatcher as a service of the mesh: its ledger, the runner far away, and everything it offers over gRPC."""

import asyncio

import structlog

from sluice.host.member import Member, end, until_stopped
from sluice.settings import Settings
from sluice.wire.dispatch_server import DispatcherService
from sluice.wire.invoke_server import InvokerService
from sluice.wire.logs_client import RemoteLogs
from sluice.wire.records_server import RecordsService
from sluice.wire.runner_client import RemoteRunner
from sluice.wire.server import WireServer
from sluice.wire.status_server import StatusService
from sluice_dispatcher.checks import checks
from sluice_dispatcher.dispatcher import Dispatcher
from sluice_dispatcher.ledger_sqlite.ledger import open_ledger

DRAIN_WITHIN_S = 5.0
LEASE = "dispatcher"

log = structlog.get_logger()


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Starts from its saved catalog when control is not there."""
    member = Member("dispatcher", settings)
    ledger = await open_ledger(settings.data / "ledger", clock=member.clock)
    try:
        async with (
            member.probes(),
            member.catalog(frozenset(), settings.data / "dispatcher" / "catalog"),
            RemoteRunner(member.peer(settings.runner), LEASE, ledger.epoch) as runner,
        ):
            runner_logs = RemoteLogs(member.peer(settings.runner))
            dispatcher = Dispatcher(
                ledger,
                runner,
                member.snapshot,
                member.clock,
                member.exposition,
                member.traces,
                calls_outlive_us=True,
                instances=lambda: runner_logs.instances(""),
            )
            delivering = asyncio.create_task(dispatcher.run())
            services = (
                DispatcherService(dispatcher, kind_of=lambda trigger: _kind(member, trigger), seek=ledger.seek),
                InvokerService(dispatcher),
                RecordsService(dispatcher),
                StatusService(member.exposition.samples, lambda: checks(ledger, settings.data)),
            )
            async with WireServer(settings.dispatcher, services, (member.secret,)):
                member.waits_for = ""
                await until_stopped(stop, delivering)
            await drain(dispatcher)
            await end(delivering)
            await runner_logs.close()
    finally:
        await ledger.close()
        member.traces.close()


async def drain(dispatcher: Dispatcher) -> None:
    """Let what runs end, for a while; the rest is settled after the next start."""
    try:
        async with asyncio.timeout(DRAIN_WITHIN_S):
            await dispatcher.drain()
    except TimeoutError:
        log.warning("calls still running at the stop", within_s=DRAIN_WITHIN_S)


def _kind(member: Member, trigger: str) -> str:
    binding = member.snapshot.bindings.get(trigger)
    return binding.kind if binding else ""
