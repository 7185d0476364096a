"""`sluice up`: all services in this process, on one event loop. The one place that puts all of them together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from sluice.catalog import Health, Key, Snapshot
from sluice.clock import Clock, SystemClock
from sluice.host.follow import follow
from sluice.host.kind_service import door
from sluice.host.kinds import by_type, installed
from sluice.host.member import end
from sluice.host.probes import admits
from sluice.host.supervisor import Supervisor
from sluice.host.tracing import make
from sluice.metrics import GENERATION, Exposition
from sluice.push import Doors
from sluice.settings import Settings
from sluice.status import Check
from sluice.tracing import NoTraces, Traces
from sluice.trigger import TriggerKind
from sluice.wire.address import is_local
from sluice_cli.listening import require_free
from sluice_control.control import Control
from sluice_control.credentials import write_credentials
from sluice_control.doctor import kinds, listening
from sluice_dispatcher.checks import checks as dispatcher_checks
from sluice_dispatcher.dispatcher import Dispatcher
from sluice_dispatcher.ledger_sqlite.ledger import SqliteLedger, open_ledger
from sluice_gateway.app import Gateway
from sluice_gateway.doorkeeper import Doorkeeping
from sluice_gateway.service import GatewayService
from sluice_runner.checks import checks as runner_checks
from sluice_runner.engines import engine_of
from sluice_runner.figures import samples
from sluice_runner.service import RunnerOptions, RunnerService

REPORT_S = 2.0
DRAIN_WITHIN_S = 6.0
SERVICE = "up"

log = structlog.get_logger()


@dataclass
class Services:
    """Everything that runs in this process, in the order in which it was started."""

    settings: Settings
    kinds: Mapping[str, TriggerKind]
    clock: Clock = field(default_factory=SystemClock)
    exposition: Exposition = field(default_factory=Exposition)
    snapshot: Snapshot = field(default_factory=Snapshot)
    traces: Traces = field(default_factory=NoTraces)


async def run_all(settings: Settings, stop: asyncio.Event, announce: Callable[[Path, str], None]) -> None:
    """Run everything until `stop` is set. `announce(credentials file, url)` is called once requests can arrive.

    Raises AlreadyRunning, LedgerDamaged and ConfigurationError before anything has changed.
    """
    kinds = by_type(kind.within(settings) for kind in installed())
    services = Services(settings, kinds, traces=make(SERVICE, settings.otlp_endpoint, settings.trace_ratio))
    ledger = await open_ledger(settings.data / "ledger", clock=services.clock)
    try:
        require_free(settings.listen)
        async with control_of(services) as (control, key), runner_of(services, control) as runner, asyncio.TaskGroup() as tasks:
            following = tasks.create_task(follow(control, SERVICE, frozenset(), services.snapshot))
            await _synced(services.snapshot)
            runner.keep(services.snapshot)
            dispatcher = Dispatcher(
                ledger,
                runner.runner,
                services.snapshot,
                services.clock,
                services.exposition,
                services.traces,
                instances=lambda: runner.instances(""),
            )
            delivering = tasks.create_task(dispatcher.run())
            supervisor = Supervisor(
                SERVICE, services.kinds, dispatcher, services.snapshot, services.clock, services.exposition, services.traces
            )
            telling = tasks.create_task(control.trail.run(supervisor.doors))
            reporting = tasks.create_task(_report(control, services.snapshot, supervisor))
            reading = tasks.create_task(supervisor.run())
            gateway = _gateway(services, control, dispatcher, runner, ledger, supervisor.doors)
            async with doors_of(services, supervisor.doors):
                serving = tasks.create_task(gateway.run(lambda: announce(write_credentials(settings.data, gateway.url, key), gateway.url)))
                await stop.wait()
                await end(serving, reading, reporting, telling)
            await _drain(dispatcher)
            await end(delivering, following)
    finally:
        await ledger.close()
        services.traces.close()


@asynccontextmanager
async def control_of(services: Services) -> AsyncIterator[tuple[Control, Key]]:
    async with Control(services.settings.data, services.kinds, services.clock, services.settings.region) as control:
        yield control, await control.bootstrap_credentials()


@asynccontextmanager
async def runner_of(services: Services, control: Control) -> AsyncIterator[RunnerService]:
    settings = services.settings
    options = RunnerOptions(memory_budget_mb=settings.memory_budget_mb)
    engine = engine_of(settings)
    async with RunnerService(settings.data, engine, control.code, services.clock, options) as runner:
        services.exposition.add(samples(runner.runner.instances))
        yield runner


@asynccontextmanager
async def doors_of(services: Services, doors: Doors) -> AsyncIterator[None]:
    """The rpcs of kinds that are pushed to, where `doors` of the settings says; the gateway of this process does not need them."""
    async with AsyncExitStack() as stack:
        for kind in {kind.name: kind for kind in services.kinds.values()}.values():
            await stack.enter_async_context(door(kind, services.settings, doors))
        yield


def _gateway(
    services: Services, control: Control, dispatcher: Dispatcher, runner: RunnerService, ledger: SqliteLedger, doors: Doors
) -> GatewayService:
    services.exposition.add(lambda: [(GENERATION, (), services.snapshot.generation)])

    async def doctor() -> list[Check]:
        return checks(services, runner, ledger)

    gateway = Gateway(
        dispatcher,
        services.snapshot,
        api=control.api(records=dispatcher, logs=runner, doctor=doctor),
        exposition=services.exposition.page,
        may_read=admits(services.settings.listen, services.settings.metrics_token.reveal()),
        clock=services.clock,
        traces=services.traces,
        ready=lambda: "" if services.snapshot.synced else "the catalog",
        region=services.settings.region,
        doorkeeping=Doorkeeping(signature_window_s=services.settings.signature_window_s, require_nonce=services.settings.require_nonce),
        doors=doors,
        is_local=is_local(services.settings.listen),
    )
    services.exposition.add(gateway.samples)
    return GatewayService(gateway, services.settings.listen)


async def _synced(snapshot: Snapshot) -> None:
    synced = asyncio.Event()
    snapshot.listen(lambda change: synced.set() if change.synced else None)
    if not snapshot.synced:
        await synced.wait()


async def _report(control: Control, snapshot: Snapshot, supervisor: Supervisor) -> None:
    while True:
        health: list[Health] = supervisor.report()
        await control.report(SERVICE, snapshot.generation, health)
        await asyncio.sleep(REPORT_S)


async def _drain(dispatcher: Dispatcher) -> None:
    try:
        async with asyncio.timeout(DRAIN_WITHIN_S):
            await dispatcher.drain()
    except TimeoutError:
        log.warning("calls still running at the stop will run again", within_s=DRAIN_WITHIN_S)


def checks(services: Services, runner: RunnerService, ledger: SqliteLedger) -> list[Check]:
    """What `sluice doctor` says of this process."""
    return [
        *runner_checks(runner.engine.describe()),
        *dispatcher_checks(ledger, services.settings.data),
        kinds(kind.name for kind in services.kinds.values()),
        listening({"gateway": services.settings.listen}),
    ]
