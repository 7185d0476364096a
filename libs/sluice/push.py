"""Requests that are sent to triggers: what a pushed source hands over through the gateway, and what it is answered."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

MAX_PUSH_BYTES = 15 * 1024 * 1024
"""Largest body of a request to a trigger (bytes); with its headers it fits one message of the wire."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request to a trigger. `path` is what follows the trigger's address, "" or "/…", still escaped and without the query; names
    of headers are in lower case, a header that was sent twice has its values joined by ", "."""

    method: str = "POST"
    path: str = ""
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    sender: str = ""
    """The address it came from."""
    is_local: bool = False
    """Whether only this machine can reach the door that it came through."""
    is_known: bool = False
    """Whether the gateway knows the sender as somebody who may publish in the trigger's project: then nothing else need be shown."""
    id: str = ""
    """What the sender is told as `X-Cff-Request-Id`: the same for all triggers that it is published to; another when it is sent again."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the sender is answered. Content-Length is added when it is sent."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Serve = Callable[[Request], Awaitable[Answer]]
"""Answers one request. An exception is a bug: the sender is told 500."""


class Doors(Protocol):
    """The way from the gateway to the triggers. Both raise Unavailable when the kind's service is not there."""

    async def send(self, kind: str, trigger: str, request: Request) -> Answer:
        """To the trigger's own address. 404 if no such trigger of the kind runs, 503 while it is being started."""
        ...

    async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
        """To every trigger of the project that serves the topic, and answered as the one that was worst off. 404 if there is none, 503
        while some of the kind's triggers in the project are being started: one of them may be for this topic."""
        ...


def problem(status: int, message: str, *, retry_after_s: float = 0.0) -> Answer:
    """An answer that says what is wrong, in the API's form."""
    headers = [("content-type", "application/json")]
    if retry_after_s:
        headers.append(("retry-after", str(max(1, round(retry_after_s)))))
    body = msgspec.json.encode({"error_code": f"FSS.0{status}", "error_msg": message})
    return Answer(status, body, tuple(headers))
