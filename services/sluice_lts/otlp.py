"""OTLP's logs, from protobuf (`opentelemetry-proto`) and from JSON, which have the same structure and other leaves."""

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from sluice.errors import Fault, Invalid
from sluice_lts.bodies import check_logs, check_objects
from sluice_lts.log import Log, Nesting, first_text

HOSTS = ("host.name", "k8s.node.name", "service.instance.id")
IPS = ("host.ip",)
PATHS = ("log.file.path", "log.file.name")
_SEVERITIES = ("", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Of each four numbers, from 1 on."""

Message = Callable[[Any], str]
Pairs = Callable[[Iterable[Any]], dict[str, Any]]


class JsonValue(msgspec.Struct, rename="camel", gc=False):
    """An AnyValue: at most one of its fields is there."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bytes_value: str | None = None
    array_value: "JsonArray | None" = None
    kvlist_value: "JsonPairs | None" = None


class JsonArray(msgspec.Struct):
    values: list[JsonValue] = []


class JsonPair(msgspec.Struct, gc=False):
    key: str = ""
    value: JsonValue | None = None


class JsonPairs(msgspec.Struct):
    values: list[JsonPair] = []


class JsonLogRecord(msgspec.Struct, rename="camel"):
    time_unix_nano: int | str = 0
    observed_time_unix_nano: int | str = 0
    severity_number: int | str = 0
    severity_text: str = ""
    body: JsonValue | None = None
    attributes: list[JsonPair] = []
    flags: int = 0
    trace_id: str = ""
    span_id: str = ""


class JsonScopeLogs(msgspec.Struct, rename="camel"):
    log_records: list[JsonLogRecord] = []


class JsonResource(msgspec.Struct):
    attributes: list[JsonPair] = []


class JsonResourceLogs(msgspec.Struct, rename="camel"):
    resource: JsonResource = msgspec.field(default_factory=JsonResource)
    scope_logs: list[JsonScopeLogs] = []


class JsonRequest(msgspec.Struct, rename="camel"):
    resource_logs: list[JsonResourceLogs] = []


_decode_json = msgspec.json.Decoder(JsonRequest).decode


def of_protobuf(body: bytes, sender: str, *, whole: bool = True) -> list[Log]:
    """`whole`: with attributes and resource, which cost as much as all the rest. Raises TooLarge, and Invalid for what is no
    ExportLogsServiceRequest."""
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise Invalid([Fault("body", "is no ExportLogsServiceRequest")]) from error
    return list(_logs(request, sender, _message, _pairs, bytes.hex, whole=whole))


def of_json(body: bytes, sender: str, *, whole: bool = True) -> list[Log]:
    """The same of JSON. Raises TooLarge, and Invalid for what is no ExportLogsServiceRequest."""
    check_objects(body)
    try:
        request = _decode_json(body)
        return list(_logs(request, sender, _message_json, _pairs_json, str.lower, whole=whole))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Invalid([Fault("body", f"is no ExportLogsServiceRequest: {str(error)[:200]}")]) from error


def _logs(request: Any, sender: str, message: Message, pairs: Pairs, id_text: Callable[[Any], str], *, whole: bool) -> Iterator[Log]:
    line, nested = 0, Nesting().nested
    for of_resource in request.resource_logs:
        resource = pairs(of_resource.resource.attributes)
        host, ip, tree = first_text(resource, HOSTS), first_text(resource, IPS) or sender, nested(resource) if whole else {}
        for scope in of_resource.scope_logs:
            check_logs(line + len(scope.log_records))
            for record in scope.log_records:
                line += 1
                attributes = pairs(record.attributes if whole else [pair for pair in record.attributes if pair.key in PATHS])
                yield Log(
                    message=message(record.body),
                    time=(int(record.time_unix_nano) or int(record.observed_time_unix_nano)) // 1_000_000,
                    host_name=host,
                    ip=ip,
                    path=first_text(attributes, PATHS),
                    log_uid="",
                    line_no=line,
                    severity=(record.severity_text or _severity(record.severity_number)) if whole else "",
                    attributes=nested(attributes) if whole else {},
                    resource=tree,
                    trace=_trace(id_text(trace), id_text(record.span_id), record.flags) if (trace := record.trace_id) else "",
                )


def _pairs(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Most values are texts, and there are many: for them nothing is called, nor asked which it is."""
    return {pair.key: pair.value.string_value or _plain(pair.value) for pair in attributes}


def _pairs_json(attributes: Iterable[JsonPair]) -> dict[str, Any]:
    return {pair.key: _plain_json(pair.value) for pair in attributes}


def _message(body: AnyValue) -> str:
    return body.string_value or _shown(_plain(body))


def _message_json(body: JsonValue | None) -> str:
    return _shown(_plain_json(body))


def _shown(body: Any) -> str:
    """A text as it is, anything else as JSON text; nothing is empty."""
    if isinstance(body, str):
        return body
    return "" if body is None else msgspec.json.encode(body).decode()


def _severity(number: int | str) -> str:
    known = number if isinstance(number, int) else 0
    return _SEVERITIES[min((known + 3) // 4, 6)] if known > 0 else ""


def _trace(trace: str, span: str, flags: int) -> str:
    return f"00-{trace}-{span}-{flags & 0xFF:02x}" if len(trace) == 32 and len(span) == 16 else ""


def _plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "bool_value":
            return value.bool_value
        case "double_value":
            return value.double_value
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
    return None


def _plain_json(value: JsonValue | None) -> Any:
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return int(value.int_value)
    if value.double_value is not None:
        return float(value.double_value)
    if value.array_value is not None:
        return [_plain_json(each) for each in value.array_value.values]
    if value.kvlist_value is not None:
        return {pair.key: _plain_json(pair.value) for pair in value.kvlist_value.values}
    return value.bool_value if value.bool_value is not None else value.bytes_value
