"""Requests to a function's server, as bytes. What is the same for all calls of a version is made once."""

from sluice.event import id_text
from sluice.function import Function
from sluice.runner import Call
from sluice.urn import parse
from sluice_runner.replay import TOKEN, BadEvent, clean, event_headers, read_event, target

_REQUEST_ID = b"X-Cff-Request-Id: "


class Requests:
    """Makes the requests of one function version."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.identity = identity(function)
        self._fixed = b"POST /invoke HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\n" + self.identity + _REQUEST_ID
        self._variants: dict[tuple[int, str, str], bytes] = {}

    def init(self, request_id: str) -> bytes:
        """POST /init with an empty object."""
        head = b"POST /init HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Type: application/json\r\n"
        return b"".join((head, self.identity, _REQUEST_ID, request_id.encode(), b"\r\nContent-Length: 2\r\n\r\n{}"))

    def invoke(self, call: Call) -> bytes:
        """POST /invoke with the event as it is."""
        body = call.body
        return b"".join((self._fixed, id_text(call.id).encode(), self._variant(call), b"%d\r\n\r\n" % len(body), body))

    def replay(self, call: Call) -> tuple[bytes, bool]:
        """The original request of an APIG event, and whether it is a HEAD. Raises BadEvent."""
        event = read_event(call.body)
        method = event.http_method.upper()
        if not method or not set(method) <= TOKEN:
            raise BadEvent("httpMethod is not a method")
        line = f"{method} {target(event)} HTTP/1.1\r\n".encode()
        body = event.content()
        parts = (line, event_headers(event), self.identity, _REQUEST_ID, id_text(call.id).encode(), self._variant(call))
        return b"".join((*parts, b"%d\r\n\r\n" % len(body), body)), method == "HEAD"

    def _variant(self, call: Call) -> bytes:
        key = (call.attempt, call.mode, call.qualifier)
        known = self._variants.get(key)
        if known is None:
            if len(self._variants) > 256:
                self._variants.clear()
            known = self._variants[key] = _variant(*key)
        return b"".join((b"\r\ntraceparent: ", clean(call.trace).encode(), known)) if call.trace else known


def identity(function: Function) -> bytes:
    """The headers that say which function this is."""
    urn = parse(function.urn, region="", project="")
    values = {
        "X-Cff-Memory": str(function.memory_mb),
        "X-Cff-Timeout": f"{function.timeout_s:g}",
        "X-Cff-Func-Timeout": f"{function.timeout_s:g}",
        "X-Cff-Func-Name": urn.name,
        "X-Cff-Func-Version": urn.qualifier,
        "X-Cff-Project-Id": urn.project,
        "X-Cff-Package": urn.package,
        "X-Cff-Region": urn.region,
    }
    return "".join(f"{name}: {value}\r\n" for name, value in values.items()).encode()


def _variant(attempt: int, mode: str, qualifier: str) -> bytes:
    """From the end of the request id to the start of the length."""
    tag = f"X-Cff-Origin-Version-Tag: {clean(qualifier)}\r\n" if qualifier else ""
    return f"\r\nX-Sluice-Attempt: {attempt}\r\nX-Cff-Invoke-Type: {clean(mode)}\r\n{tag}Content-Length: ".encode()
