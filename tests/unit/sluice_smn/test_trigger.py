"""What is answered to whom: envelopes, raw messages, publishers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice.event import Record
from sluice.push import Answer, Request
from sluice_smn.settings import SmnSettings
from sluice_smn.trigger import SmnTrigger
from sluice_smn.web import NotGiven
from tests.conformance.intake import FakeIntake
from tests.conformance.smn_fake import FakeWeb
from tests.smn import TOPIC, URN, Signer

SIGNER = Signer()
HOST = "https://sns.eu-west-1.amazonaws.com"
CONFIRM = f"{HOST}/?Action=ConfirmSubscription&Token=t0ken"
PAGES = {f"{HOST}/SimpleNotificationService-1.pem": SIGNER.pem, CONFIRM: b"<ok/>"}


class Running:
    """A running trigger, asked directly."""

    def __init__(self, **settings: Any) -> None:
        self.intake = FakeIntake()
        self.web = FakeWeb(dict(PAGES))
        self.clock = SteppedClock(time.time())
        self._trigger = SmnTrigger(SmnSettings(**({"topic_urn": TOPIC} | settings)), self.web, "t", self.clock)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Running":
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._trigger.run(self.intake, ready.set))
        await ready.wait()
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})

    async def ask(self, body: Any, **request: Any) -> Answer:
        assert self.intake.served is not None
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        whole: dict[str, Any] = {"body": sent, "is_local": True} | request
        return await self.intake.served(Request(**whole))

    async def publish(self, **body: Any) -> Answer:
        return await self.ask(body, is_known=True, id="r-1")

    @property
    def accepted(self) -> list[Record]:
        return self.intake.accepted


@pytest.fixture
async def trigger() -> AsyncIterator[Running]:
    async with Running() as running:
        yield running


async def test_a_signed_notification_is_accepted(trigger: Running) -> None:
    attributes = {"severity": {"Type": "String", "Value": "high"}}
    sent = SIGNER.notification("disk full", "m-1", Subject="host-3", MessageAttributes=attributes)
    assert (await trigger.ask(sent)).status == 202
    (record,) = trigger.accepted
    assert (record.value, record.id, record.source, record.position) == (b"disk full", "m-1", TOPIC, "m-1")
    assert dict(record.attributes)["message_attributes"] == '{"severity":"high"}'


async def test_it_serves_its_topic(trigger: Running) -> None:
    assert trigger.intake.topics == (TOPIC,)


async def test_a_forged_one_is_forbidden_and_not_accepted(trigger: Running) -> None:
    answer = await trigger.ask({**SIGNER.notification("disk full", "m-1"), "Message": "changed"})
    assert (answer.status, trigger.accepted) == (403, [])


async def test_a_message_of_another_topic_is_forbidden(trigger: Running) -> None:
    answer = await trigger.ask(SIGNER.notification("disk full", "m-1", TopicArn=TOPIC + "2"))
    assert (answer.status, trigger.accepted) == (403, [])


async def test_an_old_message_is_forbidden(trigger: Running) -> None:
    sent = SIGNER.notification("disk full", "m-1")
    trigger.clock.advance(599)
    assert (await trigger.ask(sent)).status == 202
    trigger.clock.advance(2)
    assert (await trigger.ask(sent)).status == 403


async def test_a_message_from_the_future_is_forbidden(trigger: Running) -> None:
    trigger.clock.advance(-400)
    assert (await trigger.ask(SIGNER.notification("disk full", "m-1"))).status == 403


async def test_a_subscription_is_confirmed_at_the_address_that_the_message_names(trigger: Running) -> None:
    assert (await trigger.ask(SIGNER.confirmation(CONFIRM))).status == 200
    assert (trigger.web.asked[-1], trigger.accepted) == (CONFIRM, [])


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://evil.example/?Action=ConfirmSubscription", ""])
async def test_no_other_host_is_asked_to_confirm_even_if_it_is_signed(trigger: Running, url: str) -> None:
    assert (await trigger.ask(SIGNER.confirmation(url))).status == 403
    assert url not in trigger.web.asked


async def test_a_forged_confirmation_is_not_followed(trigger: Running) -> None:
    assert (await trigger.ask(Signer().confirmation(CONFIRM))).status == 403
    assert CONFIRM not in trigger.web.asked


@pytest.mark.parametrize(("page", "status"), [(Unavailable("away"), 503), (NotGiven("302"), 403)])
async def test_a_confirmation_that_fails_is_told(trigger: Running, page: Exception, status: int) -> None:
    trigger.web.pages[CONFIRM] = page
    assert (await trigger.ask(SIGNER.confirmation(CONFIRM))).status == status


async def test_the_end_of_a_subscription_is_taken_note_of_and_nothing_fetched(trigger: Running) -> None:
    answer = await trigger.ask(SIGNER.confirmation(CONFIRM, Type="UnsubscribeConfirmation"))
    assert (answer.status, CONFIRM in trigger.web.asked, trigger.accepted) == (200, False, [])


async def test_a_host_of_certificates_that_is_away_has_the_sender_come_again(trigger: Running) -> None:
    trigger.web.pages = {f"{HOST}/SimpleNotificationService-1.pem": Unavailable("away", 3)}
    answer = await trigger.ask(SIGNER.notification("disk full", "m-1"))
    assert (answer.status, dict(answer.headers)["retry-after"], trigger.accepted) == (503, "3", [])


async def test_what_cannot_be_read_is_a_bad_request(trigger: Running) -> None:
    for body in (b"", b"hello", {"Type": "Notification"}, SIGNER.confirmation(CONFIRM, Type="Unheard")):
        assert (await trigger.ask(body)).status == 400


async def test_only_post_is_allowed(trigger: Running) -> None:
    answer = await trigger.ask(b"", method="GET")
    assert (answer.status, dict(answer.headers)["allow"]) == (405, "POST")


async def test_a_signature_is_enough_where_no_token_is_set() -> None:
    async with Running() as trigger:
        assert (await trigger.ask(SIGNER.notification("x", "m-1"), is_local=False)).status == 202


async def test_a_token_is_asked_for_beside_the_signature() -> None:
    async with Running(push_token="t") as trigger:
        sent = SIGNER.notification("x", "m-1")
        assert (await trigger.ask(sent)).status == 401
        assert (await trigger.ask(sent, headers={"authorization": "Basic c25zOnQ="})).status == 202
        assert (await trigger.ask({**sent, "Message": "y"}, headers={"authorization": "Bearer t"})).status == 403


async def test_without_signatures_the_token_alone_is_believed() -> None:
    async with Running(verify_signature=False, push_token="t") as trigger:
        sent = {"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Message": "x", "Timestamp": "2020-01-01T00:00:00Z"}
        assert (await trigger.ask(sent)).status == 401
        assert (await trigger.ask(sent, headers={"authorization": "Bearer t"})).status == 202


async def test_without_signatures_and_without_a_token_only_the_machine_itself_may_send() -> None:
    async with Running(verify_signature=False) as trigger:
        sent = SIGNER.notification("x", "m-1")
        assert (await trigger.ask(sent, is_local=False)).status == 401
        assert (await trigger.ask(sent)).status == 202


RAW = {"x-amz-sns-rawdelivery": "true", "x-amz-sns-message-id": "m-1", "x-amz-sns-topic-arn": TOPIC}


async def test_a_raw_message_is_its_body() -> None:
    async with Running(raw_delivery=True, push_token="t") as trigger:
        assert (await trigger.ask(b"\xff\x00", headers=RAW)).status == 401
        shown = {"authorization": "Bearer t"}
        assert (await trigger.ask(b"\xff\x00", headers=RAW | shown)).status == 202
        assert (await trigger.ask(b"x", headers=RAW | shown | {"x-amz-sns-topic-arn": "other"})).status == 403
        assert (await trigger.ask(b"x", headers=RAW | shown | {"x-amz-sns-message-id": ""})).status == 400
    (record,) = trigger.accepted
    assert (record.value, record.id) == (b"\xff\x00", "m-1")


async def test_raw_messages_are_refused_unless_they_are_expected(trigger: Running) -> None:
    assert (await trigger.ask(b"hello", headers=RAW)).status == 400


async def test_beside_raw_messages_envelopes_stay_signed() -> None:
    async with Running(raw_delivery=True, push_token="t") as trigger:
        shown = {"authorization": "Bearer t"}
        assert (await trigger.ask({**SIGNER.notification("x", "m-1"), "Message": "y"}, headers=shown)).status == 403


async def test_a_publisher_is_told_the_messages_id_and_the_requests() -> None:
    async with Running(topic_urn=URN) as trigger:
        answer = await trigger.publish(message="disk full", subject="host-3")
        assert (answer.status, json.loads(answer.body)) == (200, {"request_id": "r-1", "message_id": "r-1"})
        answer = await trigger.publish(message="disk full", message_id="mine")
        assert json.loads(answer.body) == {"request_id": "r-1", "message_id": "mine"}
    assert [record.id for record in trigger.accepted] == ["r-1", "mine"]


async def test_what_is_published_wrongly_is_told_by_its_field() -> None:
    async with Running(topic_urn=URN) as trigger:
        answer = await trigger.publish(message_template_name="t")
    assert answer.status == 400
    assert b"message_template_name" in answer.body


async def test_a_full_mesh_has_publishers_and_senders_come_again() -> None:
    async with Running() as trigger:
        for _ in range(2):
            trigger.intake.fail_next(Unavailable("full", 7))
        for answer in (await trigger.publish(message="x"), await trigger.ask(SIGNER.notification("x", "m-1"))):
            assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "7")
