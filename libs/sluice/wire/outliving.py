"""Acceptances that outlive their stream. One that was begun may already be on disk: it must come to its end, whoever still listens."""

import asyncio
from collections.abc import Iterable
from typing import Any


class Outliving:
    """Holds what nobody waits for any more until it is done. The ledger judges it by its claim like any other."""

    def __init__(self) -> None:
        self._open: set[asyncio.Future[Any]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def adopt(self, futures: "Iterable[asyncio.Future[Any]]") -> None:
        for future in futures:
            self._open.add(future)
            future.add_done_callback(self._open.discard)
