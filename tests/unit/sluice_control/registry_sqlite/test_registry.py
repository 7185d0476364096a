"""The registry's file."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from sluice.binding import TriggerStatus
from sluice.errors import ConfigurationError
from sluice_control.bodies import AsyncConfig, FunctionSettings
from sluice_control.registry import (
    AliasRow,
    AsyncRow,
    Commit,
    Edit,
    FunctionRow,
    KeyRow,
    ProjectRow,
    Quotas,
    Removed,
    TriggerRow,
    VersionRow,
)
from sluice_control.registry_sqlite.registry import SqliteRegistry
from sluice_control.registry_sqlite.schema import TABLES


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SqliteRegistry]:
    opened = SqliteRegistry(tmp_path / "registry.db")
    yield opened
    await opened.close()


def make(name: str = "hello") -> "Step":
    return Step(name)


class Step:
    """Adds a function with a version."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, edit: Edit) -> FunctionRow:
        function = edit.add_function("p", "default", self.name, 1)
        edit.put_version(VersionRow(function, "latest", edit.generation(), 1, FunctionSettings(runtime="http")))
        return function


async def test_a_change_is_one_generation_and_what_raises_changes_nothing(registry: SqliteRegistry) -> None:
    def failing(edit: Edit) -> None:
        make("lost")(edit)
        raise RuntimeError("no")

    await registry.change(make("one"))
    with pytest.raises(RuntimeError):
        await registry.change(failing)
    await registry.change(lambda edit: None)
    await registry.change(make("two"))
    assert registry.view.generation() == 2
    assert registry.view.count_functions("p") == 2


