"""A Linux audit log as a source with positions."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from sluice.errors import SourceRefused
from sluice.readable_files import ReadableFiles
from sluice_cts import KIND, audit_log
from sluice_cts.settings import CtsSettings
from sluice_cts.trigger import CtsTrigger
from tests.conformance.bench import BINDING
from tests.conformance.intake import FakeIntake
from tests.unit.sluice_cts.audit_samples import END, LOGIN, OPEN
from tests.waiting import until

EVENT = [*OPEN, END]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(audit_log, "WHOLE_AFTER_S", 0.2)
    return tmp_path / "audit.log"


def write(log: Path, lines: list[bytes]) -> None:
    with log.open("ab") as out:
        out.write(b"".join(line + b"\n" for line in lines))


def numbered(number: int) -> list[bytes]:
    return [line.replace(b":24287", b":%d" % number) for line in EVENT]


@asynccontextmanager
async def following(log: Path, intake: FakeIntake, **settings: object) -> AsyncIterator["asyncio.Task[None]"]:
    own = msgspec.convert(
        {"name": "n", "operations": ["*:*:*"], "audit_log": str(log), "start_position": "earliest"} | settings, CtsSettings
    )
    ready = asyncio.Event()
    running = asyncio.create_task(CtsTrigger(own, ReadableFiles([log.parent])).run(intake, ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield running
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.wait({running, waiting})


def names(intake: FakeIntake) -> list[str]:
    return [record.id for record in intake.accepted]


async def test_events_of_the_log_are_traces(log: Path) -> None:
    intake = FakeIntake()
    write(log, EVENT)
    async with following(log, intake):
        await until(lambda: len(intake.accepted) == 1)
        write(log, [LOGIN])
        await until(lambda: len(intake.accepted) == 2)
    opened, login = (json.loads(record.value or b"") for record in intake.accepted)
    assert opened["user"] == {"name": "alice", "id": "1000", "domain": {"name": "linux", "id": ""}}
    assert (opened["service_type"], opened["resource_type"], opened["trace_name"]) == ("linux", "syscall", "secrets")
    assert (opened["resource_name"], opened["trace_status"], opened["time"]) == ("/etc/shadow", "warning", 1772435500)
    assert opened["request"]["PROCTITLE"] == {"proctitle": "cat /etc/shadow"}
    assert (login["user"]["name"], login["trace_name"], login["trace_status"]) == ("alice", "login", "warning")


async def test_an_event_whose_end_does_not_come_is_whole_after_a_while(log: Path) -> None:
    intake = FakeIntake()
    write(log, OPEN)
    async with following(log, intake):
        await until(lambda: len(intake.accepted) == 1)


async def test_it_goes_on_where_it_was_also_in_the_middle_of_an_event(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "WHOLE_AFTER_S", 3600)
    intake = FakeIntake()
    write(log, [*numbered(1), *OPEN[:2]])
    async with following(log, intake):
        await until(lambda: len(intake.accepted) == 1 and b"24287" in str(intake.positions).encode())
    write(log, [*OPEN[2:], END, *numbered(3)])
    async with following(log, intake):
        await until(lambda: len(intake.accepted) == 3)
    assert [name.rpartition(":")[2] for name in names(intake)] == ["1", "24287", "3"]
    assert len(json.loads(intake.accepted[1].value or b"")["request"]) == 4


async def test_a_rotated_log_is_read_on(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.followed_file.SETTLE_S", 0.1)
    intake = FakeIntake()
    write(log, numbered(1))
    async with following(log, intake):
        await until(lambda: len(intake.accepted) == 1)
        write(log, numbered(2))
        os.rename(log, log.with_name("audit.log.1"))
        write(log, numbered(3))
        await until(lambda: len(intake.accepted) == 3)
    assert [name.rpartition(":")[2] for name in names(intake)] == ["1", "2", "3"]


@pytest.mark.parametrize(("policy", "seen"), [("earliest", ["2"]), ("latest", [])])
async def test_a_log_that_is_gone_is_told_as_a_gap(log: Path, policy: str, seen: list[str]) -> None:
    intake = FakeIntake()
    write(log, numbered(1))
    async with following(log, intake):
        await until(lambda: len(intake.accepted) == 1)
    os.unlink(log)
    write(log, numbered(2))
    async with following(log, intake, position_lost=policy):
        await until(lambda: len(intake.accepted) == 2 + len(seen))
    gap = intake.accepted[1]
    event = json.loads(KIND.shape(BINDING, None, [gap]))
    assert (gap.value, event["cts"], event["gaps"][0]["source"]) == (None, None, str(log))
    assert [name.rpartition(":")[2] for name in names(intake)[2:]] == seen
    assert gap.is_gap


async def test_a_log_that_is_gone_may_stop_the_trigger(log: Path) -> None:
    intake = FakeIntake()
    write(log, numbered(1))
    async with following(log, intake):
        await until(lambda: len(intake.accepted) == 1)
    os.unlink(log)
    write(log, numbered(2))
    async with following(log, intake) as running:
        with pytest.raises(SourceRefused, match="position_lost is stop"):
            await running


async def test_a_log_outside_what_the_operator_allows_is_refused(log: Path) -> None:
    write(log, EVENT)
    settings = CtsSettings(name="n", operations=["*:*:*"], audit_log=str(log))
    with pytest.raises(SourceRefused, match="readable_logs"):
        await CtsTrigger(settings, ReadableFiles([Path("/var/log/nowhere")])).run(FakeIntake(), lambda: None)
