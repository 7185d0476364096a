"""What becomes of messages that wait, on a topic in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sluice_rocketmq.settings import RocketSettings
from sluice_rocketmq.trigger import RocketTrigger
from tests.conformance.intake import FakeIntake
from tests.conformance.rocketmq_fake import FakeBroker, FakeServer
from tests.waiting import until

SHORT_S = 0.2
"""Shorter than a setting may be."""


@asynccontextmanager
async def running(server: FakeServer, intake: FakeIntake, invisible_s: float = SHORT_S) -> AsyncIterator[None]:
    settings = RocketSettings(endpoints="a:1", topic="jobs", invisible_s=invisible_s)  # type: ignore[arg-type]  # see SHORT_S
    task = asyncio.create_task(RocketTrigger(settings, FakeBroker(server)).run(intake, lambda: None))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_message_that_waits_for_the_mesh_is_kept_from_others_for_as_long_as_it_takes() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        intake.hold()
        server.publish(b"1")
        await until(lambda: server.prolonged >= 4)
        intake.let_flow()
        await until(lambda: server.acknowledged == 1)
    assert len(intake.hand_overs) == 1
    assert server.messages == []


async def test_a_message_that_the_server_gave_to_others_is_not_acknowledged_by_us() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake):
        intake.hold()
        server.publish(b"1")
        await intake.until(lambda: intake.waiting_records == 1, 10)
        (stored,) = server.messages
        stored.handle = "another member's"
        stored.visible_at += 3600
        server.publish(b"2")
        await intake.until(lambda: intake.waiting_records == 2, 10)
        await until(lambda: server.prolonged >= 2)
        intake.let_flow()
        await until(lambda: server.acknowledged == 1)
        await until(lambda: len(intake.accepted) == 2)
    assert server.messages == [stored]


async def test_what_was_not_accepted_is_given_back_at_the_end() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake, invisible_s=3600):
        intake.hold()
        server.publish(b"1")
        await intake.until(lambda: intake.waiting_records == 1, 10)
    intake.let_flow()
    async with running(server, intake, invisible_s=3600):
        await until(lambda: [record.value for record in intake.accepted] == [b"1"])


async def test_what_was_accepted_at_the_last_moment_is_acknowledged_at_the_end() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake, invisible_s=3600):
        server.publish(b"1")
        await until(lambda: len(intake.accepted) == 1)
    assert server.acknowledged == 1


async def test_an_answer_that_is_on_its_way_at_the_end_is_given_back() -> None:
    server, intake = FakeServer(), FakeIntake()
    async with running(server, intake, invisible_s=3600):
        await until(lambda: server.asked)
        server.answers.clear()
        server.publish(b"1")
        await until(lambda: server.messages[0].attempts == 1)
        asyncio.get_running_loop().call_later(0.05, server.answers.set)
    assert intake.hand_overs == []
    async with running(server, intake, invisible_s=3600):
        await until(lambda: [record.value for record in intake.accepted] == [b"1"])
