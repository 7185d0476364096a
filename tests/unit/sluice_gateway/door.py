"""A gateway in front of a dispatcher that says what the test wants, asked without a socket."""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from sluice.binding import Binding, Mode, Ordering
from sluice.catalog import Change, Key, Snapshot
from sluice.clock import SteppedClock
from sluice.dispatch import Session
from sluice.event import Event
from sluice.function import Function
from sluice.outcome import Outcome, Reply, Verdict
from sluice.push import Doors
from sluice.signature import sign
from sluice.tracing import Traces
from sluice_gateway.app import Gateway
from sluice_gateway.doorkeeper import Doorkeeping
from sluice_gateway.limits import Limits

PROJECT = "p1"
BASE = "urn:fss:local-1:p1:function:default"
URN = f"{BASE}:hello:latest"
ACCESS_KEY, SECRET_KEY = "AKEXAMPLE", "SKEXAMPLE"
HOST = "127.0.0.1:8090"


def envelope(status: int = 200, body: str = "hi", **changes: Any) -> bytes:
    whole = {"statusCode": status, "headers": {"Content-Type": "text/plain"}, "isBase64Encoded": False, "body": body, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


class Handed(NamedTuple):
    """One hand-over to the dispatcher."""

    how: str
    to: str
    event: Event
    timeout_s: float = 0.0
    log: bool = False
    dedupe: str = ""
    wait_s: float = math.inf

    @property
    def json(self) -> Any:
        return json.loads(self.event.body)


class Dispatching:
    """Notes what it is handed and answers `outcome`; `hold` makes it wait until `go` is set."""

    def __init__(self) -> None:
        self.outcome: Outcome = replied(envelope())
        self.handed: list[Handed] = []
        self.dropped = 0
        """Requests that a filter kept back."""
        self.arrived = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()
        self.failure: Exception | None = None

    def session(self, service: str) -> Session:
        raise NotImplementedError

    async def push(self, trigger: str, event: Event, dedupe: tuple[str, ...] = (), wait_s: float = math.inf) -> Outcome:
        return await self._take(Handed("push", trigger, event, dedupe="".join(dedupe), wait_s=wait_s))

    def filtered(self, trigger: str, records: int) -> None:
        self.dropped += records

    async def call(self, trigger: str, event: Event, timeout_s: float) -> Outcome:
        return await self._take(Handed("call", trigger, event, timeout_s=timeout_s))

    async def invoke(self, project: str, function: str, event: Event, *, log: bool = False) -> Outcome:
        return await self._take(Handed("invoke", function, event, log=log))

    async def invoke_async(self, project: str, function: str, event: Event, dedupe: str = "") -> Outcome:
        return await self._take(Handed("invoke_async", function, event, dedupe=dedupe))

    async def _take(self, handed: Handed) -> Outcome:
        self.handed.append(handed)
        self.arrived.set()
        await self.go.wait()
        if self.failure:
            raise self.failure
        return self.outcome


def replied(body: bytes = b"", status: int = 200, **more: Any) -> Outcome:
    return Outcome(Verdict.DONE, reply=Reply(status, body, **more))


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error_code"])


class Door:
    """The gateway and everything around it."""

    def __init__(
        self,
        limits: Limits | None = None,
        traces: Traces | None = None,
        doorkeeping: Doorkeeping | None = None,
        doors: Doors | None = None,
        *,
        is_local: bool = True,
    ) -> None:
        self.clock = SteppedClock()
        self.dispatch = Dispatching()
        self.snapshot = Snapshot()
        self.api_saw: list[Mapping[str, Any]] = []
        self.api_body = b""
        self.api_heard: list[str] = []
        self.api_failure: Exception | None = None
        self.api_fails_late = False
        self.waits_for = ""
        self.gateway = Gateway(
            self.dispatch,
            self.snapshot,
            api=self._api,
            exposition=self._metrics,
            may_read=lambda authorization: authorization != "Bearer wrong",
            clock=self.clock,
            ready=lambda: self.waits_for,
            traces=traces,
            limits=limits,
            doorkeeping=doorkeeping,
            doors=doors,
            is_local=is_local,
        )
        self.function("hello")
        self.snapshot.apply(Change(1, key=Key(ACCESS_KEY, SECRET_KEY, PROJECT)))

    def function(self, name: str, **settings: Any) -> None:
        self.snapshot.apply(Change(1, function=Function(f"{BASE}:{name}:latest", **settings)))

    def key(self, access_key: str, project: str = PROJECT, role: str = "admin") -> None:
        self.snapshot.apply(Change(1, key=Key(access_key, SECRET_KEY, project, role)))

    def trigger(
        self,
        path: str,
        *,
        name: str = "t1",
        mode: Mode = Mode.SYNC,
        function: str = "hello",
        filter_text: str = "",
        ordering: Ordering = Ordering.NONE,
        **settings: Any,
    ) -> None:
        data = {"path": path, "auth": "NONE", "func_info": {"invocation_type": mode.value}, **settings}
        urn = f"{BASE}:{function}:latest"
        binding = Binding(
            name, PROJECT, "APIG", "gateway", urn, json.dumps(data).encode(), mode=mode, filter=filter_text, ordering=ordering
        )
        self.snapshot.apply(Change(1, binding=binding))

    async def _metrics(self) -> str:
        return "sluice_events_pending 0\n"

    async def _api(self, scope: Any, receive: Any, send: Any) -> None:
        self.api_saw.append(scope)
        if self.api_failure and not self.api_fails_late:
            raise self.api_failure
        first = await receive()
        self.api_body = first["body"]
        self.api_heard = [first["type"], (await receive())["type"]]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"named-by-control")]})
        if self.api_failure:
            raise self.api_failure
        await send({"type": "http.response.body", "body": b'{"from":"control"}'})

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        chunks: list[bytes] | None = None,
    ) -> Answered:
        """One request without a socket. `chunks` come one by one instead of the body."""
        path, _, query = target.partition("?")
        pieces = chunks if chunks is not None else [body]
        lines = [(b"host", HOST.encode())]
        if chunks is None and body:
            lines.append((b"content-length", str(len(body)).encode()))
        if chunks is not None:
            lines.append((b"transfer-encoding", b"chunked"))
        lines += [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items() if name.lower() != "host"]
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": lines,
            "scheme": "http",
            "client": ("198.51.100.7", 50000),
            "server": ("127.0.0.1", 8090),
            "state": {},
        }
        return await _exchange(self.gateway.app, scope, pieces)

    async def ask_signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        access_key: str = ACCESS_KEY,
        secret_key: str = SECRET_KEY,
    ) -> Answered:
        given = {"Host": HOST, **(headers or {})}
        added = sign(access_key, secret_key, method, target, given, body, now=self.clock.time())
        return await self.ask(method, target, body, {**given, **added})


async def _exchange(app: Callable[..., Any], scope: dict[str, Any], pieces: list[bytes]) -> Answered:
    left = list(pieces)
    started: dict[str, Any] = {}
    written: list[bytes] = []

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            written.append(message.get("body", b""))

    await app(scope, receive, send)
    if not started:
        return Answered(0, {}, b"")
    headers = {name.decode(): value.decode() for name, value in started["headers"]}
    return Answered(started["status"], headers, b"".join(written))
