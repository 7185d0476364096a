"""From BSON to Extended JSON, canonical and relaxed, out of one decoding.

The driver's own way (`bson.json_util`) walks a document in Python, twice as slowly as it came; here only what JSON does not know is
looked at one by one.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import bson
import msgspec
from bson import Binary, Int64, ObjectId, json_util
from bson.codec_options import CodecOptions, DatetimeConversion, TypeDecoder, TypeRegistry
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

from sluice_mongo.changes import Change
from sluice_mongo.position import Time

Raw = bytes | memoryview

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_10000_MS = 253_402_300_800_000


class _Int32:
    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


class _Double:
    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value


def _decoder(kind: type, make: Callable[[Any], Any]) -> TypeDecoder:
    # A method of its own would be one more call for every number.
    made: TypeDecoder = type("Decoder", (TypeDecoder,), {"bson_type": kind, "transform_bson": staticmethod(make)})()
    return made


# What both forms write alike stays what JSON knows; the rest becomes something that the encoder asks about.
_LEAVES: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    type_registry=TypeRegistry([_decoder(int, _Int32), _decoder(float, _Double), _decoder(bytes, Binary)]),
    datetime_conversion=DatetimeConversion.DATETIME_MS,
    unicode_decode_error_handler="replace",
)


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _date(value: DatetimeMS) -> dict[str, Any]:
    milliseconds = int(value)
    if not 0 <= milliseconds < _YEAR_10000_MS:
        return {"$date": {"$numberLong": str(milliseconds)}}
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return {"$date": moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{milliseconds % 1000:03}Z" if milliseconds % 1000 else "Z")}


_CANONICAL: dict[type, Callable[[Any], Any]] = {
    _Int32: lambda leaf: {"$numberInt": str(leaf.value)},
    _Double: lambda leaf: {"$numberDouble": _number(leaf.value)},
    Int64: lambda leaf: {"$numberLong": str(int(leaf))},
    ObjectId: lambda leaf: {"$oid": str(leaf)},
    DatetimeMS: lambda leaf: {"$date": {"$numberLong": str(int(leaf))}},
}
_RELAXED: dict[type, Callable[[Any], Any]] = {
    **_CANONICAL,
    _Int32: lambda leaf: leaf.value,
    _Double: lambda leaf: leaf.value if math.isfinite(leaf.value) else {"$numberDouble": _number(leaf.value)},
    Int64: int,
    DatetimeMS: _date,
}


def _encoder(known: dict[type, Callable[[Any], Any]], options: json_util.JSONOptions) -> Callable[[Any], bytes]:
    def other(leaf: Any) -> Any:
        write = known.get(type(leaf))
        return write(leaf) if write else dict(json_util.default(leaf, options))

    return msgspec.json.Encoder(enc_hook=other).encode


_canonical = _encoder(_CANONICAL, json_util.CANONICAL_JSON_OPTIONS)
_relaxed = _encoder(_RELAXED, json_util.RELAXED_JSON_OPTIONS)


def canonical(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of the driver as canonical Extended JSON."""
    raw = document.raw if isinstance(document, RawBSONDocument) else bson.encode(document)
    found: dict[str, Any] = msgspec.json.decode(_canonical(bson.decode(raw, _LEAVES)))
    return found


def from_extended(document: dict[str, Any]) -> dict[str, Any]:
    """What a document in Extended JSON stands for."""
    found: dict[str, Any] = json_util.loads(msgspec.json.encode(document).decode())
    return found


def changes_of(raw: Raw, whole: bool, metadata: bool) -> list[Change]:
    """Events of a change stream, one behind the other. What is not asked for is not made."""
    return [_change(event, whole, metadata) for event in bson.decode_all(raw, _LEAVES)]


def _change(event: dict[str, Any], whole: bool, metadata: bool) -> Change:
    get = event.get
    stamp, wall, namespace = get("clusterTime"), get("wallTime"), get("ns")
    time = Time(stamp.time, stamp.inc) if stamp is not None else Time(0, 0)
    return Change(
        event["operationType"],
        _canonical(event["_id"]).decode(),
        time,
        _part(get("fullDocument")),
        _namespace(namespace["db"], namespace.get("coll", "")) if namespace else "",
        _part(get("documentKey")),
        int(wall) if wall is not None else time.seconds * 1000,
        _relaxed(event) if whole else b"",
        _part(get("updateDescription")).decode() if metadata else "",
        _part(get("fullDocumentBeforeChange")).decode() if metadata else "",
    )


def found_of(raw: Raw, database: str, collection: str, time: Time, whole: bool) -> Change:
    """A document that a snapshot found, as if it had been inserted at that time."""
    document = bson.decode(raw, _LEAVES)
    key, namespace = {"_id": document.get("_id")}, {"db": database, "coll": collection}
    event = {"operationType": "insert", "fullDocument": document, "ns": namespace, "documentKey": key}
    told, wall_ms = _namespace(database, collection), time.seconds * 1000
    return Change("insert", "", time, _canonical(document), told, _canonical(key), wall_ms, _relaxed(event) if whole else b"")


def _part(part: Any) -> bytes:
    return _canonical(part) if part is not None else b""


@lru_cache(maxsize=1024)
def _namespace(database: str, collection: str) -> str:
    return msgspec.json.encode({"db": database, "coll": collection} if collection else {"db": database}).decode()
