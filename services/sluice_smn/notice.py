"""A message of a topic, whichever way it came."""

import msgspec

from sluice.event import Record
from sluice.text import text
from sluice_smn.times import iso

SUBJECT, TIMESTAMP, ATTRIBUTES = "subject", "timestamp", "message_attributes"
"""Attributes of a record, each there only if the message has it; the last one is JSON text."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """`time` is the publisher's, as it is written; `attributes` JSON text of an object, "" for none."""

    id: str
    message: bytes
    time_ms: int
    time: str = ""
    subject: str = ""
    attributes: str = ""
    trace: str = ""

    def record(self, topic: str) -> Record:
        known = ((SUBJECT, self.subject), (TIMESTAMP, self.time), (ATTRIBUTES, self.attributes))
        return Record(
            self.message,
            topic,
            self.id,
            self.time_ms,
            id=self.id,
            trace=self.trace,
            attributes=tuple((name, value) for name, value in known if value),
        )


def told_message(record: Record) -> dict[str, object]:
    """The message as the function sees it; pure."""
    known = dict(record.attributes)
    return {
        "topic_urn": record.source,
        "timestamp": known.get(TIMESTAMP) or iso(record.time_ms),
        "message_attributes": msgspec.Raw(known.get(ATTRIBUTES, "null").encode()),
        "message": text(record.value or b""),
        "type": "notification",
        "message_id": record.id,
        "subject": known.get(SUBJECT),
    }
