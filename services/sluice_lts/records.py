"""From a log to a record."""

import msgspec

from sluice.event import Record
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
