"""The way from the gateway to control in the mesh: the request as it came, and who the gateway found its sender to be."""

import asyncio
import base64
from collections.abc import Callable

import msgspec
import structlog

from sluice.errors import Unavailable
from sluice.identity import Identity
from sluice_gateway.app import Scope, Send
from sluice_gateway.bodies import Receive
from sluice_gateway.doorkeeper import CREDENTIALS
from sluice_gateway.refusal import Refusal
from sluice_gateway.upstream import Answer, asked

IDENTITY = "x-sluice-identity"
_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"proxy-connection", b"expect"})
_OURS = CREDENTIALS | {b"x-sdk-date", IDENTITY.encode(), b"content-length"}

log = structlog.get_logger()


class ControlProxy:
    """An ASGI app that asks control. Answers are passed on as they come, so a followed log stays a stream."""

    def __init__(self, address: str, token: Callable[[], str]) -> None:
        self._address = address
        self._token = token

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        content = await _body(receive)
        passing = asyncio.create_task(self._pass_on(scope, content, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                passing.result()
        finally:
            passing.cancel()
            leaving.cancel()
            await asyncio.wait({passing, leaving})

    async def _pass_on(self, scope: Scope, content: bytes, send: Send) -> None:
        method = scope["method"].encode()
        try:
            async with asked(self._address, method, _target(scope), self._headers(scope), content) as answer:
                await _answer(answer, send)
        except Unavailable as error:
            log.warning("control unreachable", reason=str(error))
            await _refuse(Refusal(503, "FSS.0503", f"Service unavailable: {error}."), send)

    def _headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in scope["headers"] if name not in _HOP and name not in _OURS]
        identity: Identity | None = scope["state"]["identity"]
        shown = base64.b64encode(msgspec.json.encode(identity))
        return [*kept, (b"authorization", b"bearer " + self._token().encode()), (IDENTITY.encode(), shown)]


def _target(scope: Scope) -> bytes:
    """Exactly the path and query that came: a percent-encoded URN must not be decoded on the way."""
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + b"?" + query if query else path


async def _left(receive: Receive) -> None:
    """Until the client has gone: a followed log would otherwise be read for nobody."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(answer: Answer, send: Send) -> None:
    headers = [(name, value) for name, value in answer.headers if name not in _HOP]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.chunks():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(refusal: Refusal, send: Send) -> None:
    status, headers, content, _ = refusal.answer()
    headers.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
