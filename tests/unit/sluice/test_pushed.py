"""What triggers of pushed sources have in common."""

import asyncio
import base64

import pytest

from sluice.errors import Unavailable
from sluice.event import Record
from sluice.outcome import DONE, Outcome, Verdict
from sluice.push import Request
from sluice.pushed import PushedSettings, deliver_all, refusal, told
from tests.conformance.intake import FakeIntake

TOKEN = "a token of some length"
BASIC = base64.b64encode(f"user:{TOKEN}".encode()).decode()


def showing(authorization: str = "", **more: bool) -> Request:
    return Request(headers={"authorization": authorization} if authorization else {}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", f"Basic {BASIC}"])
def test_who_shows_the_token_may_send(authorization: str) -> None:
    assert refusal(PushedSettings(push_token=TOKEN), showing(authorization)) is None


@pytest.mark.parametrize("authorization", ["", "Bearer", f"Bearer {TOKEN}x", TOKEN, "Basic not-base64", f"Digest {TOKEN}", "Bearer \udcff"])
def test_who_does_not_is_told_401_from_anywhere(authorization: str) -> None:
    for is_local in (True, False):
        answer = refusal(PushedSettings(push_token=TOKEN), showing(authorization, is_local=is_local))
        assert answer is not None
        assert (answer.status, TOKEN.encode() in answer.body, "www-authenticate" in dict(answer.headers)) == (401, False, True)


def test_without_a_token_only_the_machine_itself_may_send() -> None:
    assert refusal(PushedSettings(), showing(is_local=True)) is None
    answer = refusal(PushedSettings(), showing("Bearer "))
    assert answer is not None
    assert answer.status == 401


def test_whom_the_gateway_knows_need_show_nothing() -> None:
    assert refusal(PushedSettings(push_token=TOKEN), showing(is_known=True)) is None


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(PushedSettings(push_token=TOKEN))


async def test_what_came_together_is_answered_as_the_record_that_was_worst_off() -> None:
    intake = FakeIntake()
    records = [Record(value, "s", "", 0) for value in (b"1", b"2", b"3")]
    assert (await deliver_all(intake, records)).verdict is Verdict.DONE
    intake.refuses = lambda record: record.value == b"2"
    assert (await deliver_all(intake, records)).verdict is Verdict.REFUSED
    intake.fail_next(Unavailable("full", 2))
    assert (await deliver_all(intake, records)).retry_after_s == 2
    assert (await deliver_all(intake, [])) is DONE


async def test_what_came_together_is_handed_over_together() -> None:
    intake = FakeIntake()
    intake.hold()
    delivering = asyncio.create_task(deliver_all(intake, [Record(value, "s", "", 0) for value in (b"1", b"2", b"3")]))
    await intake.until(lambda: intake.waiting_records == 3, 5)
    intake.let_flow()
    assert (await delivering).verdict is Verdict.DONE


def test_the_sender_is_told_when_to_come_again_and_when_never() -> None:
    assert told(DONE).status == 202
    for full, status in ((False, 503), (True, 429)):
        again = told(Outcome(Verdict.RETRY, "not now", 2.4, full=full))
        assert (again.status, dict(again.headers)["retry-after"]) == (status, "2")
    never = told(Outcome(Verdict.REFUSED, "too large"))
    assert (never.status, b"too large" in never.body) == (400, True)
