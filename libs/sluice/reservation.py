"""Reserved instances: how many a function version keeps warm, by number, by schedule and by how busy they are. Pure."""

import math
from collections.abc import Iterator

import msgspec

from sluice.schedule import parse

MOST_INSTANCES = 1000
"""No function version keeps more than so many."""


class ReservedSchedule(msgspec.Struct, frozen=True):
    """From each instant of `cron` (UTC) in [begins, ends) on, and until `ends`: `count` instances. Times are seconds since the epoch."""

    cron: str
    count: int
    begins: float
    ends: float


class ReservedUse(msgspec.Struct, frozen=True):
    """So many instances that at most `threshold` percent of their places are taken, and at least `least`."""

    threshold: int
    least: int


class Reservation(msgspec.Struct, frozen=True):
    """What a version or an alias keeps warm; `urn` has the version or `!alias`."""

    urn: str
    count: int
    schedules: tuple[ReservedSchedule, ...] = ()
    uses: tuple[ReservedUse, ...] = ()

    def scheduled(self, now: float) -> int:
        """The number in force at `now`: that of the schedule which fired last, the larger one of two that fired together; without one,
        `count`."""
        fired = max(((at, schedule.count) for schedule in self.schedules for at in _last(schedule, now)), default=None)
        return fired[1] if fired else self.count

    def changes(self, now: float) -> float:
        """The first instant after `now` at which `scheduled` may answer something else; infinity if there is none."""
        return min((at for schedule in self.schedules for at in _next(schedule, now)), default=math.inf)

    def wanted(self, now: float, busy: int, places: int) -> int:
        """Instances to keep when `busy` calls run and each instance takes `places`."""
        return min(MOST_INSTANCES, max(self.scheduled(now), *(_used(use, busy, places) for use in self.uses), 0))


def _last(schedule: ReservedSchedule, now: float) -> Iterator[float]:
    if schedule.begins <= now < schedule.ends:
        # The search excludes where it begins, and the beginning may itself be an instant of the schedule.
        fired = parse("Cron", schedule.cron).latest(schedule.begins - 1, now)
        if fired is not None:
            yield fired


def _next(schedule: ReservedSchedule, now: float) -> Iterator[float]:
    if now >= schedule.ends:
        return
    fires = parse("Cron", schedule.cron).resume(schedule.begins - 1, max(now, schedule.begins - 1))
    yield min(schedule.ends, fires if fires is not None else math.inf)


def _used(use: ReservedUse, busy: int, places: int) -> int:
    return max(use.least, math.ceil(busy * 100 / (use.threshold * max(1, places))))
