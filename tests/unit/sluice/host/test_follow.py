"""Following the catalog: whole, in order, over lost connections, and from disk."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.catalog import Change, FunctionGone, Health, Snapshot
from sluice.errors import Unavailable
from sluice.function import Alias, Function
from sluice.host import follow as module
from sluice.host.follow import follow, restore, save
from sluice.reservation import Reservation, ReservedSchedule
from tests.waiting import until

URN = "urn:fss:local-1:p1:function:default:f"


class ScriptedCatalog:
    """Each watch sends one list of changes; then the connection is lost, or it waits."""

    def __init__(self, *watches: list[Change]) -> None:
        self.watches = list(watches)
        self.reported: list[int] = []

    async def watch(self, service: str, kinds: frozenset[str]) -> AsyncIterator[Change]:
        for change in self.watches.pop(0):
            yield change
        if self.watches:
            raise Unavailable("lost", 0.0)
        await asyncio.Event().wait()

    async def report(self, service: str, generation: int, health: list[Health]) -> None:
        self.reported.append(generation)

    def code(self, digest: str) -> AsyncIterator[bytes]:
        raise AssertionError("nobody asks for code")


def function(version: str, generation: int = 1) -> Change:
    return Change(generation, function=Function(f"{URN}:{version}", generation))


async def followed(catalog: ScriptedCatalog, generation: int, file: Path | None = None) -> Snapshot:
    snapshot = Snapshot()
    task = asyncio.ensure_future(follow(catalog, "runner", frozenset(), snapshot, file))
    await until(lambda: snapshot.generation >= generation and not catalog.watches)
    if file is not None:
        await until(file.exists)
    task.cancel()
    await asyncio.wait({task})
    return snapshot


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    monkeypatch.setattr(module, "SAVE_AFTER_S", 0.0)


async def test_the_snapshot_is_synced_only_after_everything_has_come() -> None:
    snapshot = Snapshot()
    snapshot.apply(function("latest"))
    assert not snapshot.synced
    snapshot.apply(Change(1))
    assert snapshot.synced


async def test_what_vanished_while_the_connection_was_lost_is_removed() -> None:
    catalog = ScriptedCatalog([function("latest"), function("v1"), Change(1)], [function("latest", 3), Change(3)])
    snapshot = await followed(catalog, 3)
    assert set(snapshot.functions) == {f"{URN}:latest"}


async def test_what_is_still_there_is_never_missing_meanwhile() -> None:
    catalog = ScriptedCatalog([function("latest"), Change(1)], [function("latest"), Change(2)])
    snapshot = Snapshot()
    removed: list[str] = []
    snapshot.listen(lambda change: removed.append(change.removed) if change.removed else None)
    task = asyncio.ensure_future(follow(catalog, "runner", frozenset(), snapshot))
    await until(lambda: snapshot.generation >= 2)
    task.cancel()
    await asyncio.wait({task})
    assert removed == []


async def test_a_service_starts_from_disk_without_control(tmp_path: Path) -> None:
    file = tmp_path / "catalog"
    kept = Change(1, reservation=Reservation(f"{URN}:!a", 2, (ReservedSchedule("0 0 8 * * *", 3, 1.0, 2.0),)))
    script = [function("latest"), Change(1, alias=Alias(f"{URN}:!a", "latest")), kept, Change(1)]
    first = await followed(ScriptedCatalog(script), 1, file)
    again = Snapshot()
    restore(file, again)
    assert again.synced
    assert (again.functions, again.aliases) == (first.functions, first.aliases)
    assert again.reservations == first.reservations == {f"{URN}:!a": kept.reservation}
    assert file.stat().st_mode & 0o777 == 0o600


async def test_many_changes_at_once_are_saved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []

    def count(file: Path, snapshot: Snapshot) -> None:
        saved.append(len(snapshot.functions))
        file.touch()

    monkeypatch.setattr(module, "save", count)
    monkeypatch.setattr(module, "SAVE_AFTER_S", 0.05)
    await followed(ScriptedCatalog([function(f"v{number}") for number in range(50)] + [Change(1)]), 1, tmp_path / "catalog")
    assert saved == [50]


async def test_what_comes_from_a_file_is_only_remembered_until_control_has_said_everything(tmp_path: Path) -> None:
    file = tmp_path / "catalog"
    await followed(ScriptedCatalog([function("latest"), Change(1)]), 1, file)
    snapshot = Snapshot()
    restore(file, snapshot)
    assert snapshot.synced
    assert snapshot.remembered
    assert not (await followed(ScriptedCatalog([function("latest"), function("v1"), Change(2)]), 2, file)).remembered


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "catalog"
    file.write_bytes(b"\x93garbage")
    snapshot = Snapshot()
    restore(file, snapshot)
    assert not snapshot.synced


def test_saving_replaces_as_one_step(tmp_path: Path) -> None:
    save(tmp_path / "catalog", Snapshot())
    assert [path.name for path in tmp_path.iterdir()] == ["catalog"]


def test_an_alias_splits_by_the_event_and_always_the_same_way() -> None:
    snapshot = Snapshot()
    for version in ("v1", "v2"):
        snapshot.apply(function(version))
    snapshot.apply(Change(1, alias=Alias(f"{URN}:!a", "v1", "v2", 30)))
    events = [number.to_bytes(16, "big") for number in range(1000)]
    chosen = [snapshot.resolve(f"{URN}:!a", event).urn for event in events]
    assert chosen == [snapshot.resolve(f"{URN}:!a", event).urn for event in events]
    assert chosen.count(f"{URN}:v2") == 300


def test_an_alias_to_nothing_is_named() -> None:
    snapshot = Snapshot()
    snapshot.apply(Change(1, alias=Alias(f"{URN}:!a", "v9")))
    with pytest.raises(FunctionGone, match="v9"):
        snapshot.resolve(f"{URN}:!a", b"0" * 16)
