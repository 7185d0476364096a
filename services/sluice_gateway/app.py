"""The gateway as an ASGI app. No framework stands on the path of a trigger."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import structlog

from sluice.catalog import Snapshot
from sluice.clock import Clock
from sluice.dispatch import Dispatch
from sluice.event import id_text, random_id
from sluice.host.doors import LocalDoors
from sluice.host.probes import Admits, Probes, Ready
from sluice.identity import Identity
from sluice.metrics import Sample
from sluice.push import Doors
from sluice.tracing import NoTraces, Traces
from sluice_gateway.bodies import Body, ClientGone, Held, Lines, Message, Receive, declared_length, may_have_body
from sluice_gateway.calls import Calls
from sluice_gateway.doorkeeper import Doorkeeper, Doorkeeping
from sluice_gateway.invocations import Invocations, Target, target_of
from sluice_gateway.limits import Limits
from sluice_gateway.logins import MAX_BODY as MAX_LOGIN
from sluice_gateway.logins import PATH as LOGIN
from sluice_gateway.logins import Logins
from sluice_gateway.pushes import PREFIX as PUSHED
from sluice_gateway.pushes import Pushes, place_of
from sluice_gateway.refusal import Answer, Refusal, not_allowed, not_found, unavailable
from sluice_gateway.settings import RESERVED
from sluice_gateway.shape import Peer, Request, event_headers
from sluice_gateway.trace import Receiving
from sluice_gateway.triggers import Triggers

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_RESERVED = frozenset(prefix.encode() for prefix in RESERVED)
_SIGNED = (b"/v2/", b"/v3/", b"/sluice/")
_PROBES = (b"/livez", b"/readyz", b"/metrics")
_OPENAPI = b"/openapi.json"
_DRAIN_S = 5.0

log = structlog.get_logger()


class Gateway:
    """Everything behind the door: triggers and invocations are served here, the rest of the API is passed to `api` with the verified
    sender in `scope["state"]["identity"]` (None for /openapi.json, which anybody may read)."""

    def __init__(
        self,
        dispatch: Dispatch,
        snapshot: Snapshot,
        *,
        api: App,
        exposition: Callable[[], Awaitable[str]],
        clock: Clock,
        may_read: Admits,
        ready: Ready = lambda: "",
        traces: Traces | None = None,
        region: str = "local-1",
        limits: Limits | None = None,
        doorkeeping: Doorkeeping | None = None,
        doors: Doors | None = None,
        is_local: bool = True,
    ) -> None:
        """`doors` lead to the triggers that are pushed to. `is_local`: nobody but this machine reaches the gateway."""
        self.limits = limits or Limits()
        self.triggers = Triggers(snapshot)
        self._api = api
        self._probes = Probes(ready, exposition, may_read)
        self._held = Held(self.limits.held)
        self._doorkeeper = Doorkeeper(snapshot, clock, doorkeeping)
        self._logins = Logins(snapshot, clock, region, self._doorkeeper.refused)
        receiving = Receiving(traces or NoTraces())
        self._calls = Calls(dispatch, snapshot, self._doorkeeper, receiving, self.limits.trigger_body)
        self._invocations = Invocations(dispatch, snapshot, receiving, region)
        self._pushes = Pushes(doors or LocalDoors(list), self._doorkeeper, is_local=is_local)

    def samples(self) -> Iterable[Sample]:
        """What the door counts."""
        return self._doorkeeper.refused.samples()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, type http."""
        if scope["type"] != "http":
            raise RuntimeError(f"the gateway serves http, not {scope['type']}")
        identifier = random_id()
        body = Body(receive, self._held)
        try:
            answer = await self._answered(scope, body, send, identifier)
        except Refusal as refusal:
            answer = refusal.answer()
            answer.headers.append((b"x-request-id", id_text(identifier).encode()))
        except ClientGone:
            log.info("client_gone", path=scope["path"])
            return
        except asyncio.CancelledError:
            # Only the server cancels us, at its end, and it has nothing more to do with this task: what is left is to tell the caller.
            answer = unavailable("the gateway is stopping").answer()
        except Exception:
            log.exception("request_failed", request=id_text(identifier))
            answer = Refusal(500, "FSS.0500", "Internal server error.").answer()
        finally:
            body.release()
        if answer is not None:
            await self._send(send, answer, scope, body, identifier)

    async def _answered(self, scope: Scope, body: Body, send: Send, identifier: bytes) -> Answer | None:
        """The answer, or None if `api` has given it."""
        path: bytes = scope["raw_path"]
        if b"/" + path[1:].partition(b"/")[0] not in _RESERVED:
            match = self.triggers.match(scope["method"], path)
            if match is None:
                raise not_found()
            return await self._calls.serve(match, _request(scope), body, identifier)
        if place := place_of(path):
            return await self._pushes.serve(place, _request(scope), body, identifier)
        if path == LOGIN:
            return await self._login(scope, body, identifier)
        if path.startswith(_SIGNED) and not path.startswith(PUSHED):
            return await self._signed(scope, body, send, identifier)
        if path in _PROBES:
            return await self._probe(path, scope["headers"])
        if path == _OPENAPI:
            await self._passed_on(scope, body.replayed(b""), None, send, identifier)
            return None
        raise not_found()

    async def _signed(self, scope: Scope, body: Body, send: Send, identifier: bytes) -> Answer | None:
        lines = scope["headers"]
        self._doorkeeper.glance(lines)
        target = target_of(scope["method"], scope["raw_path"])
        content = await body.read(self._limit(target), declared_length(lines))
        identity = self._doorkeeper.identify(scope["method"], scope["raw_path"], scope["query_string"], lines, content)
        if target is None:
            await self._passed_on(scope, body.replayed(content), identity, send, identifier)
            return None
        headers = event_headers(lines, _peer(scope))
        return await self._invocations.serve(target, identity, headers, content, identifier)

    async def _login(self, scope: Scope, body: Body, identifier: bytes) -> Answer:
        if scope["method"] != "POST":
            raise not_allowed("POST")
        content = await body.read(MAX_LOGIN, declared_length(scope["headers"]))
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        answer = self._logins.serve(_peer(scope).address, f"{scope['scheme']}://{host}", scope["query_string"], content)
        answer.headers.append((b"x-request-id", id_text(identifier).encode()))
        return answer

    def _limit(self, target: Target | None) -> int:
        if target is None:
            return self.limits.api_body
        return self.limits.async_invocation_body if target.is_async else self.limits.invocation_body

    async def _passed_on(self, scope: Scope, receive: Receive, identity: Identity | None, send: Send, identifier: bytes) -> None:
        inner = {**scope, "state": {**scope.get("state", {}), "identity": identity}}
        named = NamedSend(send, identifier)
        try:
            await self._api(inner, receive, named)
        except (Exception, asyncio.CancelledError):
            if not named.started:
                raise
            # Half an answer cannot be taken back: the server closes the connection, and its length or last chunk is missing.
            log.exception("answer_broken_off", request=id_text(identifier))

    async def _probe(self, path: bytes, lines: Lines) -> Answer:
        authorization = dict(lines).get(b"authorization", b"").decode("latin-1")
        status, kind, text = await self._probes.page(path.decode(), authorization)
        return Answer(int(status[:3]), [(b"content-type", kind.encode())], text.encode())

    async def _send(self, send: Send, answer: Answer, scope: Scope, body: Body, identifier: bytes) -> None:
        status, headers, content, request_id = answer
        headers.append((b"x-cff-request-id", request_id or id_text(identifier).encode()))
        if status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(content)))
        else:
            content = b""
        cut_short = body.unread and may_have_body(scope["headers"])
        if cut_short:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if cut_short:
            await send({"type": "http.response.body", "body": content, "more_body": True})
            await self._drain(body)
            content = b""
        await send({"type": "http.response.body", "body": content})

    async def _drain(self, body: Body) -> None:
        """A connection that is closed with bytes unread is reset, and its sender never sees the answer."""
        try:
            async with asyncio.timeout(_DRAIN_S):
                await body.drain(self.limits.drained)
        except TimeoutError:
            log.info("body_not_drained")


def _request(scope: Scope) -> Request:
    return Request(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], _peer(scope))


def _peer(scope: Scope) -> Peer:
    client, server = scope.get("client"), scope.get("server")
    return Peer(client[0] if client else "", str(server[1]) if server else "", scope["scheme"])


class NamedSend:
    """Puts X-Cff-Request-Id on an answer of the app behind, which may have its own word for it."""

    def __init__(self, send: Send, identifier: bytes) -> None:
        self._send = send
        self._identifier = identifier
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = list(message.get("headers", ()))
            own = {name.lower(): value for name, value in headers}
            if b"x-cff-request-id" not in own:
                headers.append((b"x-cff-request-id", own.get(b"x-request-id") or id_text(self._identifier).encode()))
            message = {**message, "headers": headers}
        await self._send(message)
