"""Where the end of an asynchronous event may be reported, and what has to be said of each such place; pure.

The API and `sluice check` both ask here, so that they refuse the same things. In a function and on the wire a destination is one text: the
URN of a function, or a kind and its param as in `OBS:{"bucket": "ends"}`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sluice.decoding import decode
from sluice.errors import Fault, Invalid

FUNCTION, OBJECT_STORE, TOPIC, STREAM, QUEUE = "FunctionGraph", "OBS", "SMN", "DIS", "RocketMQ"
ON_SUCCESS, ON_FAILURE = "on_success", "on_failure"
ENDS = (ON_SUCCESS, ON_FAILURE)
DELIVERED: frozenset[str] = frozenset()
"""The kinds that ends are reported to. Any may be configured; an end for another kind is counted and named, and goes no further."""

_Text = Annotated[str, Meta(min_length=1, max_length=512)]


class Function(msgspec.Struct, forbid_unknown_fields=True):
    """It is called with the end."""

    func_urn: _Text


class ObjectStore(msgspec.Struct, forbid_unknown_fields=True):
    """Each end is an object, removed after `expires` days (0: never)."""

    bucket: _Text
    prefix: Annotated[str, Meta(max_length=512)] = ""
    expires: Annotated[int, Meta(ge=0, le=365)] = 0


class Topic(msgspec.Struct, forbid_unknown_fields=True):
    """Each end is published."""

    topic_urn: _Text


class Stream(msgspec.Struct, forbid_unknown_fields=True):
    """Each end is a record."""

    stream_name: _Text


class Queue(msgspec.Struct):
    """FunctionGraph has not published what it takes: any names and texts."""


KINDS: Mapping[str, type[msgspec.Struct]] = {
    FUNCTION: Function,
    OBJECT_STORE: ObjectStore,
    TOPIC: Topic,
    STREAM: Stream,
    QUEUE: Queue,
}


def faults(end: str, kind: str, param: str) -> Iterator[Fault]:
    """What is wrong with a destination of one end, by `destination` or `param`."""
    allowed = kinds_of(end)
    if kind not in allowed:
        only = f"; {kind} is told of failures only" if kind == QUEUE else ""
        yield Fault("destination", f"is {kind[:40]!r}, and is one of {', '.join(allowed)}{only}")
        return
    try:
        decode(read(param), KINDS[kind])
    except Invalid as refused:
        for fault in refused.faults:
            yield Fault(".".join(filter(None, ("param", fault.field))), fault.rule)


def kinds_of(end: str) -> list[str]:
    """Those that may be told of an end."""
    return [kind for kind in KINDS if end == ON_FAILURE or kind != QUEUE]


def read(param: str) -> dict[str, Any]:
    """A `param`: the text of a JSON object. Raises Invalid."""
    try:
        return msgspec.json.decode(param, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid([Fault("", "is the text of a JSON object")]) from None


def text(kind: str, param: str) -> str:
    """A destination that is not a function, as one text."""
    return f"{kind}:{param}"


def kind_of(destination: str) -> str:
    """Of a destination as one text."""
    first = destination.partition(":")[0]
    return FUNCTION if first == "urn" else first


def undelivered(kind: str) -> str:
    """What to tell somebody who configures the kind; "" where there is nothing to tell."""
    return "" if kind in DELIVERED else f"ends are not reported to {kind} destinations yet: this is kept, and nothing is sent"
