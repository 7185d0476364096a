"""From HTTP to a handler and back: identity, project, role, body limit, errors and request id, for every operation alike."""

import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sluice.errors import Fault, Invalid, SluiceError, Unavailable
from sluice.event import id_text, random_id
from sluice.identity import Identity, may
from sluice_control.decoding import CodeOf, decode, general, read_object
from sluice_control.fss import CODES, Refused, status

T = TypeVar("T")

MAX_BODY_BYTES = 1024 * 1024
"""Of a body without a code package or a record: what it says is kept, and told to services and whoever lists."""
MAX_PACKAGE_BODY_BYTES = 72 * 1024 * 1024
"""A code package of 50 MiB in Base64, and the rest of its body."""
REQUEST_ID = "request_id"
"""In the scope's state: what the answer's X-Request-Id will be."""
_LONGEST_MESSAGE = 3000
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_MOST_NUMBER = 999_999_999_999_999_999
_log = structlog.get_logger("control.api")


class Call(msgspec.Struct):
    """One request that may be served: its sender may do it, in his own project."""

    identity: Identity
    request: Request
    body: bytes

    @property
    def project(self) -> str:
        return self.identity.project

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        """Raises Invalid (FSS.1001) for one that is there more than once: either could be meant."""
        found = self.request.query_params.getlist(name)
        if len(found) > 1:
            raise Invalid([Fault(name, f"is there {len(found)} times, and may be there once")], "FSS.1001")
        return found[0] if found else default

    def number(self, name: str, default: int, most: int) -> int:
        """A count or a marker: absent, 0 and too much mean `most` or the default; less than 0 or no number is refused (FSS.1001)."""
        text = self.query(name) or "0"
        if not _NUMBER.fullmatch(text):
            raise Invalid([Fault(name, f"is {text[:20]!r}, and is a whole number from 0 to {_MOST_NUMBER}")], "FSS.1001")
        return min(int(text), most) if int(text) else default

    def flag(self, name: str) -> bool:
        """`true`, or `false` and absent; anything else is refused (FSS.1001)."""
        text = self.query(name)
        if text not in ("", "true", "false"):
            raise Invalid([Fault(name, f"is {text[:20]!r}, and is true or false")], "FSS.1001")
        return text == "true"

    def decode(self, kind: type[T], code_of: CodeOf = general) -> T:
        return decode(read_object(self.body), kind, code_of=code_of)

    @property
    def base_url(self) -> str:
        """Scheme and host as the caller wrote them."""
        return str(self.request.base_url).rstrip("/")


Handler = Callable[[Call], Awaitable[Response]]


class Operation(msgspec.Struct, frozen=True):
    """One line of the API: `name` is the SDK's for FunctionGraph's own operations; `needs` is a right of `sluice.identity.RIGHTS`; `body`,
    of at most `most_bytes`, and `query` are what it takes. A path without a project is about the sender's own."""

    name: str
    method: str
    path: str
    needs: str
    handler: Handler
    body: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()
    most_bytes: int = MAX_BODY_BYTES

    @property
    def changes(self) -> bool:
        """Whether it is there to change something."""
        return self.method != "GET" and self.needs not in ("read", "known")


Endpoint = Callable[[Request], Awaitable[Response]]
Note = Callable[[Operation, Identity, Request, Response], Awaitable[None]]
"""Told of every request that wanted to change something and whose sender is known, before it is answered."""
Identify = Callable[[Scope], Identity | None]
"""Who the gateway says a request is from; None: it did not say."""


def identity_of(scope: Scope) -> Identity | None:
    """In one process the gateway hands the identity over in the scope's state."""
    found = scope.get("state", {}).get("identity")
    return found if isinstance(found, Identity) else None


async def note_nothing(operation: Operation, identity: Identity, request: Request, response: Response) -> None:
    """Nobody wants to know."""


