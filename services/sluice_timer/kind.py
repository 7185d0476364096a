"""What the mesh knows of the timer kind."""

import time

from sluice.binding import Binding, Mode, Ordering
from sluice.clock import Clock, SystemClock
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_timer.clockwork import Clockwork
from sluice_timer.settings import TimerSettings
from sluice_timer.shape import shape
from sluice_timer.trigger import TimerTrigger


def timer_kind(clock: Clock | None = None, clockwork: Clockwork | None = None) -> TriggerKind:
    """The kind, all of whose triggers share one clockwork."""
    shared = Clockwork(clock or SystemClock()) if clockwork is None else clockwork

    def build(binding: Binding, settings: TimerSettings) -> Trigger:
        return TimerTrigger(binding, settings, shared)

    return TriggerKind(
        name="timer",
        types=("TIMER",),
        settings=TimerSettings,
        shape=shape,
        build=build,
        modes=(Mode.RECORDED,),
        orderings=(Ordering.NONE, Ordering.SOURCE),
        source_of=source_of,
        sample=sample,
    )


def source_of(settings: TimerSettings) -> str:
    """The schedule: a changed one begins anew."""
    return f"{settings.schedule_type} {settings.schedule}"


def sample(_settings: TimerSettings) -> Record:
    """The fire of this minute; what a timer's function receives does not depend on a value."""
    minute = int(time.time()) // 60 * 60
    return Record(None, "schedule", str(minute), minute * 1000)


KIND = timer_kind()
