"""Requests that are sent to triggers: what a pushed source hands over through the gateway, and what it is answered."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

MAX_PUSH_BYTES = 16 * 1024 * 1024 - 64 * 1024
"""Largest body of a request to a trigger (bytes): what one gRPC message holds with its headers."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request to a trigger. `path` is what follows the trigger's address, "" or "/…", without the query; names of headers are in
    lower case, a header that was sent twice has its values joined by ", "."""

    method: str = "POST"
    path: str = ""
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    sender: str = ""
    """The address it came from."""
    is_local: bool = False
    """Whether only this machine can reach the door that it came through."""
    is_signed: bool = False
    """Whether the gateway knows the sender as somebody who may publish in the trigger's project: then it shows nothing else."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the sender is answered. Content-Length is added when it is sent."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Serve = Callable[[Request], Awaitable[Answer]]
"""Answers one request. An exception is a bug: the sender is told 500, and comes again."""


class Doors(Protocol):
    """The way from the gateway to the triggers of one kind. Both raise Unavailable when the kind's service is not there."""

    async def send(self, trigger: str, request: Request) -> Answer:
        """To the trigger's own address. 404 if no such trigger runs, 503 while it is being started."""
        ...

    async def publish(self, project: str, topic: str, request: Request) -> Answer:
        """To every trigger of the project that serves the topic: answered like the one that was worst off. 404 if there is none."""
        ...