def application(
    operations: list[Operation],
    identify: Identify = identity_of,
    described: Callable[[], bytes] = lambda: b"{}",
    note: Note = note_nothing,
) -> ASGIApp:
    """An ASGI app of the operations; every answer has an X-Request-Id, every error FunctionGraph's body. `described` makes the OpenAPI
    document, which anybody may read."""

    async def describe(_request: Request) -> Response:
        return Response(described(), media_type="application/json")

    routes = [Route("/openapi.json", describe)]
    routes += _routes(operations, identify, note)
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_route})
    app.router.redirect_slashes = False  # a signature is not good for another address
    return _with_request_id(app)


def _routes(operations: list[Operation], identify: Identify, note: Note) -> list[Route]:
    """One for each path, those without parameters first: what is named is found before what could be anything, and a refused method is told
    which ones that very path has."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = _endpoint(operation, identify, note)
    paths = sorted(by_path, key=lambda path: path.count("{"))
    return [Route(path, _by_method(by_path[path]), methods=list(by_path[path])) for path in paths]


def _by_method(endpoints: Mapping[str, Endpoint]) -> Endpoint:
    async def chosen(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return chosen


def json(value: object, code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), code, headers, "application/json")


def nothing() -> Response:
    return Response(status_code=204)


def lines(values: AsyncIterator[T], show: Callable[[T], Any]) -> Response:
    """NDJSON: a line as soon as it is there. The source is closed when the reader goes."""

    async def encoded() -> AsyncIterator[bytes]:
        try:
            async for value in values:
                yield msgspec.json.encode(show(value)) + b"\n"
        finally:
            if isinstance(values, AsyncGenerator):
                await values.aclose()

    return StreamingResponse(encoded(), media_type="application/x-ndjson")


def error(code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return json({"error_code": code, "error_msg": message[:_LONGEST_MESSAGE]}, status(code), headers)


def _endpoint(operation: Operation, identify: Identify, note: Note) -> Endpoint:
    async def answered(request: Request, identity: Identity | None) -> Response:
        try:
            call = await _call(request, identity, operation)
            response = await operation.handler(call)
        except SluiceError as refusal:
            return _refusal(refusal)
        except Exception:
            # Answered here and not by Starlette, which would raise it again behind the answer.
            _log.exception("request_failed", method=operation.method, operation=operation.path)
            return error("FSS.0500", CODES["FSS.0500"][1])
        if operation.needs not in ("read", "known"):
            _log.info("request_granted", method=operation.method, path=request.url.path, access_key=call.identity.access_key)
        return response

    async def endpoint(request: Request) -> Response:
        identity = identify(request.scope)
        response = await answered(request, identity)
        if identity is not None and operation.changes:
            await note(operation, identity, request, response)
        return response

    return endpoint


async def _call(request: Request, identity: Identity | None, operation: Operation) -> Call:
    if identity is None:
        raise Refused("FSS.0401")
    if request.path_params.get("project_id", identity.project) != identity.project:
        # The same answer as for something that is not there: projects do not see each other.
        raise Refused("FSS.0404")
    if not may(identity.role, operation.needs):
        raise Refused("FSS.0403", f"The role {identity.role} may not do this.")
    return Call(identity, request, await _body(request, operation.most_bytes))


async def _body(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Refused("FSS.0413", f"At most {most} bytes.")
        parts.append(part)
    return b"".join(parts)


def _refusal(refusal: SluiceError) -> Response:
    match refusal:
        case Invalid() | Refused():
            return error(refusal.code, str(refusal))
        case Unavailable():
            return error("FSS.0503", str(refusal), {"Retry-After": str(math.ceil(refusal.retry_after_s))})
        case _:
            _log.error("request_failed", error=type(refusal).__name__)
            return error("FSS.0500", CODES["FSS.0500"][1])


async def _no_route(_request: Request, refusal: Exception) -> Response:
    if isinstance(refusal, HTTPException) and refusal.status_code == 405:
        return json({"error_code": "FSS.0404", "error_msg": "The method is not allowed for this path."}, 405, refusal.headers)
    return error("FSS.0404", CODES["FSS.0404"][1])


def _with_request_id(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        name = id_text(random_id()).encode()
        scope = {**scope, "state": {**scope.get("state", {}), REQUEST_ID: name.decode()}}

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-request-id", name)]
            await send(message)

        await app(scope, receive, stamped)

    return wrapped
