"""CloudEvents 1.0: what comes in, checked, as one JSON text each. Pure. After the specification's core, JSON format and HTTP binding.

Whatever form an event came in, its text is the same: attributes in one order, then extensions as they came, then the data. JSON data is
kept character for character, so that no number is rounded on the way.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from sluice.errors import Fault, Invalid

VERSION = "1.0"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LONGEST_NAME = 512
"""Characters of what an event goes by; what is longer goes by its hash."""

_FAMILY = "application/cloudevents"
_PREFIX = "ce-"
_ORDER = ("id", "specversion", "source", "type", "datacontenttype", "dataschema", "subject", "time")
_MANDATORY = ("id", "source", "type")
_NAME = re.compile(r"[a-z0-9]+")
_MEDIA = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*(;.*)?", re.DOTALL)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class NotUnderstood(Exception):
    """A message in a form that is none of those read here."""


class CloudEvent(msgspec.Struct, frozen=True, gc=False):
    """One event; `text` is all of it as JSON."""

    id: str
    source: str
    type: str
    text: bytes
    time_ms: int | None = None
    """Its `time` in milliseconds since the epoch, if it has one."""
    partition_key: str = ""
    trace: str = ""
    """A W3C traceparent, or ""."""

    @property
    def identity(self) -> str:
        """What two events have in common that are the same: source and id."""
        return short(f"{self.source}\n{self.id}")  # no attribute holds a line break


def from_http(headers: Mapping[str, str], body: bytes) -> list[CloudEvent]:
    """The events of one HTTP message; names of headers are in lower case. Raises NotUnderstood, or Invalid with every fault of the first
    event that has any."""
    media = media_type(headers.get("content-type", ""))
    if media == STRUCTURED:
        return [structured(body)]
    if media == BATCH:
        return batch(body)
    if media.startswith(_FAMILY):
        raise NotUnderstood(f"of the formats of CloudEvents {STRUCTURED} and {BATCH} are understood, not {media[:80]}")
    attributes = {name[3:]: _unescaped(name[3:], value) for name, value in headers.items() if name[:3] == _PREFIX}
    if not attributes:
        raise NotUnderstood(f"it is no CloudEvent: Content-Type is not {STRUCTURED} or {BATCH}, and there are no ce- headers")
    return [binary(attributes, headers.get("content-type", ""), body)]


def structured(body: bytes) -> CloudEvent:
    """An event in the JSON format. Raises Invalid."""
    return _event(_read(_members, body, "an object"), "")


def batch(body: bytes) -> list[CloudEvent]:
    """Events in the JSON batch format; one that is wrong makes all of it Invalid, with its place in the fault's field."""
    return events(_read(_elements, body, "an array"))


def events(elements: Sequence[msgspec.Raw], field: str = "") -> list[CloudEvent]:
    """Each element is an event in the JSON format; `field` names where they stand. Raises Invalid."""
    return [_event(_read(_members, element, "an object", f"{field}[{at}]"), f"{field}[{at}].") for at, element in enumerate(elements)]


def binary(attributes: Mapping[str, str], content_type: str, data: bytes) -> CloudEvent:
    """An event whose attributes came beside its data. Raises Invalid."""
    known: dict[str, Any] = dict(attributes)
    faults = []
    if "datacontenttype" in known:
        faults.append(Fault("datacontenttype", "is the message's content type and no attribute beside it"))
    if content_type:
        known["datacontenttype"] = content_type
    return _made(known, _data_of(content_type, data), faults, "")


def short(name: str) -> str:
    """The name, or what stands for it where it is over LONGEST_NAME."""
    return name if len(name) <= LONGEST_NAME else hashlib.sha256(name.encode()).hexdigest()


def traceparent(text: str) -> str:
    """Itself, or "" for what is none."""
    return text if _TRACE.fullmatch(text) else ""


