"""The settings of a timer: FunctionGraph's four names, and ours for what was missed."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice.schedule import INVALID, Schedule, parse

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
LONGEST_USER_EVENT = 64 * 1024
"""Characters; the event must stay far below what an asynchronous invocation may carry."""


class TimerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`event_data` of TIMER. Decoding refuses unknown keys and wrong types by name, and schedules that are wrong (Invalid, FSS.1109)."""

    name: str
    """Comes as `trigger_name` in every event."""
    schedule_type: Literal["Rate", "Cron"]
    schedule: str
    """`3m`, `2h`, `1d` for Rate; `@every 1.5h` or `[CRON_TZ=<zone> ]seconds minutes hours day-of-month month [day-of-week]` for Cron."""
    user_event: str = ""
    """Copied into every event, character for character."""

    misfire: Literal["skip", "once", "all"] = "skip"
    """What happens to instants that passed while nobody could fire: none, the newest alone, or each of them."""
    misfire_grace: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    """Seconds by which an instant may be late before it counts as missed; a restart or a change of owner takes less."""
    misfire_max: Annotated[int, Meta(ge=1, le=1000)] = 100
    """With `all`: at most this many, the newest ones."""
    misfire_max_age: Annotated[int, Meta(ge=1, le=2_592_000)] = 86_400
    """Seconds. With `once` and `all`: nothing older than this."""

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise Invalid(faults, INVALID)

    @property
    def parsed(self) -> Schedule:
        """The schedule; the same settings give the same object."""
        return parse(self.schedule_type, self.schedule)

    def _faults(self) -> Iterator[Fault]:
        if not _NAME.fullmatch(self.name):
            yield Fault("name", "has 1-64 letters, digits, _ or -, starts with a letter and ends with a letter or digit")
        if len(self.user_event) > LONGEST_USER_EVENT:
            yield Fault("user_event", f"has at most {LONGEST_USER_EVENT} characters")
        try:
            schedule = self.parsed
        except Invalid as invalid:
            yield from invalid.faults
            return
        if schedule.after(0) is None:
            yield Fault("schedule", f"{self.schedule[:80]!r} names a day that never comes")
