"""Files that a trigger follows."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sluice.clock import SteppedClock
from sluice.errors import SourceLost, SourceRefused
from sluice.file_place import FilePlace
from sluice.readable_files import ReadableFiles
from sluice_lts import trigger as trigger_module
from sluice_lts.trigger import LtsTrigger
from tests.conformance.intake import FakeIntake
from tests.unit.sluice_lts.samples import made

WITHIN_S = 10.0


def a_trigger(*files: Path, readable: Path, **settings: object) -> LtsTrigger:
    chosen = made(files=[str(file) for file in files], start_position="earliest", **settings)
    return LtsTrigger(chosen, ReadableFiles([readable]), SteppedClock())


@asynccontextmanager
async def running(one: LtsTrigger, intake: FakeIntake) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Gives what waits until it is ready."""
    ready = asyncio.Event()
    run = asyncio.create_task(one.run(intake, ready.set))

    async def until_ready() -> None:
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({run, waiting}, timeout=WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if run.done():
            run.result()

    try:
        yield until_ready
    finally:
        run.cancel()
        await asyncio.wait({run})


async def test_a_line_is_a_log_with_its_path_and_number(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"one\r\ntwo\xff\n")
    intake = FakeIntake()
    async with running(a_trigger(log, readable=tmp_path), intake):
        await intake.until(lambda: len(intake.accepted) == 2, WITHIN_S)
    one, two = (json.loads(record.value or b"") for record in intake.accepted)
    assert (one["message"], one["path"], one["line_no"], two["line_no"]) == ("one", str(log), 1, 2)
    assert two["message"] == "data:application/octet-stream;base64,dHdv/w=="
    assert one["host_name"]
    assert one["log_uid"] != two["log_uid"]


async def test_each_file_is_a_source_of_its_own(tmp_path: Path) -> None:
    files = [tmp_path / "a.log", tmp_path / "b.log"]
    for file in files:
        file.write_text(f"{file.name}\n")
    intake = FakeIntake()
    async with running(a_trigger(*files, readable=tmp_path), intake):
        await intake.until(lambda: len(intake.accepted) == 2, WITHIN_S)
    assert {record.source for record in intake.accepted} == set(map(str, files)) == set(intake.positions)


async def test_a_file_outside_what_the_operator_allows_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x\n")
    async with running(a_trigger(secret, readable=tmp_path / "logs"), FakeIntake()) as until_ready:
        with pytest.raises(SourceRefused, match="readable_logs"):
            await until_ready()


async def test_a_machine_that_fails_at_reading_is_told(tmp_path: Path) -> None:
    class Failing(ReadableFiles):
        def open(self, path: Path) -> int:
            raise SourceLost(f"{path} cannot be read: Input/output error")

    trigger = LtsTrigger(made(files=[str(tmp_path / "app.log")]), Failing([tmp_path]), SteppedClock())
    async with running(trigger, FakeIntake()) as until_ready:
        with pytest.raises(SourceLost, match="Input/output"):
            await until_ready()


async def test_a_trigger_is_ready_although_another_process_reads_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigger_module, "STANDBY_S", 0.01)
    log = tmp_path / "app.log"
    log.write_text("one\n")
    intake = FakeIntake()
    intake.take_over(str(log))
    async with running(a_trigger(log, readable=tmp_path), intake) as until_ready:
        await until_ready()
        assert not intake.accepted
        intake.let_go(str(log))
        await intake.until(lambda: len(intake.accepted) == 1, WITHIN_S)


async def test_what_waits_for_acceptance_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice_lts.file_source.MOST_BYTES", 10_000)
    log = tmp_path / "app.log"
    log.write_text("x\n" * 50_000)
    intake = FakeIntake({str(log): FilePlace().text})
    intake.hold()
    async with running(a_trigger(log, readable=tmp_path), intake):
        await intake.until(lambda: intake.waiting_records > 0, WITHIN_S)
        intake.let_flow()
        await intake.until(lambda: len(intake.accepted) == 50_000, WITHIN_S)
    assert intake.most_records == 1000
