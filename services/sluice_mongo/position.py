"""Where reading goes on: a resume token and the cluster time that belongs to it. Pure."""

import re
from typing import Any, NamedTuple

import msgspec

_HEX_TIME = re.compile(r"82([0-9A-Fa-f]{8})([0-9A-Fa-f]{8})")


class Time(NamedTuple):
    """Cluster time: seconds since the epoch, and a count within the second."""

    seconds: int
    increment: int


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far reading of what is there has come."""

    collection: str = ""
    """The collection that is read; "": none yet."""
    after: dict[str, Any] | None = None
    """`{"_id": …}` of the document that was read last, in Extended JSON."""


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the ledger keeps, as JSON text.

    With a token, reading goes on after it. Without, it goes on at `time`, but for changes of that very time up to `passed`, which were
    handed over. With a snapshot, what is there is read first.
    """

    time: Time
    token: dict[str, Any] | None = None
    """The server's own, in Extended JSON."""
    passed: str = ""
    snapshot: Snapshot | None = None

    def text(self) -> str:
        return _encode(self).decode()

    @property
    def at_its_time(self) -> "Position":
        """The same place without the token. What was handed over of that time is left out if its tokens can be told to be earlier."""
        return Position(self.time, passed=self.passed or data_of(self.token))


def position(text: str) -> Position:
    """The inverse of `text`."""
    return _decode(text)


def data_of(token: dict[str, Any] | None) -> str:
    """The part of a token that grows with its place in the log; "" where a server has other tokens."""
    data = token.get("_data") if token else None
    return data if isinstance(data, str) else ""


def time_of(token: dict[str, Any], otherwise: Time) -> Time:
    """The cluster time with which the tokens of MongoDB begin."""
    found = _HEX_TIME.match(data_of(token))
    return Time(int(found[1], 16), int(found[2], 16)) if found else otherwise


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Position).decode
