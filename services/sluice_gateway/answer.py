"""From what a function said to what the caller of an HTTP trigger gets. Pure.

An event function says it with an envelope (statusCode, headers, isBase64Encoded, body: all four), anything else is 500 FSS.1202. An HTTP
function's answer is passed on as it is.
"""

import base64
import re
from collections.abc import Iterable

import msgspec

from sluice.outcome import Failure, FailureKind, Reply
from sluice_gateway.refusal import Answer, Headers, Refusal, disabled, no_function, overloaded, unavailable

HOP_BY_HOP = frozenset(
    (b"connection", b"content-length", b"date", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
"""What concerns one connection only, and what the gateway sets by itself (an answer has one Date); never passed on."""

_TOKEN = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_ENVELOPE = "The response body or callback body is invalid because they do not contain any status code."

_BROKEN = frozenset(
    (
        FailureKind.CRASHED,
        FailureKind.OUT_OF_MEMORY,
        FailureKind.BAD_ANSWER,
        FailureKind.CONNECTION_RESET,
        FailureKind.ANSWER_TOO_LARGE,
    )
)
_NOT_READY = frozenset(
    (
        FailureKind.START_FAILED,
        FailureKind.INIT_FAILED,
        FailureKind.CRASH_LOOP,
        FailureKind.LOST,
        FailureKind.INTERRUPTED,
        FailureKind.CANCELLED,
    )
)

HeaderValue = str | int | float | bool | list[str]


class Envelope(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What an event function answers a gateway with. All four are required; a header's value may be an array (one line each)."""

    status_code: int
    headers: dict[str, HeaderValue]
    is_base64_encoded: bool
    body: str


_decoder = msgspec.json.Decoder(Envelope | str)
_plain_decoder = msgspec.json.Decoder(Envelope)


def answer(reply: Reply, *, http_function: bool) -> Answer:
    """The caller's answer. Raises Refusal for whatever is not the function's own word."""
    failure = reply.failure
    if http_function and reply.status and (failure is None or failure.kind is FailureKind.FUNCTION_ERROR):
        lines = ((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers)
        return Answer(reply.status, passed_on(lines), reply.body)
    if failure is not None:
        raise refusal_of(failure)
    return enveloped(reply.body)


def enveloped(result: bytes) -> Answer:
    """What an envelope says. It may come as a JSON string that holds it. Raises Refusal (500 FSS.1202)."""
    try:
        envelope = _decoder.decode(result)
        if isinstance(envelope, str):
            envelope = _plain_decoder.decode(envelope)
        body = base64.b64decode(envelope.body, validate=True) if envelope.is_base64_encoded else envelope.body.encode()
        headers = passed_on(_lines(envelope.headers))
    except (ValueError, RecursionError) as error:
        raise _bad_envelope(str(error)) from error
    if not 200 <= envelope.status_code <= 599:
        raise _bad_envelope("statusCode is not between 200 and 599")
    if b"content-type" not in dict(headers):
        headers.append((b"content-type", b"application/json"))
    return Answer(envelope.status_code, headers, body)


def _lines(headers: dict[str, HeaderValue]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers.items():
        for line in value if isinstance(value, list) else (value,):
            text = ("true" if line else "false") if isinstance(line, bool) else str(line)
            yield name.encode(), text.encode()


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers fit to be sent on, names in lower case. Raises Refusal for one that would break the answer apart."""
    kept: Headers = []
    for name, value in headers:
        lowered = name.lower()
        if lowered in HOP_BY_HOP:
            continue
        if not _TOKEN.fullmatch(lowered) or _BAD_VALUE.search(value):
            raise _bad_envelope("a header is not valid")
        kept.append((lowered, value))
    return kept


def _bad_envelope(reason: str) -> Refusal:
    return Refusal(500, "FSS.1202", f"{_NO_ENVELOPE} ({reason})")


def refusal_of(failure: Failure) -> Refusal:
    """How a call that did not end with the function's own answer is told to whoever waits for it."""
    kind = failure.kind
    if kind is FailureKind.TIMEOUT:
        return Refusal(504, "FSS.0504", _told("Gateway timeout", failure))
    if kind in (FailureKind.NO_CAPACITY, FailureKind.THROTTLED):
        return overloaded()
    if kind is FailureKind.DISABLED:
        return disabled()
    if kind is FailureKind.FUNCTION_GONE:
        return no_function()
    if kind in _BROKEN:
        return Refusal(502, "FSS.0502", _told("Bad gateway", failure))
    if kind in _NOT_READY:
        return unavailable(_reason(failure))
    return Refusal(500, "FSS.0500", _told("Internal server error", failure))


def _told(title: str, failure: Failure) -> str:
    return f"{title}: {_reason(failure)}."


def _reason(failure: Failure) -> str:
    return failure.message or str(failure.kind).replace("_", " ")
