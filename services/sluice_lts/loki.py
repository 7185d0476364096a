"""Loki's push API: logs from JSON, and from protobuf."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from sluice.errors import Fault, Invalid
from sluice_lts.bodies import check_logs, check_objects
from sluice_lts.log import Log, Nesting, first_text, message_of
from sluice_lts.loki_messages import PushRequest

HOSTS = ("host", "hostname", "host_name", "instance", "node_name")
PATHS = ("filename", "path", "file")
SEVERITIES = ("level", "severity", "detected_level")
_LABEL = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_.:]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|\})')
_ESCAPES: Mapping[str, str] = {"n": "\n", "t": "\t", "r": "\r"}


class JsonStream(msgspec.Struct):
    values: list[list[Any]]
    stream: dict[str, str] = {}


class JsonPush(msgspec.Struct):
    streams: list[JsonStream]


_decode_json = msgspec.json.Decoder(JsonPush).decode


def of_json(body: bytes, sender: str, *, whole: bool = True) -> list[Log]:
    """`whole`: with labels and structured metadata. Raises TooLarge, and Invalid for what is no push."""
    check_objects(body)
    try:
        streams = _decode_json(body).streams
        check_logs(sum(len(stream.values) for stream in streams))
        nesting = Nesting() if whole else None
        entries = ((stream.stream, *_entry(value)) for stream in streams for value in stream.values)
        return [
            _log(labels, time_ns, line, more, sender, number, nesting) for number, (labels, time_ns, line, more) in enumerate(entries, 1)
        ]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid([Fault("body", f"is no push: {str(error)[:200]}")]) from error


def _entry(value: list[Any]) -> tuple[int, str, Mapping[str, Any]]:
    match value:
        case [str() as time_ns, str() as line]:
            return int(time_ns), line, {}
        case [str() as time_ns, str() as line, dict() as more]:
            return int(time_ns), line, more
    raise ValueError("a value is [nanoseconds as a text, line] and perhaps an object")


def of_protobuf(body: bytes, sender: str, *, whole: bool = True) -> list[Log]:
    """The same of protobuf. Raises TooLarge, and Invalid for what is no push."""
    try:
        streams = PushRequest.FromString(body).streams
    except DecodeError as error:
        raise Invalid([Fault("body", "is no logproto.PushRequest")]) from error
    check_logs(sum(len(stream.entries) for stream in streams))
    logs: list[Log] = []
    nesting = Nesting() if whole else None
    for stream in streams:
        labels = labels_of(stream.labels)
        for entry in stream.entries:
            time_ns = entry.timestamp.seconds * 1_000_000_000 + entry.timestamp.nanos
            more = {pair.name: pair.value for pair in entry.structured_metadata}
            logs.append(_log(labels, time_ns, message_of(entry.line), more, sender, len(logs) + 1, nesting))
    return logs


def labels_of(text: str) -> dict[str, str]:
    """`{name="value", …}` with Go's escapes. Raises Invalid."""
    text = text.strip()
    if text == "{}":
        return {}
    labels: dict[str, str] = {}
    position = 1
    while text.startswith("{"):
        found = _LABEL.match(text, position)
        if not found:
            break
        labels[found[1]] = re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), found[2])
        position = found.end()
        if found[3] == "}" and position == len(text):
            return labels
    raise Invalid([Fault("labels", f'are {text[:80]!r}, and are such as {{app="a"}}')])


def _log(
    labels: Mapping[str, str], time_ns: int, line: str, more: Mapping[str, Any], sender: str, number: int, nesting: Nesting | None
) -> Log:
    known = {**labels, **more} if more else labels
    return Log(
        message=line,
        time=time_ns // 1_000_000,
        host_name=first_text(known, HOSTS),
        ip=sender,
        path=first_text(known, PATHS),
        log_uid="",
        line_no=number,
        severity=first_text(known, SEVERITIES) if nesting else "",
        attributes=nesting.nested(known) if nesting else {},
    )