def media_type(content_type: str) -> str:
    """Without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def _read(decode: Any, body: bytes | msgspec.Raw, form: str, field: str = "") -> Any:
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid([Fault(field, f"is not {form} in JSON: {_told(error)}")]) from None


def _told(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _event(members: dict[str, msgspec.Raw], field: str) -> CloudEvent:
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name, raw in members.items():
        try:
            values[name] = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            faults.append(Fault(field + name[:40], f"cannot be read: {_told(error)}"))
    data = ("data", members["data"]) if "data" in members else None
    coded = values.pop("data_base64", None)
    values.pop("data", None)
    if coded is not None:
        if data is not None:
            faults.append(Fault(field + "data_base64", "goes not together with data"))
        elif not _is_base64(coded):
            faults.append(Fault(field + "data_base64", "is not Base64"))
        data = ("data_base64", members["data_base64"])
    return _made({name: value for name, value in values.items() if value is not None}, data, faults, field)


def _is_base64(value: object) -> bool:
    try:
        return isinstance(value, str) and base64.b64decode(value, validate=True) is not None
    except (binascii.Error, ValueError):
        return False


def _made(attributes: dict[str, Any], data: tuple[str, msgspec.Raw] | None, faults: list[Fault], field: str) -> CloudEvent:
    faults += [Fault(field + name[:40], rule) for name, rule in _faults(attributes)]
    if faults:
        raise Invalid(faults)
    members = {name: attributes.pop(name) for name in _ORDER if name in attributes} | attributes
    if data is not None:
        members[data[0]] = data[1]
    return CloudEvent(
        members["id"],
        members["source"],
        members["type"],
        _encode(members),
        _milliseconds(members["time"]) if "time" in members else None,
        str(members.get("partitionkey", "")),
        traceparent(str(members.get("traceparent", ""))),
    )


def _faults(attributes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    version = attributes.get("specversion")
    if version != VERSION:
        yield "specversion", "is mandatory" if version is None else f"is {VERSION}, not {str(version)[:40]!r}"
    for name in _MANDATORY:
        if name not in attributes:
            yield name, "is mandatory"
    for name, value in attributes.items():
        if name in _ORDER:
            if name != "specversion" and (rule := _attribute_fault(name, value)):
                yield name, rule
        elif rule := _extension_fault(name, value):
            yield name, rule


def _attribute_fault(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        return "is a text that is not empty"
    if _has_control(value):
        return "holds a control character"
    if name == "time" and _milliseconds(value) is None:
        return "is a time as RFC 3339 writes it, like 2026-03-02T12:07:48.955Z"
    if name == "datacontenttype" and not _MEDIA.fullmatch(value):
        return "is a media type, like application/json"
    return ""


def _extension_fault(name: str, value: object) -> str:
    if not _NAME.fullmatch(name) or name == "data":
        return "is no name of an attribute: it has lower-case letters and digits only"
    match value:
        case bool():
            return ""
        case int():
            return "" if _SMALLEST <= value <= _LARGEST else "is over 32 bits"
        case str():
            return "holds a control character" if _has_control(value) else ""
    return "is a text, a boolean or an integer"


def _has_control(text: str) -> bool:
    return not text.isprintable() and _CONTROL.search(text) is not None


def _milliseconds(time: str) -> int | None:
    """None for what is no time."""
    if not _TIME.fullmatch(time):
        return None
    if time[17:19] == "60":  # a leap second
        time = f"{time[:17]}59{time[19:]}"
    try:
        return int(datetime.fromisoformat(time.upper()).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _unescaped(name: str, value: str) -> str:
    """A header's value: percent-encoded UTF-8, or as older senders wrote it, in quotes."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict") if "%" in value else value
    except UnicodeDecodeError:
        raise Invalid([Fault(name[:40], "is not percent-encoded UTF-8")]) from None


def _data_of(content_type: str, data: bytes) -> tuple[str, msgspec.Raw] | None:
    """The member of the JSON format that holds the bytes: JSON as it is, text as text, and anything else in Base64, so that the function
    can have the very bytes again."""
    if not data:
        return None
    media = media_type(content_type)
    if _is_utf8(content_type):
        if not media or media.endswith(("/json", "+json")):
            if _is_json(data):
                return "data", msgspec.Raw(data.strip(b" \t\r\n"))
        elif media.startswith("text/") or media.endswith(("/xml", "+xml")):
            try:
                return "data", msgspec.Raw(_encode(data.decode()))
            except UnicodeDecodeError:
                pass
    return "data_base64", msgspec.Raw(b'"' + base64.b64encode(data) + b'"')


def _is_utf8(content_type: str) -> bool:
    found = _CHARSET.search(content_type)
    return found is None or found[1].lower() in ("utf-8", "utf8", "us-ascii")


def _is_json(data: bytes) -> bool:
    try:
        _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
