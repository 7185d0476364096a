"""From notifications to records: where each stands, and what tells it from the others."""

from datetime import datetime

import msgspec

from sluice.event import Record, event_id, id_text
from sluice.filters import Match
from sluice_obs.keys import Encoding, key_of, read
from sluice_obs.notification import Told, parse
from sluice_obs.selection import Selection
from sluice_obs.shape import element


class Recorder:
    """Makes records for one trigger. `region` is told where the store tells none; `configuration` is the notification's name."""

    def __init__(self, region: str, configuration: str, encoding: Encoding) -> None:
        self._region = region
        self._configuration = configuration
        self._encoding = encoding

    def records(self, text: bytes | str, now_ms: int) -> list[Record]:
        """One for each thing that the text tells, whatever bucket it is of. Raises NotANotification."""
        return [self._record(told, now_ms) for told in parse(text)]

    def _record(self, told: Told, now_ms: int) -> Record:
        key = key_of(told.s3.thing.key, told.source or "", self._encoding)
        value = element(told, key, region=self._region, configuration=self._configuration)
        name = _id(told, key)
        return Record(value, told.s3.bucket.name, told.s3.thing.sequencer or name, _time_ms(told.time, now_ms), key=key, id=name)


def _id(told: Told, key: bytes) -> str:
    """The same each time that a store tells of the same thing. Where it gives neither sequencer nor version, time and request must do."""
    thing = told.s3.thing
    own = f"{thing.sequencer or ''} {thing.version or ''}"
    if not own.strip():
        request = told.responded.request if told.responded else ""
        own = f"{told.time} {request} {thing.etag}"
    return id_text(event_id(told.s3.bucket.name, key, told.event.removeprefix("s3:"), own))


def _time_ms(text: str | None, now_ms: int) -> int:
    try:
        return int(datetime.fromisoformat(text or "").timestamp() * 1000)
    except (ValueError, OverflowError):
        return now_ms


class _Thing(msgspec.Struct, frozen=True):
    key: str


class _Bucket(msgspec.Struct, frozen=True):
    name: str


class _Store(msgspec.Struct, frozen=True):
    bucket: _Bucket
    thing: _Thing = msgspec.field(name="object")


class _Element(msgspec.Struct, frozen=True):
    event: str = msgspec.field(name="eventName")
    s3: _Store


_decode = msgspec.json.Decoder(_Element).decode


def match_of(bucket: str, selection: Selection) -> Match:
    """Which records a trigger wants, by their values."""

    def match(record: Record) -> str:
        try:
            told = _decode(record.value or b"")
        except (msgspec.MsgspecError, UnicodeError):
            return "the value is no record of a notification"
        if told.s3.bucket.name != bucket:
            return "bucket"
        return selection.misses(told.event, read(told.s3.thing.key))

    return match
