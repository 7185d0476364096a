"""When a timer fires: `Rate`, `Cron` and `@every`, as FunctionGraph reads them.

Everything here is a pure function of its arguments. An instant is in seconds since the epoch, and a whole second.
"""

import re
from functools import lru_cache
from typing import Protocol

from sluice.cron import Cron
from sluice.errors import Fault, Invalid
from sluice.offsets import Offsets, offsets

INVALID = "FSS.1109"
_RATE = re.compile(r"([0-9]{1,9})([mhd])")
_RATE_UNITS = {"m": (60, 60), "h": (3600, 24), "d": (86_400, 30)}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)")
_PART = re.compile(r"([0-9.]+)(\D+)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LONGEST_NS = 2**63 - 1


class Schedule(Protocol):
    """The instants at which a timer fires. A periodic one counts from where it began; a cron expression knows no beginning."""

    @property
    def offsets(self) -> Offsets:
        """The zone in which the event's time is written."""
        ...

    def after(self, instant: float) -> float | None:
        """The first instant after the given one, which is itself taken as an instant of the schedule. None: it never fires again."""
        ...

    def resume(self, since: float, instant: float) -> float | None:
        """The first instant after `instant` of the schedule that fired, or began, at `since`."""
        ...

    def latest(self, since: float, until: float) -> float | None:
        """The last instant in (since, until] of the schedule that fired, or began, at `since`."""
        ...


class Every:
    """A fixed number of whole seconds, counted from one instant to the next."""

    __slots__ = ("offsets", "period_s")

    def __init__(self, period_s: int, zone: Offsets) -> None:
        self.period_s = period_s
        self.offsets = zone

    def after(self, instant: float) -> float:
        return float(instant // 1 + self.period_s)

    def resume(self, since: float, instant: float) -> float:
        began = since // 1
        return float(began + (max(instant - began, 0) // self.period_s + 1) * self.period_s)

    def latest(self, since: float, until: float) -> float | None:
        periods = (until - since // 1) // self.period_s
        return float(since // 1 + periods * self.period_s) if periods >= 1 else None


@lru_cache(maxsize=16_384)
def parse(schedule_type: str, text: str, zone: str = "UTC") -> Schedule:
    """The schedule that the two settings name. `zone` holds where the text has no CRON_TZ.

    The same words give the same object, so that a hundred thousand timers share their schedules. Raises Invalid (FSS.1109).
    """
    try:
        if schedule_type == "Rate":
            return Every(_rate(text), offsets(zone))
        if schedule_type == "Cron":
            return _cron(text, zone)
    except ValueError as fault:
        raise Invalid([Fault("schedule", str(fault))], INVALID) from None
    raise Invalid([Fault("schedule_type", f"{schedule_type[:40]!r} is not 'Rate' or 'Cron'")], INVALID)


def _rate(text: str) -> int:
    found = _RATE.fullmatch(text)
    if not found:
        raise ValueError(f"a Rate is a number and a unit, 1m-60m, 1h-24h or 1d-30d, not {text[:40]!r}")
    number, (seconds, most) = int(found[1]), _RATE_UNITS[found[2]]
    if not 1 <= number <= most:
        raise ValueError(f"a Rate in {found[2]} goes from 1{found[2]} to {most}{found[2]}, not {text[:40]!r}")
    return number * seconds


def _cron(text: str, zone: str) -> Schedule:
    if text.startswith("CRON_TZ="):
        zone, _, text = text.removeprefix("CRON_TZ=").partition(" ")
    text = text.strip()
    where = offsets(zone)
    if text.startswith("@every "):
        return Every(_period(text.removeprefix("@every ").strip()), where)
    if text.startswith("@"):
        raise ValueError(f"of the words with @ there is only '@every <duration>', not {text[:40]!r}")
    return Cron(text, where)


def _period(text: str) -> int:
    """A Go duration in whole seconds, at least one: robfig drops the rest."""
    nanoseconds = 0
    at = 0
    while found := _DURATION.match(text, at):
        nanoseconds += _part(found[0])
        at = found.end()
    if at != len(text) or not text:
        raise ValueError(f"'@every' takes a duration like 30m, 1.5h or 2h30m, not {text[:40]!r}")
    if not 0 < nanoseconds <= _LONGEST_NS:
        raise ValueError(f"'@every' takes a duration above 0 and below 292 years, not {text[:40]!r}")
    return max(1, nanoseconds // 10**9)


def _part(text: str) -> int:
    found = _PART.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a duration")
    whole, _, fraction = found[1].partition(".")
    unit = _NANOSECONDS[found[2]]
    return int(whole or "0") * unit + int(int(fraction or "0") * unit // 10 ** len(fraction))
