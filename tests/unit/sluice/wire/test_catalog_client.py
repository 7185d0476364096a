"""One contract of the catalog's port, near and far; and who may see which secret."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from sluice.catalog import Catalog, Change, FunctionGone, Health
from sluice.errors import Unavailable
from sluice.wire.catalog_client import RemoteCatalog
from sluice.wire.catalog_server import CatalogService, shown_to
from sluice.wire.faults import PermissionDenied
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.server import WireServer
from sluice.wire.token import issue, token_for
from tests.unit.sluice.wire.fake_records import BINDING, CHANGES, FUNCTION, KEY, FakeCatalog

PACE = Pace(beat_s=0.05)
SECRET = b"a secret of the mesh"


@pytest.fixture
async def fake() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture(params=["local", "wire"])
async def catalog(request: pytest.FixtureRequest, fake: FakeCatalog, tmp_path: Path) -> AsyncIterator[Catalog]:
    if request.param == "local":
        yield fake
        return
    async with WireServer(f"unix:{tmp_path}/c", [CatalogService(fake, PACE)]) as server:
        remote = RemoteCatalog(Peer(server.address), PACE)
        yield remote
        await remote.close()


async def first(changes: AsyncIterator[Change], number: int) -> list[Change]:
    """The first changes; then the watch is left."""
    counter = count(1)
    return [change async for change in _until(changes, counter, number)]


async def _until(changes: AsyncIterator[Change], counter: "count[int]", number: int) -> AsyncIterator[Change]:
    async for change in changes:
        yield change
        if next(counter) == number:
            return


async def test_changes_come_whole_and_in_order(catalog: Catalog, fake: FakeCatalog) -> None:
    assert await first(catalog.watch("dispatcher", frozenset({"kafka", "timer"})), len(CHANGES)) == list(CHANGES)
    assert fake.watched == [("dispatcher", frozenset({"kafka", "timer"}))]


async def test_code_comes_in_chunks_and_unknown_code_is_gone(catalog: Catalog) -> None:
    assert b"".join([chunk async for chunk in catalog.code("d1")]) == b"z" * 5 * 1024 * 1024 + b"end"
    with pytest.raises(FunctionGone, match="d2"):
        await anext(catalog.code("d2"))


async def test_a_report_arrives_as_it_was_made(catalog: Catalog, fake: FakeCatalog) -> None:
    health = [Health("t-1", "kafka", "waiting", "broker away", -1, "source", 12.5), Health("t-2", "kafka", "running", lag=5)]
    await catalog.report("kafka", 7, health)
    assert fake.reports == [("kafka", 7, health)]


async def test_the_end_of_control_is_unavailable(fake: FakeCatalog, tmp_path: Path) -> None:
    async with WireServer(f"unix:{tmp_path}/c", [CatalogService(fake, PACE)]) as server:
        remote = RemoteCatalog(Peer(server.address), PACE)
        changes = remote.watch("kafka", frozenset())
        await anext(changes)
    with pytest.raises(Unavailable):
        async for _ in changes:
            pass
    await remote.close()


async def test_a_service_watches_as_its_token_says_and_only_its_kinds(fake: FakeCatalog, tmp_path: Path) -> None:
    async with WireServer(f"unix:{tmp_path}/c", [CatalogService(fake, PACE)], [SECRET]) as server:
        remote = RemoteCatalog(Peer(server.address, lambda: issue(token_for("kafka"), SECRET)), PACE)
        with pytest.raises(PermissionDenied, match="kafka does not serve the kind timer"):
            await anext(remote.watch("kafka", frozenset({"timer"})))
        seen = await first(remote.watch("gateway", frozenset({"kafka"})), 5)
        assert fake.watched == [("kafka", frozenset({"kafka"}))]
        assert [change.key for change in seen] == [None] * 5
        await remote.close()


def test_secrets_go_only_to_whom_they_concern() -> None:
    binding, function = Change(1, binding=BINDING), Change(1, function=FUNCTION)
    bare = msgspec.structs.replace(FUNCTION, environment={}, secrets={})
    kafka, timer, gateway, runner = (token_for(service) for service in ("kafka", "timer", "gateway", "runner"))
    assert shown_to(kafka, binding) == binding
    assert shown_to(timer, binding) == Change(1, binding=msgspec.structs.replace(BINDING, settings=b"{}"))
    assert shown_to(runner, function) == function
    assert shown_to(kafka, function) == Change(1, function=bare)
    assert shown_to(gateway, Change(1, key=KEY)) == Change(1, key=KEY)
    assert shown_to(runner, Change(1, key=KEY)) is None
    assert shown_to(runner, Change(1, removed="key:AK")) is None
    assert shown_to(runner, Change(1)) == Change(1)
