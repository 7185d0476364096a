"""From messages to the event of FunctionGraph's SMN trigger. Pure: the same records give the same bytes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import Record
from sluice_smn.notice import told_message
from sluice_smn.settings import SmnSettings
from sluice_smn.times import spoken

_json = msgspec.json.encode


def shape(binding: Binding, settings: SmnSettings, records: Sequence[Record]) -> bytes:
    """The event of one batch: one element of `record` for each message."""
    event: dict[str, Any] = {"record": [_element(binding, record) for record in records]}
    if settings.outer_fields:
        last = records[-1]
        event |= {"functionname": binding.function.split(":")[6], "requestId": last.id, "timestamp": spoken(last.time_ms)}
    return _json(event)


def _element(binding: Binding, record: Record) -> dict[str, Any]:
    return {
        "event_version": "1.0",
        "event_source": "smn",
        "event_subscription_urn": binding.function,
        "smn": told_message(record),
    }
