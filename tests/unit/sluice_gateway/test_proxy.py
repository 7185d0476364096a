"""The way from the gateway to control: the request as it came, the verified sender beside it, and nothing left behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from uvicorn import Config, Server

from sluice.identity import Identity
from sluice.wire.token import issue, token_for
from sluice_control.passage import Passage
from sluice_gateway.proxy import ControlProxy
from tests.waiting import until

SECRET = b"0123456789abcdef"
ADMIN = Identity("p1", "AK", "admin")


class Inner:
    """An API that tells what reached it; `/follow` never ends by itself."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        identity = scope["state"]["identity"]
        told = {
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "body": body.decode(),
            "project": identity.project if identity else None,
            "signed": any(name == b"x-sdk-date" for name, _ in scope["headers"]),
        }
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-request-id", b"r1")]})
        more = scope["path"] == "/follow"
        await send({"type": "http.response.body", "body": json.dumps(told).encode(), "more_body": more})
        if more:
            await receive()
            self.left.set()


@asynccontextmanager
async def control(inner: Inner) -> AsyncIterator[str]:
    server = Server(Config(Passage(inner, (SECRET,)), port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


async def ask(
    address: str, path: bytes, identity: Identity | None = ADMIN, token: str = "", leave: asyncio.Event | None = None
) -> tuple[int, bytes]:
    """One request through the proxy; its status and what came of the body."""
    answers: list[Any] = []
    asked = asyncio.Event()

    async def receive() -> Any:
        if not asked.is_set():
            asked.set()
            return {"type": "http.request", "body": b"{}", "more_body": False}
        await (leave or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)
        if leave is not None and message.get("body"):
            leave.set()

    raw, _, query = path.partition(b"?")
    scope = {
        "type": "http",
        "method": "POST",
        "raw_path": raw,
        "query_string": query,
        "headers": [(b"host", b"public"), (b"x-sdk-date", b"now"), (b"authorization", b"SDK-HMAC-SHA256 x")],
        "state": {"identity": identity},
    }
    token = token or issue(token_for("gateway"), SECRET)
    await asyncio.wait_for(ControlProxy(address, lambda: token).app(scope, receive, send), 10)
    return answers[0]["status"], b"".join(answer.get("body", b"") for answer in answers[1:])


async def test_the_request_reaches_control_as_it_came_with_its_sender() -> None:
    async with control(Inner()) as address:
        status, body = await ask(address, b"/v2/p1/fgs/functions/urn%3Afss%3Ax?marker=%2F&a")
    told = json.loads(body)
    assert status == 201
    assert told == {
        "path": "/v2/p1/fgs/functions/urn%3Afss%3Ax",
        "query": "marker=%2F&a",
        "body": "{}",
        "project": "p1",
        "signed": False,
    }


async def test_a_request_without_a_sender_stays_without_one() -> None:
    async with control(Inner()) as address:
        _, body = await ask(address, b"/openapi.json", identity=None)
    assert json.loads(body)["project"] is None


async def test_nobody_but_the_gateway_is_let_in() -> None:
    async with control(Inner()) as address:
        for token in ("nonsense", issue(token_for("kafka"), SECRET), issue(token_for("gateway"), b"another secret!!")):
            status, body = await ask(address, b"/v2/p1/x", token=token)
            assert status == 401
            assert json.loads(body)["error_code"] == "FSS.0401"


async def test_a_stream_ends_at_control_when_the_client_goes() -> None:
    inner = Inner()
    async with control(inner) as address:
        status, body = await ask(address, b"/follow", leave=asyncio.Event())
        assert (status, bool(body)) == (201, True)
        await asyncio.wait_for(inner.left.wait(), 10)


async def test_control_that_is_not_there_is_said() -> None:
    status, body = await ask("127.0.0.1:1", b"/v2/p1/x")
    assert status == 503
    assert json.loads(body)["error_code"] == "FSS.0503"
