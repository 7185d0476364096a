"""The lts kind, by each way that logs take into it."""

import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import cramjam
import msgspec
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sluice.event import Record
from sluice.text import BINARY, text
from sluice.trigger import Trigger
from sluice_lts import KIND
from sluice_lts.loki_messages import PushRequest
from tests.conformance.bench import BINDING, Bench
from tests.conformance.pushed import PushedBench, post
from tests.conformance.suite import TriggerConformance

TOKEN = "a token of some length"
EXAMPLE: dict[str, Any] = {"log_group_id": "97a9d284", "log_topic_id": "1a96b1f2", "push_token": TOKEN}


def message_bytes(record: Record) -> bytes:
    """What was produced: a message that is not UTF-8 is told in base64."""
    message: str = json.loads(record.value or b"")["message"]
    return base64.b64decode(message.removeprefix(BINARY)) if message.startswith(BINARY) else message.encode()


class LtsBench(PushedBench):
    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    empty = (b"",)

    def make(self, **settings: object) -> Trigger:
        return KIND.build(BINDING, msgspec.convert(EXAMPLE | settings, KIND.settings))

    def produced(self, record: Record) -> bytes | None:
        return message_bytes(record)

    async def push(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        return await post(self.url + path, body, {"Authorization": f"Bearer {TOKEN}", **headers})


class OtlpBench(LtsBench):
    """Each value is a request of one log."""

    async def send(self, value: bytes) -> tuple[int, str]:
        request = ExportLogsServiceRequest()
        record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns())
        record.body.string_value = text(value)
        return await self.push("/v1/logs", request.SerializeToString(), {"Content-Type": "application/x-protobuf"})


class LokiBench(LtsBench):
    """Each value is a push of one entry."""

    async def send(self, value: bytes) -> tuple[int, str]:
        push = PushRequest()
        entry = push.streams.add(labels='{app="a"}').entries.add(line=value)
        entry.timestamp.FromNanoseconds(time.time_ns())
        body = bytes(cramjam.snappy.compress_raw(push.SerializeToString()))
        return await self.push("/loki/api/v1/push", body, {"Content-Type": "application/x-protobuf"})


class TestOtlp(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = OtlpBench()
        yield bench
        await bench.close()


class TestLoki(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = LokiBench()
        yield bench
        await bench.close()
