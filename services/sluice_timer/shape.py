"""From an instant to the event of FunctionGraph's timer. Pure: the same instant gives the same bytes."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice_timer.settings import TimerSettings

_json = msgspec.json.encode


def shape(binding: Binding, settings: TimerSettings, records: Sequence[Record]) -> bytes:
    """One instant is one event. `time` is the scheduled time in the schedule's zone, to the second."""
    moment = datetime.fromtimestamp(int(records[0].position), settings.parsed.offsets.zone)
    return b"".join(
        (
            b'{"version":"v1.0","time":"',
            moment.isoformat(timespec="seconds").encode(),
            b'","trigger_type":"TIMER","trigger_name":',
            _json(settings.name),
            b',"user_event":',
            _json(settings.user_event),
            b"}",
        )
    )
