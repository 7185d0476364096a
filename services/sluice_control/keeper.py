"""The keeper of the catalog: the registry, the code packages and the secrets, and those who watch. The API works on it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sluice.catalog import Catalog, Change, Health, Key
from sluice.clock import Clock
from sluice.trigger import TriggerKind
from sluice_control.code_store import CodeStore
from sluice_control.health import HealthBoard
from sluice_control.nouns import Audience, Teller
from sluice_control.registry import Commit, Edit, KeyRow, Registry, Removed, TriggerRow, View
from sluice_control.registry_sqlite.lock import RegistryLock
from sluice_control.registry_sqlite.registry import SqliteRegistry
from sluice_control.resources.keys import NewKey, new_key
from sluice_control.resources.limits import Limits
from sluice_control.trail import Trail
from sluice_control.vault import Vault
from sluice_control.watchers import Watchers

T = TypeVar("T")

ANSWER_WITHIN_S = 1.0
"""How long the answer of a change waits for the watchers."""
SWEEP_EVERY_S = 3600.0


class Keeper(Catalog):
    """Owns `data`/control. Enter it on the event loop that it is to live on.

    `kinds` are the installed trigger kinds by FunctionGraph type code.
    """

    def __init__(
        self,
        data: Path,
        kinds: Mapping[str, TriggerKind],
        clock: Clock,
        region: str = "local-1",
        limits: Limits | None = None,
    ) -> None:
        self._folder = data / "control"
        self.kinds = kinds
        self.clock = clock
        self.region = region
        self.limits = limits or Limits()
        self.health = HealthBoard()
        self._swept_at = 0.0

    async def __aenter__(self) -> Self:
        """Raises AlreadyRunning, and ConfigurationError for a registry or a key file that cannot be used."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with AsyncExitStack() as opened:
            opened.callback(RegistryLock(self._folder / "lock").release)
            self._registry: Registry = SqliteRegistry(self._folder / "registry.db")
            opened.push_async_callback(self._registry.close)
            self.packages = CodeStore(self._folder / "code")
            self.vault = Vault.open(self._folder / "key", create=self.view.generation() == 0)
            self.teller = Teller(self.region, self.vault)
            self.watchers = Watchers(self._registry, self.teller)
            self.trail = Trail(self._registry, self.clock)
            self._registry.on_commit(self._forget_removed)
            await self.sweep()
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.watchers.end_all("control is stopping")
        await self._opened.aclose()

    @property
    def view(self) -> View:
        """The registry as of the last commit."""
        return self._registry.view

    @property
    def project(self) -> str:
        return self.view.project()

    def watch(self, service: str, kinds: frozenset[str]) -> AsyncIterator[Change]:
        return self.watchers.watch(Audience(service, kinds))

    def code(self, digest: str) -> AsyncIterator[bytes]:
        return self.packages.read(digest)

    async def report(self, service: str, generation: int, health: list[Health]) -> None:
        self.health.report(health, self.clock.time())
        self.watchers.report(service, generation)

    async def change(self, work: Callable[[Edit], T]) -> T:
        """One transaction; returns once the watchers have it, or a second later."""
        reached = 0

        def counted(edit: Edit) -> T:
            nonlocal reached
            result = work(edit)
            reached = edit.generation()
            return result

        result = await self._registry.change(counted)
        await self.watchers.reached(min(reached, self.view.generation()), ANSWER_WITHIN_S)
        return result

    async def bootstrap_credentials(self) -> Key:
        """The project's oldest lasting admin key; made at first start, and again when none is left."""
        admins = [row for row in self.view.keys(self.project) if row.role == "admin" and not row.expires_ms]
        row = admins[0] if admins else await self.create_key(self.project, "admin", "first start")
        return self.teller.key(row)

    async def create_key(self, project: str, role: str, description: str) -> KeyRow:
        row = new_key(self.vault, NewKey(project, role, description), self.now_ms())
        await self.change(lambda edit: edit.put_key(row))
        return self.view.key(row.access_key) or row

    def now_ms(self) -> int:
        return int(self.clock.time() * 1000)

    async def sweep(self) -> int:
        """Remove code packages that no version refers to any more."""
        self._swept_at = self.clock.monotonic()
        return await self.packages.sweep(self._digests)

    async def sweep_sometimes(self) -> None:
        """`sweep`, at most once in an hour."""
        if self.clock.monotonic() - self._swept_at >= SWEEP_EVERY_S:
            await self.sweep()

    def _digests(self) -> frozenset[str]:
        snapshot = self._registry.snapshot()
        try:
            return snapshot.view.digests()
        finally:
            snapshot.close()

    def _forget_removed(self, commit: Commit) -> None:
        for touched in commit.touched:
            if isinstance(touched, Removed) and isinstance(touched.row, TriggerRow):
                self.health.forget(touched.row.id)
