"""Who may read which source. The epoch in the ledger is what makes it safe; this only saves the owners from taking turns needlessly."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sluice.dispatch import Told
from sluice.ledger import Claim, Ledger, Slice, SourceKey

Accept = Callable[[Slice], Awaitable[None]]
AcceptAll = Callable[[Sequence[Slice], Told], None]


class Claims:
    """The sources that are held by a living session."""

    def __init__(self, ledger: Ledger, accept: Accept, accept_all: AcceptAll) -> None:
        self._ledger = ledger
        self._accept = accept
        self._accept_all = accept_all
        self._holders: dict[SourceKey, ClaimSession] = {}
        self._waiting: dict[SourceKey, list[asyncio.Future[None]]] = {}

    def session(self, service: str) -> "ClaimSession":
        return ClaimSession(service, self, self._ledger, self._accept, self._accept_all)

    async def hold(self, key: SourceKey, session: "ClaimSession", *, assigned: bool) -> None:
        """Wait until nobody else holds the source, or take it over."""
        while not assigned and self._holders.get(key, session) is not session:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(key, []).append(future)
            await future
        self._holders[key] = session

    def let_go(self, key: SourceKey, session: "ClaimSession") -> None:
        if self._holders.get(key) is not session:
            return
        del self._holders[key]
        for future in self._waiting.pop(key, []):
            if not future.done():
                future.set_result(None)

    def held_by(self, session: "ClaimSession") -> list[SourceKey]:
        return [key for key, holder in self._holders.items() if holder is session]


class ClaimSession:
    """One trigger service's connection (`sluice.dispatch.Session`)."""

    def __init__(self, service: str, claims: Claims, ledger: Ledger, accept: Accept, accept_all: AcceptAll) -> None:
        self.service = service
        self._claims = claims
        self._ledger = ledger
        self.accept = accept
        self.accept_all = accept_all

    async def claim(self, key: SourceKey, *, assigned: bool = False) -> Claim:
        await self._claims.hold(key, self, assigned=assigned)
        return await self._ledger.claim(key)

    def release(self, claim: Claim) -> None:
        self._claims.let_go(claim.key, self)

    async def close(self) -> None:
        for key in self._claims.held_by(self):
            self._claims.let_go(key, self)
