"""Which version and which instance each attempt of an event meets."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.catalog import Change
from sluice.event import Event, random_id
from sluice.function import Alias, Asynchronous, Function, HeaderRule
from sluice.ledger import DeadFilter
from sluice.outcome import FailureKind, Verdict
from sluice.runner import Call
from tests.unit.sluice_dispatcher.fake_runner import failed
from tests.unit.sluice_dispatcher.mesh import FUNCTION, Mesh

ALIAS = f"{FUNCTION}:!live"
RULES = (HeaderRule("x-grey", "=", "yes"),)


@pytest.fixture
async def split(tmp_path: Path) -> AsyncIterator[Mesh]:
    """Versions v1 and v2 behind an alias."""
    made = Mesh(tmp_path / "ledger")
    for version in ("v1", "v2"):
        made.define(Function(f"{FUNCTION}:{version}", max_retries=1, dynamic_memory=True))
    point(made, "v1")
    await made.start()
    yield made
    await made.stop()


def point(mesh: Mesh, version: str, additional: str = "", weight: int = 0, own: Asynchronous | None = None) -> None:
    rules = RULES if additional and not weight else ()
    mesh.snapshot.apply(Change(2, alias=Alias(ALIAS, version, additional, weight, rules, "and", own)))


async def begun(mesh: Mesh, choice: str = "") -> Call:
    """An asynchronous invocation of the alias that runs."""
    outcome = await mesh.dispatcher.invoke_async("p1", ALIAS, Event(random_id(), b"{}", choice=choice))
    assert outcome.verdict is Verdict.DONE
    await mesh.running(1)
    return mesh.runner.held[0][0]


async def test_an_event_keeps_its_version_when_the_alias_points_elsewhere(split: Mesh) -> None:
    assert (await begun(split)).function.urn == f"{FUNCTION}:v1"
    point(split, "v2", "v1", 100)
    split.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await split.running(1)
    assert (split.runner.held[0][0].function.urn, split.runner.held[0][0].attempt) == (f"{FUNCTION}:v1", 2)


async def test_what_the_headers_chose_outlives_a_restart(split: Mesh) -> None:
    point(split, "v1", "v2")
    call = await begun(split, "v2@512")
    assert (call.function.urn, call.function.memory_mb, call.qualifier) == (f"{FUNCTION}:v2", 512, "!live")
    await split.restart()
    await split.running(1)
    again = split.runner.held[0][0]
    assert (again.id, again.function.place) == (call.id, f"{FUNCTION}:v2@512")


async def test_a_redriven_event_keeps_what_the_headers_chose(split: Mesh) -> None:
    point(split, "v1", "v2")
    call = await begun(split, "v2")
    for _ in range(2):
        await split.running(1)
        split.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await split.until_state(call.id, "FAIL")
    await split.dispatcher.redrive(DeadFilter(project="p1"), 10, dry_run=False)
    await split.running(1)
    assert split.runner.held[0][0].function.urn == f"{FUNCTION}:v2"


async def test_an_aliass_own_settings_judge_its_events_and_not_those_of_the_version(split: Mesh) -> None:
    point(split, "v1", own=Asynchronous(0, 86_400))
    call = await begun(split)
    split.runner.answer(failed(FailureKind.FUNCTION_ERROR))
    await split.until_state(call.id, "FAIL")
    direct = Event(random_id(), b"{}")
    await split.dispatcher.invoke_async("p1", f"{FUNCTION}:v1", direct)
    for attempt in (1, 2):
        await split.running(1)
        assert split.runner.answer(failed(FailureKind.FUNCTION_ERROR)).attempt == attempt


async def test_a_synchronous_call_goes_where_its_headers_chose(split: Mesh) -> None:
    point(split, "v1", "v2")
    for choice, place in (("v2", f"{FUNCTION}:v2"), ("v1@256", f"{FUNCTION}:v1@256")):
        asking = split.dispatcher.invoke("p1", ALIAS, Event(random_id(), b"{}", choice=choice))
        task = asyncio.ensure_future(asking)
        await split.running(1)
        assert split.runner.answer().function.place == place
        assert (await task).verdict is Verdict.DONE


async def test_calls_that_wait_for_a_size_begin_when_that_size_has_room(split: Mesh) -> None:
    split.runner.full.add(f"{FUNCTION}:v1")
    task = asyncio.ensure_future(split.dispatcher.invoke("p1", ALIAS, Event(random_id(), b"{}", choice="@256")))
    await asyncio.sleep(0)
    assert not split.runner.held
    split.runner.full.clear()
    split.runner.grow(f"{FUNCTION}:v1@256")
    await split.running(1)
    assert split.runner.answer().function.memory_mb == 256
    assert (await task).verdict is Verdict.DONE
