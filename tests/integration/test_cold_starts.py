"""A thousand cold starts, a hundred at once, of functions that fail in every way: each call has the end that fits, and nothing is left."""

import asyncio
import hashlib
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sluice.clock import SystemClock
from sluice.event import random_id
from sluice.function import Function
from sluice.outcome import FailureKind, Reply
from sluice.runner import Call
from sluice_runner.engine_process import ProcessEngine
from sluice_runner.service import RunnerOptions, RunnerService
from tests.e2e.driver import FUNCTIONS, zipped
from tests.integration.test_process_engine import needs_root, traces
from tests.waiting import until

STARTS = 1_000
AT_ONCE = 100
WITHIN_S = 90.0
START_WITHIN_S = 15.0
"""A hundred interpreters that start at once take seconds."""
PACKAGE = zipped(FUNCTIONS / "faulty")
DIGEST = hashlib.sha512(PACKAGE).hexdigest()
ENDS = {
    "none": (600, frozenset({None})),
    "slow to begin": (50, frozenset({None})),
    "leaves a child": (50, frozenset({None})),
    "exits at once": (100, frozenset({FailureKind.START_FAILED})),
    "never listens": (50, frozenset({FailureKind.START_FAILED})),
    "never begins": (50, frozenset({FailureKind.INIT_FAILED})),
    "exits in the call": (100, frozenset({FailureKind.CRASHED})),
}
"""Of each fault how many, and how its calls end."""


async def fetch(digest: str) -> AsyncIterator[bytes]:
    yield PACKAGE


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@needs_root
@pytest.mark.timeout(400)
async def test_a_thousand_faulty_starts_leave_nothing(data: Path) -> None:
    faults = [fault for fault, (number, _) in ENDS.items() for _ in range(number)]
    random.shuffle(faults)
    assert len(faults) == STARTS
    options = RunnerOptions(memory_budget_mb=AT_ONCE * 128, simultaneous_starts=AT_ONCE, start_within_s=START_WITHIN_S, idle_s=0.2)
    before = len(os.listdir("/proc/self/fd"))
    async with RunnerService(data, ProcessEngine(data, isolation="root"), fetch, SystemClock(), options) as service:
        room = asyncio.Semaphore(AT_ONCE)
        ended: Counter[tuple[str, FailureKind | None]] = Counter()

        async def start(number: int, fault: str) -> None:
            function = Function(
                f"urn:fss:region:project:function:default:faulty-{number}:latest",
                code=DIGEST,
                initialize=True,
                init_timeout_s=1.0 if fault == "never begins" else WITHIN_S,
                timeout_s=WITHIN_S,
                environment={"FAULT": fault},
            )
            async with room:
                reply = await asyncio.wait_for(_reply(service, function), WITHIN_S)
            ended[fault, reply.failure.kind if reply.failure else None] += 1

        await asyncio.gather(*(start(number, fault) for number, fault in enumerate(faults)))
        assert ended == {(fault, end): number for fault, (number, ends) in ENDS.items() for end in ends}
        await until(lambda: not service.runner.instances(), WITHIN_S)
        assert not faulty_processes()
    await until(lambda: not traces(data), WITHIN_S)
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before, WITHIN_S)


async def _reply(service: RunnerService, function: Function) -> Reply:
    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    service.runner.submit(Call(random_id(), function, b"{}"), lambda _, reply: answer.set_result(reply))
    return await answer


def faulty_processes() -> list[Path]:
    return [process for process in Path("/proc").glob("[0-9]*") if _is_faulty(process)]


def _is_faulty(process: Path) -> bool:
    try:
        return b"FAULT=" in (process / "environ").read_bytes()
    except OSError:
        return False
