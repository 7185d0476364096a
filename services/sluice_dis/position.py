"""Where a shard was read up to, as the ledger keeps it. Pure.

A sequence number alone does not do: a stream forgets records with time, and does not say that it did. So a position says up to when
everything was read as well.
"""

from typing import NamedTuple

ENDED = "SHARD_END"
"""The position of a shard that was closed and read to its end."""
_BEGINNING = "TRIM_HORIZON"


class Position(NamedTuple):
    """All records up to the sequence number `after` ("": none yet), and all that came before `until_ms` (milliseconds since the epoch)."""

    after: str
    until_ms: int

    def __str__(self) -> str:
        """`SEQUENCE@MILLISECONDS`, `@MILLISECONDS` or `TRIM_HORIZON`."""
        return _BEGINNING if self == BEGINNING else f"{self.after}@{self.until_ms}"

    def is_lost(self, now_ms: int, retention_ms: int) -> bool:
        """Whether records may have come after it that the stream no longer holds."""
        return self != BEGINNING and self.until_ms < now_ms - retention_ms


BEGINNING = Position("", 0)
"""Before whatever the shard holds."""


def parse(text: str) -> Position:
    """The inverse of `str`, for anything but ENDED. Raises ValueError."""
    if text == _BEGINNING:
        return BEGINNING
    after, at, until_ms = text.partition("@")
    if not at or not (after.isdecimal() or not after):
        raise ValueError(f"{text[:80]!r} is not a position of a shard")
    return Position(after, int(until_ms))
