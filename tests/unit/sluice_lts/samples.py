"""Logs as their senders send them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import cramjam
import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sluice_lts.log import Log
from sluice_lts.loki_messages import PushRequest
from sluice_lts.settings import LtsSettings

TIME_NS = 1_772_432_000_123_456_789
TIME_MS = TIME_NS // 1_000_000
OWN: Mapping[str, Any] = {"log_group_id": "97a9d284", "log_topic_id": "1a96b1f2"}


def made(**changes: object) -> LtsSettings:
    return msgspec.convert({**OWN, **changes}, LtsSettings)


def a_log(message: str = "2026-03-02 [WRN] x", **changes: Any) -> Log:
    log = Log(message, TIME_MS, "vm1", "192.0.2.1", "var/log/a.log", "663d-1", 1)
    return msgspec.structs.replace(log, **changes)


def otlp_json(*messages: Any, **record: Any) -> bytes:
    """An OTLP request in JSON; each message is the body's AnyValue, or a text."""
    bodies = [{"stringValue": message} if isinstance(message, str) else message for message in messages]
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "vm1"}}]}
    records = [{"timeUnixNano": str(TIME_NS), "body": body, **record} for body in bodies]
    return json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}).encode()


def otlp_protobuf(*messages: str, time_ns: int = TIME_NS) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for message in messages:
        record = records.add(time_unix_nano=time_ns)
        record.body.string_value = message
    return request.SerializeToString()


def loki_json(*lines: str, labels: Mapping[str, str] | None = None) -> bytes:
    values: Sequence[Any] = [[str(TIME_NS), line] for line in lines]
    return json.dumps({"streams": [{"stream": labels or {"app": "a"}, "values": values}]}).encode()


def loki_protobuf(*lines: bytes, labels: str = '{app="a"}') -> bytes:
    push = PushRequest()
    stream = push.streams.add(labels=labels)
    for line in lines:
        entry = stream.entries.add(line=line)
        entry.timestamp.FromNanoseconds(TIME_NS)
    return bytes(cramjam.snappy.compress_raw(push.SerializeToString()))
