"""Waiting for something to become true, with a deadline: the only place of the tests that polls."""

import asyncio
from collections.abc import Callable

POLL_S = 0.002


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Return once `condition()` is true; fail after `within_s`."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(POLL_S)
