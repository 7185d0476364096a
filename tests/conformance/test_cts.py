"""The cts kind behind a gateway: with a sender of ours, and with a real Kubernetes API server."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sluice.event import Record
from sluice.push import Request
from sluice.trigger import Trigger
from sluice_cts import KIND
from tests.conformance.bench import BINDING, Bench
from tests.conformance.pushed import PUSHED_CANNOT, PushedBench, post
from tests.conformance.suite import TriggerConformance
from tests.servers import Kube, free_port_run
from tests.tls_front import tls_front

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


class KubeBench(CtsBench):
    """What is produced is written into config maps of a real cluster, whose audit webhook is the trigger, behind TLS: without it an API
    server does not show its token."""

    deadline_s = 60.0
    patience_s = 0.5

    def __init__(self, kube: Kube) -> None:
        super().__init__()
        self._kube = kube
        self._name = f"m-{secrets.token_hex(4)}"
        self.listen = f"127.0.0.1:{free_port_run(1)}"
        self.trigger_id = kube.url.rpartition("/")[2]

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    def is_ours(self, request: Request) -> bool:
        return self._name.encode() in request.body

    def answered(self, status: int, retry_after: str) -> None:
        """The API server answers its client in any case, and sends again what was not taken."""
        self.tell(status, retry_after)

    async def send(self, value: bytes) -> tuple[int, str]:
        raise AssertionError("nobody is told")

    async def _request(self, value: bytes) -> None:
        await asyncio.to_thread(self._kube.create_config_map, f"{self._name}-{secrets.token_hex(8)}", value)


class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, kube: Kube) -> AsyncIterator[Bench]:
        bench = KubeBench(kube)
        async with tls_front(kube.webhook_port, kube.folder / "tls", bench.port):
            yield bench
            await bench.close()
