"""The way from the gateway to control in the mesh: the request as it came, and who the gateway found its sender to be."""

import asyncio
import base64
from collections.abc import Callable
from types import TracebackType
from typing import Self

import aiohttp
import msgspec
import structlog
from yarl import URL

from sluice.identity import Identity
from sluice_gateway.app import Scope, Send
from sluice_gateway.bodies import Receive
from sluice_gateway.refusal import Refusal

IDENTITY = "x-sluice-identity"
CONNECT_WITHIN_S = 2.0
_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"proxy-connection"})
_OURS = frozenset({b"authorization", b"x-sdk-date", IDENTITY.encode(), b"content-length"})

log = structlog.get_logger()


class ControlProxy:
    """An ASGI app that asks control. Answers are passed on as they come, so a followed log stays a stream."""

    def __init__(self, address: str, token: Callable[[], str]) -> None:
        self._base = f"http://{address}"
        self._token = token
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN_S)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

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
        target, headers = _target(self._base, scope), self._headers(scope)
        try:
            async with self._session.request(scope["method"], target, headers=headers, data=content, allow_redirects=False) as answer:
                await _answer(answer, send)
        except aiohttp.ClientConnectorError as error:
            log.warning("control unreachable", reason=str(error))
            await _refuse(Refusal(503, "FSS.0503", "Service unavailable: control is not reachable."), send)

    def _headers(self, scope: Scope) -> list[tuple[str, str]]:
        kept = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"] if name not in _HOP and name not in _OURS
        ]
        identity: Identity | None = scope["state"]["identity"]
        shown = base64.b64encode(msgspec.json.encode(identity)).decode()
        return [*kept, ("authorization", f"bearer {self._token()}"), (IDENTITY, shown)]


def _target(base: str, scope: Scope) -> URL:
    """Exactly the path and query that came: a percent-encoded URN must not be decoded on the way."""
    query = scope["query_string"].decode("latin-1")
    return URL(base + scope["raw_path"].decode("latin-1") + (f"?{query}" if query else ""), encoded=True)


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


async def _answer(answer: aiohttp.ClientResponse, send: Send) -> None:
    headers = [(name.lower(), value) for name, value in answer.raw_headers if name.lower() not in _HOP]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(refusal: Refusal, send: Send) -> None:
    status, headers, content, _ = refusal.answer()
    headers.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
