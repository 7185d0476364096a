"""Answers that the gateway gives by itself, with FunctionGraph's codes."""

import json
import math
from typing import NamedTuple

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """A whole HTTP answer. Content-Length and the request id (`request_id`, else the request's own) are added when it is sent."""

    status: int
    headers: Headers
    body: bytes
    request_id: bytes = b""


class Refusal(Exception):
    """The request ends here."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: float = 0.0, allow: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.allow = allow

    def answer(self) -> Answer:
        headers: Headers = [(b"content-type", b"application/json")]
        if self.retry_after_s:
            headers.append((b"retry-after", b"%d" % math.ceil(self.retry_after_s)))
        if self.allow:
            headers.append((b"allow", self.allow.encode()))
        return Answer(self.status, headers, json.dumps({"error_code": self.code, "error_msg": self.message}).encode())


OVERLOAD = "Your request has been controlled by overload sdk, please retry later"


def unauthorized(reason: str) -> Refusal:
    return Refusal(401, "FSS.0401", f"Unauthorized access: {reason}.")


def forbidden(reason: str) -> Refusal:
    return Refusal(403, "FSS.0403", f"Forbidden: {reason}.")


def not_found() -> Refusal:
    return Refusal(404, "FSS.0404", "The specified resource was not found.")


def not_allowed(allow: str) -> Refusal:
    return Refusal(405, "FSS.0404", "The method is not allowed for this path.", allow=allow)


def no_function() -> Refusal:
    return Refusal(404, "FSS.1051", "The function does not exist.")


def no_version() -> Refusal:
    return Refusal(404, "FSS.1052", "The version does not exist.")


def no_alias() -> Refusal:
    return Refusal(404, "FSS.1053", "The alias does not exist.")


def disabled() -> Refusal:
    return Refusal(429, "FSS.0429", "Function Disabled")


def too_large(limit: int) -> Refusal:
    return Refusal(413, "FSS.0413", f"The request body is too large: at most {limit} bytes.")


def overloaded(retry_after_s: float = 1.0, message: str = OVERLOAD) -> Refusal:
    return Refusal(429, "FSS.0429", message, retry_after_s=retry_after_s or 1.0)


def unavailable(reason: str, retry_after_s: float = 1.0) -> Refusal:
    return Refusal(503, "FSS.0503", f"Service unavailable: {reason}.", retry_after_s=retry_after_s or 1.0)


def too_late(timeout_s: float) -> Refusal:
    return Refusal(504, "FSS.0504", f"Gateway timeout: no answer within {timeout_s:g} s.")
