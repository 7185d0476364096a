"""Many of one thing in one message: a field for each attribute, short where all are alike (proto/sluice/v1/event.proto)."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import TypeVar

from sluice.errors import SluiceError

Value = TypeVar("Value", str, int, float, bool)

ID_BYTES = 16


class Malformed(SluiceError):
    """A message contradicts itself: the peer speaks another wire, or is broken. Trying again does not help."""


def column(values: list[Value], default: Value) -> list[Value]:
    """Nothing when all are the default, one entry when all are equal, else all of them."""
    if not values:
        return values
    first = values[0]
    if values.count(first) != len(values):
        return values
    return [] if first == default else [first]


def spread(values: Sequence[Value], count: int, default: Value) -> Iterable[Value]:
    """The inverse of `column`: an entry for each of `count` things. Raises Malformed."""
    length = len(values)
    if length == count:
        return values
    if length == 0:
        return repeat(default, count)
    if length == 1:
        return repeat(values[0], count)
    raise Malformed(f"a column has {length} entries for {count}")


def split_ids(joined: bytes, count: int) -> list[bytes]:
    """Ids that stand one after another. Raises Malformed unless there are `count`."""
    if len(joined) != ID_BYTES * count:
        raise Malformed(f"{len(joined)} bytes are not the ids of {count}")
    return [joined[start : start + ID_BYTES] for start in range(0, len(joined), ID_BYTES)]
