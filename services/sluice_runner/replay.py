"""An APIG event turned back into the request it was made of."""

import base64
import binascii
from urllib.parse import quote, urlencode

import msgspec

_HOP_HEADERS = frozenset(
    ("connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)
TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PATH_SAFE = "/:@!$&'()*+,;=-._~%"


class BadEvent(ValueError):
    """The body of a call to an HTTP function is not an APIG event."""


class ApigEvent(msgspec.Struct, rename="camel"):
    """What of an APIG event makes a request."""

    http_method: str = "GET"
    path: str = "/"
    headers: dict[str, str | list[str]] = msgspec.field(default_factory=dict)
    query_string_parameters: dict[str, str | list[str]] | None = None
    body: str | None = None
    is_base64_encoded: bool = True

    def content(self) -> bytes:
        """The request's body. Raises BadEvent."""
        if not self.body:
            return b""
        if not self.is_base64_encoded:
            return self.body.encode()
        try:
            return base64.b64decode(self.body, validate=True)
        except (binascii.Error, ValueError):
            raise BadEvent("body is not base64") from None


_event_decoder = msgspec.json.Decoder(ApigEvent)


def read_event(body: bytes) -> ApigEvent:
    try:
        return _event_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadEvent("the event of an HTTP function is an APIG event") from None


def target(event: ApigEvent) -> str:
    """Path and query, escaped where a request line needs it."""
    path = quote(event.path or "/", safe=_PATH_SAFE)
    path = path if path.startswith("/") else f"/{path}"
    query = urlencode(event.query_string_parameters or {}, doseq=True)
    return f"{path}?{query}" if query else path


def event_headers(event: ApigEvent) -> bytes:
    """The event's headers without those of the hop, and without what only the platform says."""
    lines = ["Host: 127.0.0.1:8000"] if "host" not in event.headers else []
    for name, value in event.headers.items():
        if name.lower() == "host":
            lines.append(f"Host: {clean(value if isinstance(value, str) else value[0])}")
        elif _passes(name):
            lines += [f"{name}: {clean(each)}" for each in ([value] if isinstance(value, str) else value)]
    return "\r\n".join([*lines, ""]).encode()


def _passes(name: str) -> bool:
    lower = name.lower()
    if lower in _HOP_HEADERS or lower == "traceparent" or lower.startswith(("x-cff-", "x-sluice-")):
        return False
    return bool(name) and set(name) <= TOKEN


def clean(value: str) -> str:
    """A header value cannot end its own line."""
    return value.replace("\r", " ").replace("\n", " ").replace("\0", " ")
