"""What a task ends with whose parts failed."""

import asyncio

import pytest

from sluice.errors import ClaimLost, SourceLost
from sluice_dis.ending import end_of


async def test_the_foremost_failure_is_told() -> None:
    group = BaseExceptionGroup("", [SourceLost("away"), ClaimLost("other")])
    assert isinstance(end_of(group), ClaimLost)


async def test_a_cancellation_is_not_lost_behind_a_failure_at_the_same_moment() -> None:
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise end_of(BaseExceptionGroup("", [ClaimLost("at the same moment")])) from None

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