async def test_commits_are_told_in_order_even_if_whoever_asked_is_gone(registry: SqliteRegistry) -> None:
    told: list[int] = []
    done = asyncio.Event()

    def listener(commit: Commit) -> None:
        told.append(commit.generation)
        if len(told) == 20:
            done.set()

    registry.on_commit(listener)
    tasks = [asyncio.create_task(registry.change(make(f"f{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if len(told) < 19:
        await asyncio.wait_for(done.wait(), 10)
    assert told == sorted(told)
    assert len(told) == registry.view.count_functions("p")


async def test_a_snapshot_stands_still_while_the_registry_goes_on(registry: SqliteRegistry) -> None:
    await registry.change(make("one"))
    snapshot = registry.snapshot()
    await registry.change(make("two"))
    assert (snapshot.view.generation(), len(list(snapshot.view.everything()))) == (1, 1)
    assert (registry.view.generation(), len(list(registry.view.everything()))) == (2, 2)
    snapshot.close()


async def test_a_removal_is_told_after_what_pointed_there_and_a_put_before(registry: SqliteRegistry) -> None:
    commits: list[Commit] = []
    registry.on_commit(commits.append)

    def build(edit: Edit) -> FunctionRow:
        function = make()(edit)
        edit.put_trigger(TriggerRow("t", function, "!a", "TIMER", "timer", TriggerStatus.ACTIVE, b"{}", b"{}", 1, 1))
        edit.put_alias(AliasRow(function, "a", "latest", 1))
        edit.put_async(AsyncRow(function, "latest", AsyncConfig(max_async_retry_attempts=3), 1, 1))
        return function

    function = await registry.change(build)
    await registry.change(lambda edit: edit.remove_function(function))
    await registry.change(make("next"))
    kinds = [[type(one.row if isinstance(one, Removed) else one).__name__ for one in commit.touched] for commit in commits[:2]]
    assert kinds == [["VersionRow", "AliasRow", "TriggerRow"], ["TriggerRow", "AliasRow", "VersionRow"]]
    told = commits[0].touched[0]
    assert isinstance(told, VersionRow)
    assert told.asynchronous == AsyncConfig(max_async_retry_attempts=3)
    assert isinstance(commits[1].touched[0], Removed)
    assert next(iter(registry.view.everything())).function.id != function.id  # type: ignore[union-attr]


async def test_a_file_of_version_1_is_opened_with_all_that_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    connection = apsw.Connection(str(path))
    connection.execute(TABLES)
    connection.execute("INSERT INTO meta VALUES ('project', 'p1'), ('generation', '7')")
    connection.execute("INSERT INTO function VALUES (1, 'p1', 'default', 'hello', 5)")
    connection.execute("INSERT INTO access_key VALUES ('SLOLD', 'p1', 'admin', x'00ff', 3, 'first start')")
    connection.execute("INSERT INTO version VALUES (1, 'v1', 2, 3, '{}', '', 0, '', '', x'', 0)")
    connection.execute("INSERT INTO alias VALUES (1, 'live', 'v1', 4, 'v2', 30, 'of old')")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    registry = SqliteRegistry(path)
    view = registry.view
    assert view.aliases(FunctionRow(1, "p1", "default", "hello", 5)) == [
        AliasRow(FunctionRow(1, "p1", "default", "hello", 5), "live", "v1", 4, "v2", 30, "of old")
    ]
    assert (view.generation(), view.project()) == (7, "p1")
    assert view.function("p1", "default", "hello") == FunctionRow(1, "p1", "default", "hello", 5)
    assert view.key("SLOLD") == KeyRow("SLOLD", "p1", "admin", b"\x00\xff", 3, "first start", project_name="default")
    assert view.projects() == [ProjectRow("p1", "default", 0)]
    (function,) = view.functions("p1")
    assert (view.test_events(function), view.tags(function), view.reserved_rows("p1"), view.status_log_since("p1")) == ([], [], [], None)
    await registry.close()
    again = SqliteRegistry(path)
    assert again.view.project_row("default") == again.view.project_row("p1") == ProjectRow("p1", "default", 0)
    await again.close()


async def test_a_project_and_its_key_come_back_as_they_were_put(registry: SqliteRegistry) -> None:
    project = ProjectRow("p2", "shop", 4, "of the shop", Quotas(functions=3))
    key = KeyRow("SL1", "p2", "app", b"s", 5, "till", 6, b"proof", ("t1", "t2"), "shop")

    def step(edit: Edit) -> None:
        edit.put_project(project)
        edit.put_key(key)

    await registry.change(step)
    assert registry.view.project_row("shop") == project
    assert registry.view.project_row("elsewhere") is None
    assert registry.view.keys("p2") == [key]
    assert list(registry.view.everything()) == [key]


async def test_a_file_of_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    await SqliteRegistry(path).close()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigurationError, match=r"registry\.db has schema 99"):
        SqliteRegistry(path)


async def test_a_damaged_file_is_refused_and_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(ConfigurationError, match="is damaged"):
        SqliteRegistry(path)
    assert path.read_bytes() == b"nonsense" * 1000


async def test_ten_thousand_functions_and_thirty_thousand_triggers_stay_quick(registry: SqliteRegistry) -> None:
    def fill(edit: Edit) -> None:
        for number in range(10_000):
            function = make(f"f{number:05}")(edit)
            for trigger in range(3):
                name = f"{number:05}-{trigger}"
                edit.put_trigger(
                    TriggerRow(name, function, "latest", "TIMER", "timer", TriggerStatus.ACTIVE, b"{}", b"{}", 1, 1, route=name)
                )

    await registry.change(fill)
    begun = time.perf_counter()
    assert len(registry.view.list_functions("p", "", "", 9_600, 400)) == 400
    assert registry.view.count_functions("p", "", "f0999") == 10
    function = registry.view.function("p", "default", "f05000")
    assert function
    assert len(registry.view.triggers(function)) == 3
    assert registry.view.routed("05000-1")[0].id == "05000-1"
    assert len(registry.view.project_triggers("p", "05000", 400)) == 400
    await registry.change(make("one-more"))
    assert time.perf_counter() - begun < 1.0


WRITER = """
import asyncio, sys
from pathlib import Path
from sluice_control.bodies import FunctionSettings
from sluice_control.registry import VersionRow
from sluice_control.registry_sqlite.registry import SqliteRegistry

def step(name):
    def work(edit):
        function = edit.add_function("p", "default", name, 1)
        edit.put_version(VersionRow(function, "latest", edit.generation(), 1, FunctionSettings()))
    return work

async def main():
    registry = SqliteRegistry(Path(sys.argv[1]))
    for number in range(100_000):
        await registry.change(step(f"f{number:06}"))
        print(number, flush=True)

asyncio.run(main())
"""


async def test_what_was_answered_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(path), stdout=asyncio.subprocess.PIPE)
    assert writer.stdout
    answered = 0
    async with asyncio.timeout(60):
        for _ in range(50):
            answered = int(await writer.stdout.readline()) + 1
        writer.kill()
        answered += len((await writer.stdout.read()).split(b"\n")) - 1
        await writer.wait()
    registry = SqliteRegistry(path)
    kept = registry.view.count_functions("p")
    assert kept in (answered, answered + 1)
    assert registry.view.generation() == kept == len(list(registry.view.everything()))
    await registry.close()
