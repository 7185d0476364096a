"""The runner as a service of the mesh."""

import asyncio

from sluice.host.member import Member, until_stopped
from sluice.settings import Settings
from sluice.wire.runner_server import RunnerService as WireRunner
from sluice.wire.server import WireServer
from sluice.wire.status_server import StatusService
from sluice_runner.checks import checks
from sluice_runner.engines import engine_of
from sluice_runner.figures import samples
from sluice_runner.service import RunnerOptions, RunnerService


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run until `stop` is set. Instances end with it."""
    member = Member("runner", settings)
    engine = engine_of(settings)
    async with member.probes(), member.catalog(frozenset(), settings.data / "runner" / "catalog") as catalog:
        options = RunnerOptions(memory_budget_mb=settings.memory_budget_mb)
        async with RunnerService(settings.data, engine, catalog.code, member.clock, options) as runner:
            member.exposition.add(samples(runner.runner.instances))
            runner.keep(member.snapshot)
            status = StatusService(member.exposition.samples, lambda: checks(engine.describe()))
            async with WireServer(settings.runner, (WireRunner(runner.runner, runner), status), (member.secret,)):
                member.waits_for = ""
                await until_stopped(stop)
