"""The invocation API of FunctionGraph: what is asked for, and how a reply is told. Pure but for the two hand-overs."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from sluice.catalog import Snapshot
from sluice.dispatch import Dispatch
from sluice.errors import Invalid
from sluice.event import Event, event_id, id_text
from sluice.function import Function
from sluice.identity import Identity
from sluice.outcome import RUNTIME_CODES, FailureKind, Outcome, Reply, Verdict
from sluice.urn import parse
from sluice_gateway.answer import refusal_of
from sluice_gateway.choosing import chosen
from sluice_gateway.doorkeeper import check_may_invoke
from sluice_gateway.refusal import Answer, Headers, Refusal, no_function, not_found, overloaded, unavailable
from sluice_gateway.trace import Receiving, within

PATH = re.compile(rb"/v2/([^/]+)/fgs/functions/([^/]+)/(invocations|invocations-async)/?")
LOG_BODY_BYTES = 4096
LOG_HEADER_BYTES = 2000
MAX_IDEMPOTENCY_KEY = 255

SDK_AGENT = "huaweicloud-usdk-"
"""How the User-Agent of FunctionGraph's SDKs begins. They leave X-CFF-Request-Version out and understand only the envelope (v1)."""


class Target(msgspec.Struct, frozen=True):
    """Which function an invocation is for, as the path says it."""

    project: str
    function: str
    is_async: bool


class Invocations:
    """Serves the two operations. Raises Refusal for every answer that is not the function's."""

    def __init__(self, dispatch: Dispatch, snapshot: Snapshot, receiving: Receiving, region: str) -> None:
        self._dispatch = dispatch
        self._receiving = receiving
        self._snapshot = snapshot
        self._region = region

    async def serve(self, target: Target, identity: Identity, headers: Mapping[str, str], body: bytes, identifier: bytes) -> Answer:
        """`identifier` becomes the event's id, unless the caller's Idempotency-Key makes another one."""
        check_may_invoke(identity)
        urn = self._urn(target, identity)
        _check_json(body)
        if target.is_async:
            return await self._async(urn, identity, headers, body, identifier)
        return await self._sync(urn, identity, headers, body, identifier)

    async def _sync(self, urn: str, identity: Identity, headers: Mapping[str, str], body: bytes, identifier: bytes) -> Answer:
        function, choice = chosen(self._snapshot, urn, identifier, headers)
        tail = headers.get("x-cff-log-type", "").lower() == "tail"
        trace, span = self._receiving.begin(headers.get("traceparent"), urn)
        event = Event(identifier, body, trace=trace, choice=choice)
        outcome = await within(span, self._dispatch.invoke(identity.project, urn, event, log=tail))
        reply = reply_of(outcome)
        return told(reply, function, id_text(identifier), enveloped=wants_envelope(headers), tail=tail)

    async def _async(self, urn: str, identity: Identity, headers: Mapping[str, str], body: bytes, identifier: bytes) -> Answer:
        key = idempotency_key(headers)
        if key:
            identifier = event_id("invoke-async", identity.project, urn, key)
        _, choice = chosen(self._snapshot, urn, identifier, headers)
        trace, span = self._receiving.begin(headers.get("traceparent"), urn)
        event = Event(identifier, body, trace=trace, choice=choice)
        outcome = await within(span, self._dispatch.invoke_async(identity.project, urn, event, dedupe=key))
        return accepted(outcome, identifier)

    def _urn(self, target: Target, identity: Identity) -> str:
        if target.project != identity.project:
            raise not_found()
        try:
            urn = parse(target.function, region=self._region, project=identity.project)
        except Invalid as error:
            raise Refusal(400, error.code, str(error)) from None
        if urn.project != identity.project:
            raise no_function()
        return str(urn)


def target_of(method: str, raw_path: bytes) -> Target | None:
    """None if the request is not an invocation."""
    found = PATH.fullmatch(raw_path) if method == "POST" else None
    if not found:
        return None
    project, function = (unquote(found[group].decode("latin-1")) for group in (1, 2))
    return Target(project, function, found[3] == b"invocations-async")


def wants_envelope(headers: Mapping[str, str]) -> bool:
    """Whether the answer is JSON around the result (v1) or the result itself (v0). A caller who does not say gets v0, an SDK v1."""
    said = headers.get("x-cff-request-version")
    if said:
        return said.lower() == "v1"
    return headers.get("user-agent", "").startswith(SDK_AGENT)


def _check_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(406, "FSS.0406", "Not acceptable: the event is not JSON.") from None


