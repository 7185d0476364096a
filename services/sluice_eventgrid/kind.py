"""What the mesh knows of the eventgrid kind."""

from sluice.binding import Binding
from sluice.cloudevents import binary
from sluice.event import Record
from sluice.trigger import Trigger, TriggerKind
from sluice_eventgrid.delivery import record_of
from sluice_eventgrid.settings import EventGridSettings
from sluice_eventgrid.shape import shape
from sluice_eventgrid.trigger import EventGridTrigger


def build(binding: Binding, settings: EventGridSettings) -> Trigger:
    """The trigger of a binding."""
    return EventGridTrigger(settings)


def source_of(settings: EventGridSettings) -> str:
    """The channel; there are no positions, but ids of events count within it."""
    return settings.channel_id


def sample(settings: EventGridSettings) -> Record:
    """One that the settings choose."""
    attributes = {
        "id": "sample",
        "specversion": "1.0",
        "source": settings.source_name or "sample",
        "type": settings.event_types[0] if settings.event_types else "sample",
        "subject": f"{settings.subject_prefix}sample",
    }
    return record_of(binary(attributes, "application/json", b'{"hello":"world"}'), 0)


KIND = TriggerKind(
    name="eventgrid",
    types=("EVENTGRID",),
    settings=EventGridSettings,
    shape=shape,
    build=build,
    source_of=source_of,
    replayable=False,
    pushed=True,
    sample=sample,
    selects=EventGridSettings.selects,
)
