"""Reserved instances as real processes: kept without a call, replaced when they die, restarted on new code without a cut."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from sluice.catalog import Change, Snapshot
from sluice.clock import SystemClock
from sluice.function import Function
from sluice.outcome import FailureKind, Reply
from sluice.reservation import Reservation, ReservedSchedule
from sluice_runner import packages
from sluice_runner import service as runner_service
from sluice_runner.engine_process import ProcessEngine
from sluice_runner.service import RunnerOptions, RunnerService
from tests.integration.test_runner_service import DIGEST, call, fetch, kind_of
from tests.waiting import until

URN = "urn:fss:region:project:function:default:echo:latest"
IDLE_S = 0.5


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def service(data: Path) -> AsyncIterator[RunnerService]:
    options = RunnerOptions(memory_budget_mb=4096, start_within_s=10, idle_s=IDLE_S)
    async with RunnerService(data, ProcessEngine(data), fetch, SystemClock(), options) as running:
        yield running


@pytest.fixture
async def snapshot(service: RunnerService) -> Snapshot:
    """A catalog with one function; the runner keeps what it reserves."""
    catalog = Snapshot()
    catalog.apply(Change(1, function=version(1)))
    service.keep(catalog)
    return catalog


def version(generation: int, urn: str = URN) -> Function:
    """Each generation knows its own number."""
    return Function(urn, generation=generation, code=DIGEST, initialize=True, environment={"OWN": str(generation)}, timeout_s=10)


def reserve(snapshot: Snapshot, count: int, *schedules: ReservedSchedule) -> None:
    snapshot.apply(Change(2, reservation=Reservation(URN, count, schedules)))


def ready(service: RunnerService, urn: str = URN) -> set[str]:
    return {state.name for state in service.runner.instances() if (state.urn, state.state) == (urn, "ready")}


async def test_they_start_without_a_call_and_outlive_what_idles(service: RunnerService, snapshot: Snapshot) -> None:
    reserve(snapshot, 2)
    await until(lambda: len(ready(service)) == 2)
    kept = ready(service)
    other = version(1, URN.replace("echo", "other"))
    await call(service, other, {"n": 1})
    assert ready(service, other.urn)
    await until(lambda: not ready(service, other.urn))
    assert ready(service) == kept
    reply = await call(service, version(1), {"n": 1})
    assert (json.loads(reply.body)["initialised"], reply.cold, reply.instance in kept) == (1, False, True)


async def test_one_that_dies_is_replaced_without_a_call(service: RunnerService, snapshot: Snapshot) -> None:
    reserve(snapshot, 2)
    await until(lambda: len(ready(service)) == 2)
    before = ready(service)
    dying = await call(service, version(1), {"do": "exit", "code": 3})
    assert kind_of(dying) is FailureKind.CRASHED
    await until(lambda: len(ready(service)) == 2)
    assert len(ready(service) & before) == 1
    assert dying.instance not in ready(service)


async def test_new_code_replaces_them_and_no_call_fails_meanwhile(service: RunnerService, snapshot: Snapshot) -> None:
    reserve(snapshot, 2)
    await until(lambda: len(ready(service)) == 2)
    before = ready(service)
    replies: list[tuple[int, Reply]] = []

    enough = asyncio.Event()

    async def calling() -> None:
        while not enough.is_set():
            function = snapshot.functions[URN]
            replies.append((function.generation, await call(service, function, {"n": 1})))

    callers = [asyncio.create_task(calling()) for _ in range(4)]
    await until(lambda: len(replies) > 50)
    snapshot.apply(Change(3, function=version(2)))
    await until(lambda: len(ready(service)) >= 2 and not ready(service) & before)
    changed = len(replies)
    await until(lambda: len(replies) > changed + 50)
    enough.set()
    await asyncio.gather(*callers)
    assert {kind_of(reply) for _, reply in replies} == {None}
    told = [(generation, json.loads(reply.body)["environment"]["OWN"]) for generation, reply in replies]
    assert {own for generation, own in told if generation == 2} == {"2"}


async def test_they_follow_their_schedule_and_go_when_nothing_is_reserved(service: RunnerService, snapshot: Snapshot) -> None:
    now = time.time()
    reserve(snapshot, 1, ReservedSchedule("* * * * * *", 3, now - 1, now + 3))
    await until(lambda: len(ready(service)) == 3)
    await until(lambda: len(ready(service)) == 1)
    assert time.time() >= now + 3
    snapshot.apply(Change(3, removed=f"reservation:{URN}"))
    await until(lambda: not ready(service))


async def test_what_waits_for_a_function_that_is_disabled_is_told_so(service: RunnerService, snapshot: Snapshot) -> None:
    only = msgspec.structs.replace(version(1), max_instances=1)
    running = asyncio.create_task(call(service, only, {"do": "sleep", "seconds": 0.5}))
    await until(lambda: ready(service))
    waiting = asyncio.create_task(call(service, only, {"n": 1}))
    await until(lambda: service.runner.busy(only) == 2)
    snapshot.apply(Change(2, function=msgspec.structs.replace(only, max_instances=0)))
    assert kind_of(await waiting) is FailureKind.DISABLED
    assert not running.done()
    assert kind_of(await running) is None


async def test_the_code_of_a_removed_function_goes_once_no_instance_runs_it(
    service: RunnerService, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "KEEP_UNUSED_S", 0.0)
    monkeypatch.setattr(runner_service, "SWEEP_PACKAGES_S", 0.02)
    catalog, here = Snapshot(), data / "runner" / "code" / DIGEST
    catalog.apply(Change(1, function=version(1)))
    service.keep(catalog)
    running = asyncio.create_task(call(service, version(1), {"do": "sleep", "seconds": 0.5}))
    await until(lambda: ready(service))
    catalog.apply(Change(2, removed=f"function:{URN}"))
    assert not kind_of(await running)
    assert here.is_dir()
    await until(lambda: not here.exists())
