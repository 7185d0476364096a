"""The trigger of a queue, over one in memory: what happens to messages that are not as they should be, and to those that take long."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from sluice.errors import SourceRefused
from sluice_obs import pulled
from sluice_obs.pulled import MOST_RECEIVES, PulledTrigger
from sluice_obs.record import Recorder
from sluice_obs.settings import ObsSettings
from tests.conformance.intake import FakeIntake
from tests.conformance.obs_fake import FakeQueue, FakeServer
from tests.s3 import TEST_EVENT, in_envelope, told, whole
from tests.waiting import until

SETTINGS = ObsSettings(
    bucket="photos", events=["Put"], queue_url="http://127.0.0.1:1/q", access_key="a", secret_key="s", visibility_timeout=5, prefetch=3
)


@asynccontextmanager
async def running(server: FakeServer, intake: FakeIntake) -> AsyncIterator["asyncio.Task[None]"]:
    ready = asyncio.Event()
    task = asyncio.create_task(PulledTrigger(SETTINGS, FakeQueue(server), Recorder("local-1", "t1", "auto")).run(intake, ready.set))
    await ready.wait()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def a_message(*keys: str) -> str:
    return whole(*(told(key) for key in keys)).decode()


async def test_a_message_of_several_records_is_forgotten_when_all_were_accepted() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        server.send(a_message("a", "b", "c"))
        await until(lambda: server.forgotten == 1)
    assert [record.key for record in intake.accepted] == [b"a", b"b", b"c"]


async def test_a_record_that_has_to_wait_keeps_its_whole_message() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        intake.hold()
        server.send(a_message("a", "b"))
        await until(lambda: intake.waiting_records == 2)
        assert server.forgotten == 0
    assert server.waiting == [(a_message("a", "b"), 1)], "what was not accepted is given back"


async def test_a_queue_that_takes_nothing_back_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refusing(_self: FakeQueue, _receipts: Sequence[str]) -> None:
        raise SourceRefused("access_key, secret_key: no longer")

    monkeypatch.setattr(FakeQueue, "give_back", refusing)
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake) as task:
        intake.hold()
        server.send(a_message("a"))
        await until(lambda: intake.waiting_records == 1)
    assert task.cancelled()


async def test_test_events_are_forgotten_and_tell_nothing() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        server.send(TEST_EVENT.decode())
        server.send(in_envelope(TEST_EVENT).decode())
        await until(lambda: server.forgotten == 2)
    assert not intake.hand_overs


async def test_what_is_no_notification_blocks_nothing_and_is_thrown_away_after_some_receives() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        for number in range(2 * SETTINGS.window):
            server.send(f"poison {number}")
        server.send(a_message("a"))
        await until(lambda: len(intake.accepted) == 1)
        for _ in range(1, MOST_RECEIVES):
            await until(lambda: len(server.hidden) == 2 * SETTINGS.window)
            assert server.forgotten == 1
            for receipt in list(server.hidden):
                server.show_again(receipt)
        await until(lambda: server.forgotten == 1 + 2 * SETTINGS.window)


async def test_what_waits_is_kept_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulled, "KEPT_TIMES", 1000)
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        intake.hold()
        server.send(a_message("a"))
        await until(lambda: len(server.kept) >= 3)
        assert set(server.kept) == {"receipt-1"}
        intake.let_flow()
        await until(lambda: server.forgotten == 1)


async def test_no_more_messages_are_taken_than_the_window_holds() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        intake.hold()
        for number in range(10):
            server.send(a_message(str(number)))
        await until(lambda: intake.waiting_records == SETTINGS.window)
        assert len(server.waiting) == 10 - SETTINGS.window
        intake.let_flow()
        await until(lambda: server.forgotten == 10)


async def test_messages_of_many_records_fill_the_window_sooner() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        intake.hold()
        for number in range(10):
            server.send(a_message(*(f"{number}-{each}" for each in range(20))))
        await until(lambda: intake.waiting_records >= SETTINGS.window)
        assert len(server.waiting) >= 10 - SETTINGS.window
        intake.let_flow()
        await until(lambda: server.forgotten == 10)
    assert len(intake.accepted) == 200


async def test_how_many_wait_is_told() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        await until(lambda: intake.lags == {"photos": 0})
