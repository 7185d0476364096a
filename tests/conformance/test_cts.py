"""The cts kind behind a gateway: with a sender of ours, and with a real Kubernetes API server."""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sluice.event import Record
from sluice.trigger import Trigger
from sluice_cts import KIND
from tests.conformance.bench import BINDING, Bench
from tests.conformance.pushed import PUSHED_CANNOT, PushedBench, post
from tests.conformance.suite import TriggerConformance

TOKEN = "a token of some length"
EXAMPLE: dict[str, Any] = {"name": "configuration", "operations": ["core:configmaps:create;update;delete"], "push_token": TOKEN}


class CtsBench(PushedBench):
    """Sends audit events of Kubernetes, one a request; what is produced is what somebody wrote into a config map."""

    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    empty = (b"",)
    cannot: Mapping[str, str] = PUSHED_CANNOT

    def make(self, **settings: object) -> Trigger:
        return KIND.build(BINDING, msgspec.convert(EXAMPLE | settings, KIND.settings))

    def produced(self, record: Record) -> bytes | None:
        return base64.b64decode(json.loads(record.value or b"")["request"]["object"]["binaryData"]["value"])

    async def send(self, value: bytes) -> tuple[int, str]:
        event = {
            "auditID": secrets.token_hex(16),
            "stage": "ResponseComplete",
            "verb": "create",
            "user": {"username": "alice"},
            "objectRef": {"resource": "configmaps", "namespace": "bench", "apiVersion": "v1"},
            "responseStatus": {"code": 201},
            "requestObject": {"binaryData": {"value": base64.b64encode(value).decode()}},
            "requestReceivedTimestamp": _rfc3339(await self.now_ms()),
            "stageTimestamp": _rfc3339(await self.now_ms()),
        }
        body = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [event]}).encode()
        return await post(self.url, body, {"Authorization": f"Bearer {TOKEN}"})


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


class TestFake(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        bench = CtsBench()
        yield bench
        await bench.close()
