from sluice.v1 import dispatch_pb2 as _dispatch_pb2
from sluice.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InvokeRequest(_message.Message):
    __slots__ = ("project", "function", "body", "trace", "log")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    project: str
    function: str
    body: bytes
    trace: str
    log: bool
    def __init__(self, project: _Optional[str] = ..., function: _Optional[str] = ..., body: _Optional[bytes] = ..., trace: _Optional[str] = ..., log: _Optional[bool] = ...) -> None: ...

class InvokeResponse(_message.Message):
    __slots__ = ("verdict", "reason", "retry_after_s", "event_id", "status", "headers", "body", "failure", "instance", "cold", "duration_ms", "memory_mb", "log")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    COLD_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    verdict: _dispatch_pb2.Verdict
    reason: str
    retry_after_s: float
    event_id: bytes
    status: int
    headers: _containers.RepeatedCompositeFieldContainer[_event_pb2.Header]
    body: bytes
    failure: _event_pb2.Failure
    instance: str
    cold: bool
    duration_ms: float
    memory_mb: float
    log: str
    def __init__(self, verdict: _Optional[_Union[_dispatch_pb2.Verdict, str]] = ..., reason: _Optional[str] = ..., retry_after_s: _Optional[float] = ..., event_id: _Optional[bytes] = ..., status: _Optional[int] = ..., headers: _Optional[_Iterable[_Union[_event_pb2.Header, _Mapping]]] = ..., body: _Optional[bytes] = ..., failure: _Optional[_Union[_event_pb2.Failure, _Mapping]] = ..., instance: _Optional[str] = ..., cold: _Optional[bool] = ..., duration_ms: _Optional[float] = ..., memory_mb: _Optional[float] = ..., log: _Optional[str] = ...) -> None: ...

class InvokeAsyncRequest(_message.Message):
    __slots__ = ("project", "function", "body", "trace", "dedupe")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    DEDUPE_FIELD_NUMBER: _ClassVar[int]
    project: str
    function: str
    body: bytes
    trace: str
    dedupe: str
    def __init__(self, project: _Optional[str] = ..., function: _Optional[str] = ..., body: _Optional[bytes] = ..., trace: _Optional[str] = ..., dedupe: _Optional[str] = ...) -> None: ...

class InvokeAsyncResponse(_message.Message):
    __slots__ = ("verdict", "reason", "retry_after_s", "event_id")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    verdict: _dispatch_pb2.Verdict
    reason: str
    retry_after_s: float
    event_id: bytes
    def __init__(self, verdict: _Optional[_Union[_dispatch_pb2.Verdict, str]] = ..., reason: _Optional[str] = ..., retry_after_s: _Optional[float] = ..., event_id: _Optional[bytes] = ...) -> None: ...
