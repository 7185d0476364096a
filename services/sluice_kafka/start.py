"""Where to begin reading a partition. Pure."""

from enum import Enum


class Known(Enum):
    """What decides where a partition begins, in this order."""

    LEDGER = "ledger"
    """The claim has a position."""
    GROUP = "group"
    """The consumer group has committed an offset of this partition."""
    SIBLING = "sibling"
    """Another partition of the topic is known, so this one appeared later: it is read from its beginning."""
    NOTHING = "nothing"
    """The first start: `start_position` decides."""


def known_by(position: str | None, committed: int | None, sibling: bool) -> Known:
    if position is not None:
        return Known.LEDGER
    if committed is not None:
        return Known.GROUP
    return Known.SIBLING if sibling else Known.NOTHING
