"""One service of the mesh: its token, its copy of the catalog, its probes. What `up` has once, each of these processes has for itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sluice.catalog import Catalog, Health, Snapshot
from sluice.clock import SystemClock
from sluice.errors import ConfigurationError, Unavailable
from sluice.host.follow import follow
from sluice.host.probes import Probes, admits
from sluice.host.tracing import make
from sluice.metrics import GENERATION, Exposition
from sluice.settings import Settings
from sluice.wire.catalog_client import RemoteCatalog
from sluice.wire.peer import Peer
from sluice.wire.token import issue, token_for

REPORT_S = 2.0


class Member:
    """What the services of the mesh have in common. `service` is also the name of its role: what its token lets it do."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.secret = settings.mesh_secret.reveal().encode()
        if not self.secret:
            raise ConfigurationError("a service of the mesh needs SLUICE_MESH_SECRET, the same for all of them")
        self.clock = SystemClock()
        self.exposition = Exposition()
        self.snapshot = Snapshot()
        self.traces = make(service, settings.otlp_endpoint, settings.trace_ratio)
        self.waits_for = "start"
        """What keeps it from its work; the service sets it to "" when nothing does."""
        self.exposition.add(lambda: [(GENERATION, (), self.snapshot.generation)])

    def token(self) -> str:
        return issue(token_for(self.service), self.secret)

    def peer(self, address: str) -> Peer:
        return Peer(address, self.token)

    @asynccontextmanager
    async def probes(self) -> AsyncIterator[None]:
        """/livez, /readyz and /metrics, where the settings say so."""
        if not self.settings.probes:
            yield
            return
        may_read = admits(self.settings.probes, self.settings.metrics_token.reveal())
        server = await Probes(lambda: self.waits_for, self.exposition.page, may_read).serve(self.settings.probes)
        async with server:
            yield

    @asynccontextmanager
    async def catalog(self, kinds: frozenset[str], file: Path | None = None) -> AsyncIterator[RemoteCatalog]:
        """Control's catalog, followed. Entered once everything has arrived, from control or from `file`."""
        catalog = RemoteCatalog(self.peer(self.settings.control))
        self.waits_for = "the catalog"
        synced = asyncio.Event()
        self.snapshot.listen(lambda change: synced.set() if change.synced else None)
        following = asyncio.create_task(follow(catalog, self.service, kinds, self.snapshot, file))
        try:
            waiting = asyncio.create_task(synced.wait())
            await asyncio.wait({waiting, following}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if following.done():
                following.result()
            self.waits_for = "its peers"
            yield catalog
        finally:
            following.cancel()
            await asyncio.wait({following})
            await catalog.close()

    async def report(self, catalog: Catalog, health: Callable[[], list[Health]]) -> None:
        """Tell control how the triggers are, until cancelled."""
        while True:
            with suppress(Unavailable):  # the follower says so already, and comes back by itself
                await catalog.report(self.service, self.snapshot.generation, health())
            await asyncio.sleep(REPORT_S)


async def until_stopped(stop: asyncio.Event, *work: "asyncio.Task[None]") -> None:
    """Wait for `stop`; raise what one of the tasks raised before."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *work}, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            if task.done():
                task.result()
    finally:
        stopping.cancel()


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel and wait."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
