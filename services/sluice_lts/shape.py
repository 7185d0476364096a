"""From logs to FunctionGraph's event. Pure: the same records give the same bytes."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from sluice.binding import Binding
from sluice.event import GAP, Record
from sluice.text import text
from sluice_lts.log import Shown
from sluice_lts.settings import LtsSettings

EVENT_BYTES = 75 * 1024
"""FunctionGraph splits above this."""
BATCH_BYTES = 45 * 1024
"""Quotes are escaped once more and the whole is base64: so much becomes about EVENT_BYTES."""

_FIRST, _LAST = b'{"message":"', b',"line_no":'
_encode = msgspec.json.encode
_shown = msgspec.json.Decoder(Shown).decode
_check = msgspec.json.Decoder(msgspec.Raw).decode
"""Makes nothing of it, which costs a quarter; it does not look at how texts are encoded."""


def shape(binding: Binding, settings: LtsSettings, records: Sequence[Record]) -> bytes:
    """`logs` is a JSON text inside the JSON text that is inside the base64."""
    told = _whole if settings.metadata else _part
    gaps = [dict(record.attributes)[GAP].encode() for record in records if record.attributes]
    content: dict[str, Any] = {
        "logs": (b"[%b]" % b",".join([told(record) for record in records if not record.attributes])).decode("utf-8", "replace"),
        "owner": settings.owner or binding.project,
        "log_group_id": settings.log_group_id,
        "log_topic_id": settings.log_topic_id,
    }
    if gaps:
        content["gaps"] = [msgspec.Raw(gap) for gap in gaps]
    return b'{"lts":{"data":"%b"}}' % base64.b64encode(_encode(content))


def _part(record: Record) -> bytes:
    """FunctionGraph's seven come first and in their order, and no text has a quote that is not escaped: what is behind them is cut off."""
    value = record.value or b""
    last = value.find(_LAST) if value.startswith(_FIRST) else -1
    if last < 0:
        return _other(record)
    end = value.find(b",", last + len(_LAST))
    return value if end < 0 else value[:end] + b"}"


def _other(record: Record) -> bytes:
    try:
        return _encode(_shown(record.value or b""))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _foreign(record)


def _whole(record: Record) -> bytes:
    value = record.value or b""
    try:
        _check(value)
        value.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _foreign(record)
    return value


def _foreign(record: Record) -> bytes:
    """Of a value that is none of ours, as somebody may give it to try out a trigger."""
    return _encode(Shown(text(record.value or b""), record.time_ms, "", "", "", record.id or record.position, 1))
