"""What senders of notifications are answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sluice.errors import SourceRefused, Unavailable
from sluice.push import Answer, Request
from sluice_obs.pushed import PushedTrigger
from sluice_obs.record import Recorder
from sluice_obs.settings import ObsSettings
from tests.conformance.intake import FakeIntake
from tests.s3 import TEST_EVENT, minio, told, whole

SETTINGS = ObsSettings(bucket="photos", events=["Put"], push_token="token")
AUTHORIZED = {"authorization": "Bearer token"}


@asynccontextmanager
async def running(intake: FakeIntake) -> AsyncIterator[None]:
    ready = asyncio.Event()
    task = asyncio.create_task(PushedTrigger(SETTINGS, Recorder("local-1", "t1", "auto")).run(intake, ready.set))
    await ready.wait()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def answered(intake: FakeIntake, body: bytes, method: str = "POST", **headers: str) -> Answer:
    assert intake.served is not None
    return await intake.served(Request(method=method, body=body, headers=AUTHORIZED | headers))


async def test_all_records_of_a_request_are_accepted_before_it_is_answered() -> None:
    intake = FakeIntake()
    async with running(intake):
        intake.hold()
        answering = asyncio.ensure_future(answered(intake, whole(*(told(f"k{number}") for number in range(500)))))
        await intake.until(lambda: intake.waiting_records == 500, 10)
        assert not answering.done()
        intake.let_flow()
        assert (await answering).status == 202


async def test_what_minio_sends_is_taken() -> None:
    intake = FakeIntake()
    async with running(intake):
        assert (await answered(intake, json.dumps(minio("a b")).encode())).status == 202
    assert [record.key for record in intake.accepted] == [b"a b"]


@pytest.mark.parametrize("body", [TEST_EVENT, b'{"Records": []}'])
async def test_what_tells_nothing_is_accepted(body: bytes) -> None:
    intake = FakeIntake()
    async with running(intake):
        assert (await answered(intake, body)).status == 202
    assert not intake.hand_overs


@pytest.mark.parametrize("body", [b"", b"\xff", b"{}", b"hello"])
async def test_what_is_no_notification_is_refused_for_good(body: bytes) -> None:
    intake = FakeIntake()
    async with running(intake):
        assert (await answered(intake, body)).status == 400


async def test_a_sender_without_the_token_and_another_method_are_refused() -> None:
    intake = FakeIntake()
    async with running(intake):
        assert (await answered(intake, whole(told("a")), authorization="Bearer other")).status == 401
        assert (await answered(intake, b"", method="GET")).status == 405
        assert intake.topics == ("photos",)


async def test_one_record_that_has_to_come_again_makes_the_whole_request_come_again() -> None:
    intake = FakeIntake()
    async with running(intake):
        intake.fail_next(Unavailable("full", 3.0))
        answer = await answered(intake, whole(told("a"), told("b")))
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "3")


async def test_a_bucket_that_refuses_to_be_told_ends_the_run() -> None:
    class Refusing:
        async def install(self) -> None:
            raise SourceRefused("bucket: no such bucket")

    with pytest.raises(SourceRefused):
        await PushedTrigger(SETTINGS, Recorder("local-1", "t1", "auto"), Refusing()).run(FakeIntake(), lambda: None)
