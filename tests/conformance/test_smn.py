"""The smn kind behind a real gateway: signed by a fake service, without envelopes, and sent by moto."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from sluice.trigger import Trigger
from sluice_smn import KIND
from sluice_smn.settings import SmnSettings
from sluice_smn.trigger import SmnTrigger
from tests.conformance.bench import BINDING, Bench
from tests.conformance.pushed import PUSHED_CANNOT, PushedBench, post
from tests.conformance.smn_fake import FakeWeb
from tests.conformance.smn_relay import Relay
from tests.conformance.suite import TriggerConformance
from tests.servers import Moto
from tests.smn import TOPIC, Signer, sns

TOKEN = "a token of some length"
EXAMPLE: dict[str, Any] = {"topic_urn": TOPIC, "push_token": TOKEN, "max_age_s": 600}
TEXT_ONLY = {"arbitrary_bytes_pass_unharmed": "a message in an envelope is text"}
SIGNER = Signer()


class SignedBench(PushedBench):
    """SNS, as it signs by default."""

    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    cannot: Mapping[str, str] = {**PUSHED_CANNOT, **TEXT_ONLY}

    def __init__(self) -> None:
        super().__init__()
        self.web = FakeWeb({SIGNER.notification("", "0")["SigningCertURL"]: SIGNER.pem})

    def make(self, **settings: object) -> Trigger:
        return SmnTrigger(msgspec.convert(EXAMPLE | settings, SmnSettings), self.web, "t")

    async def send(self, value: bytes) -> tuple[int, str]:
        sent = SIGNER.notification(value.decode(), secrets.token_hex(8), version="1")
        return await post(self.url, json.dumps(sent).encode(), {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"})


class RawBench(SignedBench):
    """SNS with raw message delivery: the body is the message."""

    cannot = PUSHED_CANNOT

    def make(self, **settings: object) -> Trigger:
        return super().make(raw_delivery=True, **settings)

    async def send(self, value: bytes) -> tuple[int, str]:
        own = {"X-Amz-Sns-Rawdelivery": "true", "X-Amz-Sns-Message-Id": secrets.token_hex(8), "X-Amz-Sns-Topic-Arn": TOPIC}
        return await post(self.url, value, {"Authorization": f"Bearer {TOKEN}", **own})


class MotoBench(SignedBench):
    """A topic of moto's with an HTTP subscription, through a relay."""

    deadline_s = 30.0
    patience_s = 0.3

    def __init__(self, moto: Moto, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        self._sns = sns(moto)
        self._topic = self._sns.create_topic(Name=f"alerts-{secrets.token_hex(4)}")["TopicArn"]
        self._sns.subscribe(TopicArn=self._topic, Protocol="http", Endpoint=relay.url)

    def make(self, **settings: object) -> Trigger:
        own = {"topic_urn": self._topic, "push_token": "", "endpoint_url": self._relay.url}
        return KIND.build(BINDING, msgspec.convert(EXAMPLE | own | settings, SmnSettings))

    async def send(self, value: bytes) -> tuple[int, str]:
        self._relay.to = self.url
        published = await asyncio.to_thread(self._sns.publish, TopicArn=self._topic, Message=value.decode())
        return self._relay.answered[published["MessageId"]]


class TestSigned(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = SignedBench()
        yield bench
        await bench.close()


class TestRaw(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = RawBench()
        yield bench
        await bench.close()


class TestMoto(TriggerConformance):
    @pytest.fixture
    async def bench(self, moto: Moto) -> AsyncIterator[Bench]:
        relay = Relay(moto)
        await relay.start()
        bench = MotoBench(moto, relay)
        yield bench
        await bench.close()
        await relay.close()
