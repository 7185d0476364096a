"""From an instant to the event of FunctionGraph's timer. Pure: the same instant gives the same bytes."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice.offsets import Offsets
from sluice_timer.settings import TimerSettings

_json = msgspec.json.encode


def shape(binding: Binding, settings: TimerSettings, records: Sequence[Record]) -> bytes:
    """One instant is one event. `time` is the scheduled time in the schedule's zone, to the second."""
    return b"".join(
        (
            b'{"version":"v1.0","time":"',
            _time(records[0].position, settings.parsed.offsets),
            b'","trigger_type":"TIMER","trigger_name":',
            _json(settings.name),
            b',"user_event":',
            _json(settings.user_event),
            b"}",
        )
    )


@lru_cache(maxsize=256)
def _time(position: str, offsets: Offsets) -> bytes:
    """RFC 3339 with a numeric offset; many timers fire at the same instant."""
    return datetime.fromtimestamp(int(position), offsets.zone).isoformat(timespec="seconds").encode()
