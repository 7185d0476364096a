import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.clock import SteppedClock
from sluice.event import id_text, random_id
from sluice.function import Function
from sluice.outcome import Failure, FailureKind, Reply
from sluice.runner import LogLine
from sluice_runner import logs
from sluice_runner.logs import LineCutter, LogStore
from sluice_runner.output import Output

FUNCTION = "urn:fss:r:p:function:default:f"


def output(store: LogStore, version: str = "latest") -> Output:
    return Output(store, Function(f"{FUNCTION}:{version}", memory_mb=128), "f-1")


def files_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*.jsonl"))


async def lines(store: LogStore, function: str = FUNCTION, since: float = 0, limit: int = 100) -> list[LogLine]:
    return [line async for line in store.read(function, since=since, limit=limit, follow=False)]


async def test_what_is_printed_can_be_read_with_its_event(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    event = random_id()
    out = output(store)
    out.began(event, tail=False)
    out.printed("stdout", b"one\ntw")
    out.printed("stderr", b"bad\n")
    out.printed("stdout", b"o\n")
    read = [(line.stream, line.text) for line in await lines(store) if line.stream != "platform"]
    assert read == [("stdout", "one"), ("stderr", "bad"), ("stdout", "two")]
    assert {line.event for line in await lines(store)} == {id_text(event)}


async def test_a_call_is_bracketed_as_the_platform_does(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock(1_700_000_000.25))
    event = random_id()
    out = output(store, "v1")
    assert out.began(event, tail=False)
    out.finished(event, Reply(200, duration_ms=65.828, memory_mb=21.473))
    out.finished(event, Reply(0, failure=Failure(FailureKind.TIMEOUT, "no whole answer within 3 s")))
    start, finish, failed = [line.text for line in await lines(store)]
    assert start == f"2023-11-14T22:13:20.250Z Start invoke request '{id_text(event)}', version: v1"
    assert finish == (
        f"2023-11-14T22:13:20.250Z Finish invoke request '{id_text(event)}', "
        "duration: 65.828ms, billing duration: 66ms, memory used: 21.473MB, billing memory: 128MB"
    )
    assert failed.endswith("error: timeout: no whole answer within 3 s")


async def test_the_tail_of_a_call_is_bracketed_and_holds_its_own_lines_only(tmp_path: Path) -> None:
    out = output(LogStore(tmp_path, SteppedClock(1_700_000_000.25)))
    before, asked = random_id(), random_id()
    out.began(before, tail=False)
    out.printed("stdout", b"of the one before\n")
    out.finished(before, Reply(200))
    out.began(asked, tail=True)
    out.printed("stdout", b"mine")
    out.finished(asked, Reply(200, duration_ms=2.0))
    start, printed, finish = out.take_tail(asked).splitlines()
    assert start == f"2023-11-14T22:13:20.250Z Start invoke request '{id_text(asked)}', version: latest"
    assert printed == "mine"
    assert finish.startswith(f"2023-11-14T22:13:20.250Z Finish invoke request '{id_text(asked)}', duration: 2.000ms, billing duration: 2ms")
    assert out.take_tail(asked) == ""


async def test_calls_that_share_an_instance_have_tails_of_their_own_and_lines_without_a_name(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    out = Output(store, Function(f"{FUNCTION}:latest", instance_concurrency=2), "f-1")
    one, two = random_id(), random_id()
    out.began(one, tail=True)
    out.printed("stdout", b"first\n")
    out.began(two, tail=True)
    out.printed("stdout", b"second\n")
    for event in (two, one):
        out.finished(event, Reply(200))
    assert ("first" in out.take_tail(two), "second" in out.take_tail(one)) == (False, True)
    assert {line.event for line in await lines(store) if line.stream == "stdout"} == {""}


async def test_a_call_whose_tail_is_asked_for_is_always_written(tmp_path: Path) -> None:
    out = output(LogStore(tmp_path, SteppedClock()))
    while out.began(random_id(), tail=False):
        pass
    assert out.began(random_id(), tail=True)


async def test_of_very_many_calls_some_are_written_and_the_rest_counted(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    out = output(store)
    assert sum(out.began(random_id(), tail=False) for _ in range(1000)) == logs.CALLS_A_FLUSH
    assert (await lines(store))[-1].text == f"{1000 - logs.CALLS_A_FLUSH} more invocations"
    assert out.began(random_id(), tail=False)


async def test_versions_are_read_apart_and_together(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    output(store, "v1").said("one")
    output(store, "v2").said("two")
    assert [line.text for line in await lines(store)] == ["one", "two"]
    assert [line.text for line in await lines(store, f"{FUNCTION}:v2")] == ["two"]


async def test_the_newest_lines_from_a_time_on_are_read(tmp_path: Path) -> None:
    clock = SteppedClock(100.0)
    store = LogStore(tmp_path, clock)
    for number in range(10):
        output(store).said(str(number))
        clock.advance(1)
    assert [line.text for line in await lines(store, limit=3)] == ["7", "8", "9"]
    assert [line.text for line in await lines(store, since=108.0)] == ["8", "9"]


async def test_logs_outlive_the_runner_and_a_broken_last_line(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    output(store).said("before")
    await store.flush()
    (file,) = files_in(tmp_path)
    with file.open("ab") as broken:
        broken.write(b'{"at":1,"urn')
    assert [line.text for line in await lines(LogStore(tmp_path, SteppedClock()))] == ["before"]


async def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE_BYTES", 10_000)
    store = LogStore(tmp_path, SteppedClock())
    for number in range(100):
        output(store).said(f"{number} " + "x" * 1000)
        await store.flush()
    files = files_in(tmp_path)
    assert len(files) == 2
    assert sum(file.stat().st_size for file in files) < 25_000
    assert (await lines(store))[-1].text.startswith("99 ")


async def test_more_lines_than_can_wait_are_counted_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_WAITING_LINES", 10)
    store = LogStore(tmp_path, SteppedClock())
    output(store).printed("stdout", b"x\n" * 100)
    read = await lines(store)
    assert len(read) == 11
    assert read[-1].text.startswith("90 lines lost")


async def test_a_disk_that_takes_nothing_costs_lines_and_not_the_runner(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.write_text("a file where the folder should be")
    store = LogStore(folder, SteppedClock())
    writing = asyncio.ensure_future(store.run())
    out = output(store)
    for _ in range(2):
        out.printed("stdout", b"one\ntwo\n")
        await store.flush()
    folder.unlink()
    out.printed("stdout", b"three\n")
    assert [line.text for line in await lines(store)] == ["three", "4 lines lost: they could not be written in time"]
    assert not writing.done()
    writing.cancel()
    await asyncio.wait({writing})


async def test_a_function_without_instances_and_readers_is_forgotten(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    assert await lines(store, f"{FUNCTION}-which-nobody-knows") == []
    out = output(store)
    out.printed("stdout", b"last words")
    out.end("idle")
    del out
    gc.collect()
    assert len(store) == 1, "its last lines wait"
    await store.flush()
    gc.collect()
    assert len(store) == 0
    assert [line.text for line in await lines(store)] == ["last words", "Instance ended: idle"]


async def test_a_follower_gets_what_comes_after_what_it_read(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    out = output(store)
    out.said("old")
    following: AsyncIterator[LogLine] = store.read(FUNCTION, since=0, limit=10, follow=True)
    assert (await anext(following)).text == "old"
    waiting = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0)
    out.said("new")
    await store.flush()
    assert (await asyncio.wait_for(waiting, 5)).text == "new"


async def test_what_waits_is_written_soon_and_at_the_end(tmp_path: Path) -> None:
    store = LogStore(tmp_path, SteppedClock())
    writing = asyncio.ensure_future(store.run())
    await asyncio.sleep(0)
    output(store).said("last words")
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert [line.text for line in await lines(LogStore(tmp_path, SteppedClock()))] == ["last words"]


def test_lines_are_cut_wherever_the_pipe_was() -> None:
    cutter = LineCutter()
    assert cutter.cut(b"a\nb") == ["a"]
    assert cutter.cut(b"c\r\n\nd") == ["bc", ""]
    assert cutter.end() == ["d"]
    assert cutter.end() == []


def test_a_line_without_end_is_cut_and_not_kept() -> None:
    cutter = LineCutter()
    texts = [text for _ in range(100) for text in cutter.cut(b"x" * 1000)]
    assert max(map(len, texts)) <= logs.MAX_LINE_BYTES
    assert sum(map(len, texts)) + sum(map(len, cutter.end())) == 100_000


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert LineCutter().cut(b"\xff\xfe ok\n") == ["\ufffd\ufffd ok"]
