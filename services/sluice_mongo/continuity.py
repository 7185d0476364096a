"""Where reading goes on when it cannot go on from its position. Pure."""

from collections.abc import Sequence

from sluice_mongo.position import Position, Snapshot, Time

Policy = str
"""`position_lost` of the settings."""


def next_best(policy: Policy, position: Position, log_start: Time | None) -> Sequence[Position | None]:
    """What to try in turn when the log cannot be read from `position`; None is now, which the log always holds."""
    if policy != "start_at_time":
        return (None,)
    tries: list[Position | None] = []
    if position.token is not None:
        tries.append(position.at_its_time)  # the token is bad, and the log may still be whole
    if log_start is not None and log_start > position.time:
        tries.append(Position(log_start))
    return (*tries, None)


def snapshot_from(now: Time) -> Position:
    """Before the first document of a snapshot."""
    return Position(now, snapshot=Snapshot())


def headroom_s(position: Position, log_start: Time) -> int:
    """Seconds of the log behind the position: for so long it could still be read from there if the log went on as it does."""
    return max(position.time.seconds - log_start.seconds, 0)
