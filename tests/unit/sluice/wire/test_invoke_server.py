"""The public unary API."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from sluice.v1 import dispatch_pb2, invoke_pb2
from sluice.wire.faults import PermissionDenied, Unauthenticated
from sluice.wire.invoke_server import InvokerService
from sluice.wire.peer import Asker, Peer
from sluice.wire.server import WireServer
from sluice.wire.token import ServiceToken, issue
from tests.unit.sluice.wire.fake_dispatch import GONE, FakeDispatch

URN = "urn:fss:here:p:function:default:f:latest"
SECRET = b"a secret of the mesh"


@pytest.fixture
async def fake() -> FakeDispatch:
    return FakeDispatch()


@pytest.fixture
async def address(fake: FakeDispatch, tmp_path: Path) -> AsyncIterator[str]:
    async with WireServer(f"unix:{tmp_path}/d", [InvokerService(fake)]) as server:
        yield server.address


@pytest.fixture
async def asker(address: str) -> AsyncIterator[Asker]:
    asker = Asker(Peer(address), "Invoker")
    yield asker
    await asker.close()


async def test_an_invocation_is_answered_with_the_functions_reply(asker: Asker) -> None:
    request = invoke_pb2.InvokeRequest(project="p", function=URN, body=b"hello", log=True)
    answer = await asker.ask("Invoke", request, invoke_pb2.InvokeResponse)
    assert (answer.verdict, answer.status, answer.body, answer.log) == (dispatch_pb2.VERDICT_DONE, 200, b"hello", "printed")
    assert [(header.name, header.value) for header in answer.headers] == [("content-type", "text/plain"), ("x-one", "1")]
    assert len(answer.event_id) == 16
    assert not answer.HasField("failure")


async def test_a_failed_function_and_an_unknown_one_are_answers_too(asker: Asker) -> None:
    failed = await asker.ask("Invoke", invoke_pb2.InvokeRequest(project="p", function=URN, body=b"fail"), invoke_pb2.InvokeResponse)
    assert (failed.failure.kind, failed.status, failed.cold, failed.memory_mb) == ("function_error", 500, True, 12.25)
    refused = await asker.ask("Invoke", invoke_pb2.InvokeRequest(project=GONE, function=URN), invoke_pb2.InvokeResponse)
    assert (refused.verdict, refused.reason) == (dispatch_pb2.VERDICT_REFUSED, f"{URN} does not exist")


async def test_an_asynchronous_invocation_is_accepted_with_an_id(asker: Asker, fake: FakeDispatch) -> None:
    request = invoke_pb2.InvokeAsyncRequest(project="p", function=URN, body=b"later", trace="00-1", dedupe="key")
    answer = await asker.ask("InvokeAsync", request, invoke_pb2.InvokeAsyncResponse)
    [(target, event, dedupe)] = fake.pushed
    assert (target, event.id, event.body, event.trace, dedupe) == (f"p/{URN}", answer.event_id, b"later", "00-1", ("key",))


async def test_health_and_reflection_answer_for_the_service(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="sluice.v1.Invoker"))
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([asked]))
        [answer] = [answer async for answer in call]
        names = {service.name for service in answer.list_services_response.service}
        assert {"sluice.v1.Invoker", "grpc.health.v1.Health"} <= names


@pytest.mark.parametrize(
    ("token", "error"),
    [
        (None, Unauthenticated),
        (issue(ServiceToken("x", frozenset({"*"})), b"another secret, long enough"), Unauthenticated),
        (issue(ServiceToken("x", frozenset({"Invoker.InvokeAsync"})), SECRET), PermissionDenied),
        (issue(ServiceToken("x", frozenset({"Invoker.*"}), project="q"), SECRET), PermissionDenied),
        (issue(ServiceToken("x", frozenset({"Invoker.*"}), project="p"), SECRET), None),
    ],
)
async def test_only_a_token_for_the_rpc_and_the_project_opens(
    fake: FakeDispatch, tmp_path: Path, token: str | None, error: type[Exception] | None
) -> None:
    async with WireServer(f"unix:{tmp_path}/s", [InvokerService(fake)], [SECRET]) as server:
        asker = Asker(Peer(server.address, lambda: token or ""), "Invoker")
        request = invoke_pb2.InvokeRequest(project="p", function=URN)
        if error is None:
            assert (await asker.ask("Invoke", request, invoke_pb2.InvokeResponse)).status == 200
        else:
            with pytest.raises(error):
                await asker.ask("Invoke", request, invoke_pb2.InvokeResponse)
        await asker.close()
