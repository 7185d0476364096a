"""Who watches the catalog, what each still has to be told, and how far each has come."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from sluice.catalog import Change
from sluice.errors import Unavailable
from sluice_control.nouns import Audience, Teller
from sluice_control.registry import Commit, Registry, View

_PAGE = 256
"""Rows told before others get the event loop."""
MAX_BEHIND = 10_000
"""Commits a watcher may lag behind; one that lags more is ended and watches again, which is cheaper than what it missed."""


class Watcher:
    """One open watch. `taken` is the last generation it asked beyond; `reported` what its service said it has reached."""

    def __init__(self, audience: Audience) -> None:
        self.audience = audience
        self.taken = 0
        self.reported = 0
        self.lost = ""
        self._commits: deque[Commit] = deque()
        self._news = asyncio.Event()

    @property
    def reached(self) -> int:
        """A service that reports is believed by its reports; one that does not, by what it has taken."""
        return self.reported or self.taken

    def put(self, commit: Commit) -> None:
        if len(self._commits) >= MAX_BEHIND:
            self.end(f"{self.audience.service} is more than {MAX_BEHIND} changes behind")
        else:
            self._commits.append(commit)
            self._news.set()

    def end(self, reason: str) -> None:
        self.lost = reason
        self._news.set()

    async def next(self) -> Commit:
        """Raises Unavailable when the watch was ended."""
        while not self._commits and not self.lost:
            self._news.clear()
            await self._news.wait()
        if self.lost:
            raise Unavailable(self.lost)
        return self._commits.popleft()


class Watchers:
    """All open watches of a registry."""

    def __init__(self, registry: Registry, teller: Teller) -> None:
        self._registry = registry
        self._teller = teller
        self._open: list[Watcher] = []
        self._progress: set[asyncio.Event] = set()
        registry.on_commit(self._committed)

    def services(self) -> dict[str, int]:
        """The generation that each watching service has reached."""
        return {watcher.audience.service: watcher.reached for watcher in self._open}

    async def watch(self, audience: Audience) -> AsyncIterator[Change]:
        """Everything as it is, `synced`, then each commit's changes and `synced` again."""
        watcher = Watcher(audience)
        snapshot = self._registry.snapshot()
        # Nothing is awaited between the snapshot and this, so no commit is missed.
        self._open.append(watcher)
        try:
            since = snapshot.view.generation()
            try:
                async for change in self._whole(snapshot.view, since, audience):
                    yield change
            finally:
                snapshot.close()
            yield Change(since)
            self._took(watcher, since)
            while True:
                commit = await watcher.next()
                if commit.generation > since:
                    for change in self._teller.changes(commit, audience):
                        yield change
                    self._took(watcher, commit.generation)
        finally:
            self._open.remove(watcher)
            self._wake()

    async def _whole(self, view: View, generation: int, audience: Audience) -> AsyncIterator[Change]:
        for told, row in enumerate(view.everything(), 1):
            if audience.hears(row):
                yield self._teller.change(row, generation, audience)
            if told % _PAGE == 0:
                await asyncio.sleep(0)

    def report(self, service: str, generation: int) -> None:
        for watcher in self._open:
            if watcher.audience.service == service:
                watcher.reported = max(watcher.reported, generation)
        self._wake()

    async def reached(self, generation: int, timeout_s: float) -> bool:
        """Wait until all watchers have it; False when the time was over first."""
        news = asyncio.Event()
        self._progress.add(news)
        try:
            async with asyncio.timeout(timeout_s):
                while any(watcher.reached < generation for watcher in self._open):
                    news.clear()
                    await news.wait()
        except TimeoutError:
            return False
        finally:
            self._progress.discard(news)
        return True

    def end_all(self, reason: str) -> None:
        for watcher in self._open:
            watcher.end(reason)

    def _committed(self, commit: Commit) -> None:
        for watcher in self._open:
            watcher.put(commit)

    def _took(self, watcher: Watcher, generation: int) -> None:
        watcher.taken = generation
        self._wake()

    def _wake(self) -> None:
        for news in self._progress:
            news.set()
