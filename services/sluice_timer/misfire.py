"""What becomes of instants that passed while nobody could fire. Pure."""

from typing import NamedTuple

from sluice.schedule import Schedule
from sluice_timer.settings import TimerSettings


class Due(NamedTuple):
    """What to fire, in order. The last instant may lie ahead; there is none when the schedule never fires again."""

    instants: list[float]
    missed: bool = False
    """Whether any instant before them is too old to be merely late."""


def due(schedule: Schedule, settings: TimerSettings, since: float, now: float) -> Due:
    """What comes after `since`: the missed instants that are to be fired after all, and the next one.

    An instant is missed when it is more than the grace old; younger ones are late, and fire.
    """
    first = schedule.after(since)
    missed_before = now - settings.misfire_grace
    if first is None or first >= missed_before:
        return Due([] if first is None else [first])
    caught_up = _catch_up(schedule, settings, since, now)
    following = schedule.resume(since, caught_up[-1] if caught_up else missed_before)
    return Due(caught_up if following is None else [*caught_up, following], missed=True)


def _catch_up(schedule: Schedule, settings: TimerSettings, since: float, now: float) -> list[float]:
    """The missed instants that the policy fires after all, oldest first."""
    if settings.misfire == "skip":
        return []
    most = 1 if settings.misfire == "once" else settings.misfire_max
    oldest = max(since, now - settings.misfire_max_age)
    found: list[float] = []
    until = now
    while len(found) < most:
        instant = schedule.latest(since, until)
        if instant is None or instant <= oldest:
            break
        found.append(instant)
        until = instant - 1
    return found[::-1]
