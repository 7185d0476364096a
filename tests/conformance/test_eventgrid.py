"""The eventgrid kind behind a real gateway: sent to by requests written by hand, and by the CloudEvents SDK."""

import base64
import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent

from sluice.event import Record
from sluice.trigger import Trigger
from sluice_eventgrid import KIND
from tests.conformance.bench import BINDING, Bench
from tests.conformance.eventgrid_fake import CannedSender, Sent
from tests.conformance.pushed import PushedBench, post
from tests.conformance.suite import TriggerConformance

EXAMPLE: dict[str, Any] = {
    "channel_id": "c1",
    "channel_name": "orders",
    "trigger_name": "numbers",
    "agency": "",
    "created_time": "",
    "status": "ACTIVE",
    "source_name": "",
    "event_types": ["numbered"],
    "Key_encode": False,
    "subject_prefix": "",
    "webhook_origins": [],
    "push_token": "a token of some length",
}


class EventGridBench(PushedBench):
    kind = KIND
    example = json.dumps(EXAMPLE).encode()

    def make(self, **settings: object) -> Trigger:
        return KIND.build(BINDING, msgspec.json.decode(json.dumps(EXAMPLE | settings), type=KIND.settings))

    def produced(self, record: Record) -> bytes:
        return base64.b64decode(json.loads(record.value or b"").get("data_base64", ""))

    async def send(self, value: bytes) -> tuple[int, str]:
        headers, body = self.message(value)
        return await post(self.url, body, {**headers, "Authorization": f"Bearer {EXAMPLE['push_token']}"})

    @abstractmethod
    def message(self, value: bytes) -> Sent:
        """An event with this data, as it is sent."""


class CannedBench(EventGridBench):
    def __init__(self) -> None:
        super().__init__()
        self._sender = CannedSender()

    def message(self, value: bytes) -> Sent:
        return self._sender.message(value)


class SdkBench(EventGridBench):
    def __init__(self, write: Callable[[CloudEvent], http.HTTPMessage]) -> None:
        super().__init__()
        self._write = write

    def message(self, value: bytes) -> Sent:
        attributes = {"source": "/the sdk", "type": "numbered", "subject": "ä%", "datacontenttype": "application/octet-stream"}
        message = self._write(CloudEvent(attributes, value))
        return Sent(message.headers, message.body)


class TestFake(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = CannedBench()
        yield bench
        await bench.close()


@pytest.mark.parametrize("write", [http.to_binary_event, http.to_structured_event])
class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, write: Callable[[CloudEvent], http.HTTPMessage]) -> AsyncIterator[Bench]:
        bench = SdkBench(write)
        yield bench
        await bench.close()
