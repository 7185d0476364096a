"""From a log to a record."""

import msgspec

from sluice.event import GAP, Record
from sluice_lts.log import Log

_encode = msgspec.json.encode


def record_of(source: str, log: Log, identifier: str = "", position: str = "") -> Record:
    """Keys are hosts, so that `ordering: key` keeps the order of each."""
    return Record(
        _encode(log),
        source,
        position or log.log_uid,
        log.time,
        key=log.host_name.encode() or None,
        id=identifier,
        trace=log.trace,
    )


def gap_record(path: str, start: str, to: str, policy: str, time_ms: int) -> Record:
    """Stands for what the file no longer holds: `start` was to be read next, and reading goes on at `to`."""
    lost = {"path": path, "from": start, "to": to, "position_lost": policy}
    return Record(None, path, start, time_ms, id=f"gap:{path}:{start}:{to}", attributes=((GAP, _encode(lost).decode()),))
