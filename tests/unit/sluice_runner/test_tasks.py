"""Work that has to go on for as long as the runner does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from sluice_runner import tasks
from sluice_runner.tasks import Tasks
from tests.waiting import until


@pytest.fixture
async def owned(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tasks]:
    monkeypatch.setattr(tasks, "AGAIN_S", 0.0)
    owner = Tasks()
    yield owner
    await owner.close()


async def test_work_that_fails_begins_again_and_its_failure_is_told(owned: Tasks) -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise ZeroDivisionError
        await asyncio.Event().wait()

    with capture_logs() as told:
        owned.keep(work)
        await until(lambda: begun == 3)
    assert [line["event"] for line in told] == ["runner_task_failed"] * 2


async def test_work_that_is_kept_ends_with_its_owner(owned: Tasks) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    owned.keep(work)
    await begun.wait()
    await owned.close()
    assert ended.is_set()
