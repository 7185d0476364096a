"""One thing that somebody did, as FunctionGraph's CTS trigger tells it."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Status = Literal["normal", "warning", "incident"]
"""It was done; it was refused; it failed."""


class Domain(msgspec.Struct, frozen=True):
    name: str = ""
    id: str = ""


class User(msgspec.Struct, frozen=True):
    name: str = ""
    id: str = ""
    domain: Domain = Domain()


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The `cts` of an event, field for field and in their order. Times are whole seconds since the epoch; `code` is the HTTP status of
    what was asked for, 0 where there was none."""

    time: int
    user: User = User()
    request: Any = {}
    response: Any = {}
    code: int = 0
    service_type: str
    resource_type: str
    resource_name: str = ""
    resource_id: str = ""
    trace_name: str
    trace_type: str = "ApiCall"
    record_time: int
    trace_id: str
    trace_status: Status = "normal"


class Named(msgspec.Struct, frozen=True):
    """A trace, and what tells it from every other of its trail: the same name, the same trace."""

    name: str
    trace: Trace


def status_of(code: int) -> Status:
    """What an HTTP status says of the thing that was asked for."""
    if code >= 500:
        return "incident"
    return "warning" if code >= 400 else "normal"


def seconds(text: str) -> int:
    """An RFC 3339 time as whole seconds since the epoch. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text[:40]!r} has no offset")
    return int(moment.timestamp())
