"""The audit trail: what was asked of the API and changes something, by whom, and how it was answered.

A trace is on disk before its answer is sent. Then it is told to the project's CTS triggers, until they have it.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from sluice.clock import Clock
from sluice.errors import SluiceError, Unavailable
from sluice.identity import Identity
from sluice.push import Answer, Doors, Request
from sluice_control.asgi import REQUEST_ID, Operation
from sluice_control.registry import Edit, Registry, TraceRow

SERVICE = "FunctionGraph"
KIND, TRACKER = "cts", "system"
"""Where traces are told: the topic that a project's CTS triggers share."""
KEPT_S = 30 * 24 * 3600
MOST_KEPT = 200_000
"""The oldest go when there are more, or when they are older than KEPT_S."""
_TOLD_AT_ONCE = 200
_AGAIN_S = 1.0
_LOOK_S = 30.0
_PRUNE_EACH = 1_000
_STATIC = re.compile(r"/(?:v2|sluice/v1)(?:/\{project_id\})?(?:/fgs)?/([a-z_-]+)")

log = structlog.get_logger()


class Trail:
    """Owned by control. `run` tells the traces; without it they are only kept."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._news = asyncio.Event()
        self._noted = 0
        self._unwritten: list[tuple[TraceRow, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def note(self, operation: Operation, identity: Identity, request: HttpRequest, response: Response) -> None:
        """Keep a trace of what was asked, which is on disk when this returns. What was done is not undone if that fails."""
        now = self._clock.time()
        trace = trace_of(operation, identity, request, response, now)
        row = TraceRow(0, identity.project, int(now * 1000), msgspec.json.encode(trace).decode())
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unwritten.append((row, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        try:
            await asyncio.shield(written)
        except SluiceError as error:
            log.error("trace_lost", operation=operation.name, access_key=identity.access_key, reason=str(error))
        self._news.set()

    async def _write(self) -> None:
        """What has gathered meanwhile is one transaction: a change should not wait behind a trace for each that came before it."""
        while self._unwritten:
            gathered, self._unwritten = self._unwritten, []
            rows = [row for row, _ in gathered]
            before, self._noted = self._noted, self._noted + len(rows)
            prunes = before // _PRUNE_EACH < self._noted // _PRUNE_EACH
            oldest_ms = rows[-1].at_ms - int(KEPT_S * 1000) if prunes else None
            try:
                await self._registry.change(_noted(rows, oldest_ms))
            except Exception as error:
                _settle(gathered, error)
            else:
                _settle(gathered, None)
        self._writing = None

    async def run(self, doors: Doors) -> None:
        """Tell what was not told, until cancelled. A project whose triggers are not ready holds up no other."""
        while True:
            self._news.clear()
            waiting = await self._tell(doors)
            try:
                async with asyncio.timeout(_AGAIN_S if waiting else _LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _tell(self, doors: Doors) -> bool:
        """Whether something is left that has to wait."""
        projects = self._registry.view.projects_with_untold()
        left = await asyncio.gather(*(self._tell_project(doors, project) for project in projects))
        return any(left)

    async def _tell_project(self, doors: Doors, project: str) -> bool:
        while rows := self._registry.view.untold(project, _TOLD_AT_ONCE):
            request = Request(headers={"content-type": "application/json"}, body=_body(rows), is_known=True)
            try:
                answer = await doors.publish(KIND, project, TRACKER, request)
            except Unavailable:
                return True
            if _comes_again(answer):
                return True
            if answer.status >= 400 and answer.status != 404:
                log.error("traces refused", project=project, status=answer.status, traces=len(rows))
            await self._registry.change(_told(rows))
        return False


def _noted(rows: Sequence[TraceRow], oldest_ms: int | None) -> Callable[[Edit], None]:
    def step(edit: Edit) -> None:
        for row in rows:
            edit.add_trace(row)
        if oldest_ms is not None:
            edit.prune_traces(oldest_ms, MOST_KEPT)

    return step


def _settle(gathered: Sequence[tuple[TraceRow, "asyncio.Future[None]"]], error: Exception | None) -> None:
    for _, written in gathered:
        if written.done():
            continue
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)


def _told(rows: Sequence[TraceRow]) -> Callable[[Edit], None]:
    return lambda edit: edit.mark_told(rows[0].project, rows[-1].id)


def _body(rows: Sequence[TraceRow]) -> bytes:
    return b"[%b]" % b",".join(row.trace.encode() for row in rows)


def _comes_again(answer: Answer) -> bool:
    return answer.status >= 500 or answer.status == 429


def trace_of(operation: Operation, identity: Identity, request: HttpRequest, response: Response, now: float) -> dict[str, Any]:
    """The trace in CTS's form. Neither what was sent nor what was answered is in it: both may hold secrets."""
    status, answer = response.status_code, bytes(getattr(response, "body", b""))
    name = _target(request) or _made(answer)
    code = _code(answer) if status >= 400 else ""
    return {
        "time": int(now),
        "user": {"name": identity.access_key, "id": identity.access_key, "domain": {"name": "", "id": identity.project}},
        "request": {"method": operation.method, "path": request.url.path, "role": identity.role},
        "response": {"error_code": code} if code else {},
        "code": status,
        "service_type": SERVICE,
        "resource_type": resource_type(operation.path),
        "resource_name": _short(name),
        "resource_id": name,
        "trace_name": operation.name,
        "trace_type": "ApiCall",
        "record_time": int(now),
        "trace_id": request.scope["state"][REQUEST_ID],
        "trace_status": "normal" if status < 400 else "warning" if status < 500 else "incident",
    }


def resource_type(path: str) -> str:
    """`functions`, `triggers`, `keys`, …: the first word of an operation's path that says what it is about."""
    found = _STATIC.match(path)
    return found[1] if found else "api"


def _target(request: HttpRequest) -> str:
    """The last thing that the path names, but for the project."""
    names = [str(value) for name, value in request.path_params.items() if name != "project_id"]
    return names[-1] if names else ""


class _Answered(msgspec.Struct):
    trigger_id: str = ""
    func_urn: str = ""
    access_key: str = ""
    error_code: str = ""


def _read(answer: bytes) -> _Answered:
    try:
        return msgspec.json.decode(answer, type=_Answered)
    except msgspec.DecodeError:
        return _Answered()


def _made(answer: bytes) -> str:
    """What a request has made, by the name that its answer gives."""
    told = _read(answer)
    return told.trigger_id or told.func_urn or told.access_key


def _code(answer: bytes) -> str:
    return _read(answer).error_code


def _short(name: str) -> str:
    """The function's name, of a URN."""
    parts = name.split(":")
    return parts[6] if len(parts) > 6 and parts[:2] == ["urn", "fss"] else name
