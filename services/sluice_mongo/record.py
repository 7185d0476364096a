"""From a change to a Record."""

import msgspec

from sluice.event import GAP, Record
from sluice_mongo.changes import Change
from sluice_mongo.position import Position
from sluice_mongo.shape import DOCUMENT, METADATA, NOTHING

_encode = msgspec.json.encode


def record_of(change: Change, source: str, metadata: bool) -> Record:
    """`position` is the change's own token; a document of a snapshot has none, and stands at its time and key. The value is what a filter
    looks at, all of the change; where none does it is the document, which is then held once."""
    document = change.document or NOTHING
    attributes: tuple[tuple[str, str], ...] = (("operation", change.operation), ("token", change.token or "{}"), ("ns", change.namespace))
    if change.whole:
        attributes += ((DOCUMENT, document.decode()),)
    if metadata:
        attributes += ((METADATA, _metadata(change)),)
    place = change.token or f"snapshot:{change.time.seconds}.{change.time.increment}:{change.namespace}:{change.key.decode()}"
    return Record(change.whole or document, source, place, change.wall_ms, change.key or None, "", "", attributes)


def gap_record(source: str, start: Position, to: Position, reason: str, policy: str, time_ms: int) -> Record:
    """Stands for what was not read: `start` was the position, and reading goes on at `to`."""
    lost = {"ns": source, "from": start.time.seconds, "to": to.time.seconds, "reason": reason, "position_lost": policy}
    place = f"gap:{start.time.seconds}.{start.time.increment}:{to.time.seconds}.{to.time.increment}"
    return Record(None, source, place, time_ms, attributes=((GAP, _encode(lost).decode()),))


def _metadata(change: Change) -> str:
    """JSON text of what events carry beside FunctionGraph's fields."""
    told = {
        "document_key": change.key.decode(),
        "cluster_time": [change.time.seconds, change.time.increment],
        "time_ms": change.wall_ms,
        "update_description": change.update,
        "full_document_before_change": change.before,
        "snapshot": not change.token,
    }
    return _encode({name: value for name, value in told.items() if value != ""}).decode()