def idempotency_key(headers: Mapping[str, str], delivery: str = "") -> str:
    """The id of a webhook's delivery, else the caller's Idempotency-Key, "" without one. Raises Refusal (400) for one that is too long."""
    key = delivery or headers.get("idempotency-key", "")
    if len(key) > MAX_IDEMPOTENCY_KEY:
        raise Refusal(400, "FSS.0400", f"Invalid parameter: Idempotency-Key has at most {MAX_IDEMPOTENCY_KEY} characters.")
    return key


def reply_of(outcome: Outcome) -> Reply:
    """The reply of a synchronous call. Raises Refusal if the call never began."""
    if outcome.verdict is Verdict.RETRY:
        raise overloaded(outcome.retry_after_s)
    if outcome.reply is None:
        raise Refusal(400, "FSS.0400", f"Invalid parameter: {outcome.reason}.")
    return outcome.reply


def accepted(outcome: Outcome, event: bytes) -> Answer:
    """202 for what is on disk. Raises Refusal for what is not."""
    if outcome.full:
        raise overloaded(outcome.retry_after_s)
    if outcome.verdict is Verdict.RETRY:
        raise unavailable(outcome.reason, outcome.retry_after_s)
    if outcome.verdict is Verdict.REFUSED:
        raise Refusal(400, "FSS.0400", f"Invalid parameter: {outcome.reason}.")
    name = id_text(outcome.event_id or event).encode()
    return Answer(202, [(b"content-type", b"application/json")], b'{"request_id":"%s"}' % name, name)


def told(reply: Reply, function: Function, request_id: str, *, enveloped: bool, tail: bool) -> Answer:
    """The answer to a synchronous invocation: FunctionGraph's JSON (v1) or the bare result (v0), and its headers."""
    status, result, content_type = _result(reply, function)
    is_error = status != 200
    duration = round(reply.duration_ms, 3)
    billed = reply.billed_ms
    summary = {"duration": duration, "billingDuration": billed, "memorySize": function.memory_mb, "memoryUsed": round(reply.memory_mb, 3)}
    headers: Headers = [
        (b"content-type", b"application/json" if enveloped else content_type),
        (b"x-cff-invoke-summary", json.dumps(summary, separators=(",", ":")).encode()),
        (b"x-cff-billing-duration", b"%d" % billed),
        (b"x-cff-response-version", b"v1" if enveloped else b"v0"),
        (b"x-func-err-code", b"%d" % (status if is_error else 0)),
        (b"x-is-func-err", b"true" if is_error else b"false"),
    ]
    log = reply.log.encode()[-LOG_BODY_BYTES:] if tail else b""
    if tail:
        headers.append((b"x-cff-function-log", base64.b64encode(log[-LOG_HEADER_BYTES:])))
    if not enveloped:
        return Answer(200, headers, result)
    whole = {"request_id": request_id, "result": _text(result), "log": _text(log), "status": status}
    return Answer(200, headers, msgspec.json.encode(whole))


def _result(reply: Reply, function: Function) -> tuple[int, bytes, bytes]:
    """Status (200 or the runtime's error code), result and its content type. Raises Refusal for the platform's failures."""
    failure = reply.failure
    if function.is_http and reply.status and (failure is None or failure.kind is FailureKind.FUNCTION_ERROR):
        return 200, _http_envelope(reply), b"application/json"
    if failure is None:
        return 200, reply.body, _content_type(reply)
    code = RUNTIME_CODES.get(failure.kind)
    if code is None:
        raise refusal_of(failure)
    if failure.kind is FailureKind.FUNCTION_ERROR:
        return max(400, reply.status or code[0]), reply.body, _content_type(reply)
    error = {"errorMessage": failure.message or str(failure.kind).replace("_", " "), "errorType": code[1], "stackTrace": []}
    return code[0], msgspec.json.encode(error), b"application/json"


def _http_envelope(reply: Reply) -> bytes:
    """An HTTP function's answer, as the invocation API shows it."""
    headers: dict[str, list[str]] = {}
    for name, value in reply.headers:
        headers.setdefault(name.title(), []).append(value)
    envelope: dict[str, Any] = {
        "body": base64.b64encode(reply.body).decode(),
        "headers": headers,
        "statusCode": reply.status,
        "isBase64Encoded": True,
    }
    return msgspec.json.encode(envelope)


def _content_type(reply: Reply) -> bytes:
    for name, value in reply.headers:
        if name.lower() == "content-type":
            return value.encode("latin-1", "replace")
    return b"application/json"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
