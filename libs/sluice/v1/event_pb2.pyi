from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Events(_message.Message):
    __slots__ = ("ids", "bodies", "lanes", "records", "traces", "choices", "refusals")
    IDS_FIELD_NUMBER: _ClassVar[int]
    BODIES_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    ids: bytes
    bodies: _containers.RepeatedScalarFieldContainer[bytes]
    lanes: _containers.RepeatedScalarFieldContainer[str]
    records: _containers.RepeatedScalarFieldContainer[int]
    traces: _containers.RepeatedScalarFieldContainer[str]
    choices: _containers.RepeatedScalarFieldContainer[str]
    refusals: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[bytes] = ..., bodies: _Optional[_Iterable[bytes]] = ..., lanes: _Optional[_Iterable[str]] = ..., records: _Optional[_Iterable[int]] = ..., traces: _Optional[_Iterable[str]] = ..., choices: _Optional[_Iterable[str]] = ..., refusals: _Optional[_Iterable[str]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("id", "body", "lane", "records", "trace", "choice", "refused")
    ID_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    CHOICE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    body: bytes
    lane: str
    records: int
    trace: str
    choice: str
    refused: str
    def __init__(self, id: _Optional[bytes] = ..., body: _Optional[bytes] = ..., lane: _Optional[str] = ..., records: _Optional[int] = ..., trace: _Optional[str] = ..., choice: _Optional[str] = ..., refused: _Optional[str] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class HeaderSet(_message.Message):
    __slots__ = ("headers",)
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    headers: _containers.RepeatedCompositeFieldContainer[Header]
    def __init__(self, headers: _Optional[_Iterable[_Union[Header, _Mapping]]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("reply", "kind", "message")
    REPLY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reply: int
    kind: str
    message: str
    def __init__(self, reply: _Optional[int] = ..., kind: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Printed(_message.Message):
    __slots__ = ("reply", "text")
    REPLY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    reply: int
    text: str
    def __init__(self, reply: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Replies(_message.Message):
    __slots__ = ("statuses", "bodies", "durations_ms", "memories_mb", "instances", "cold", "header_sets", "headers", "failures", "printed")
    STATUSES_FIELD_NUMBER: _ClassVar[int]
    BODIES_FIELD_NUMBER: _ClassVar[int]
    DURATIONS_MS_FIELD_NUMBER: _ClassVar[int]
    MEMORIES_MB_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    COLD_FIELD_NUMBER: _ClassVar[int]
    HEADER_SETS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    PRINTED_FIELD_NUMBER: _ClassVar[int]
    statuses: _containers.RepeatedScalarFieldContainer[int]
    bodies: _containers.RepeatedScalarFieldContainer[bytes]
    durations_ms: _containers.RepeatedScalarFieldContainer[float]
    memories_mb: _containers.RepeatedScalarFieldContainer[float]
    instances: _containers.RepeatedScalarFieldContainer[str]
    cold: _containers.RepeatedScalarFieldContainer[bool]
    header_sets: _containers.RepeatedCompositeFieldContainer[HeaderSet]
    headers: _containers.RepeatedScalarFieldContainer[int]
    failures: _containers.RepeatedCompositeFieldContainer[Failure]
    printed: _containers.RepeatedCompositeFieldContainer[Printed]
    def __init__(self, statuses: _Optional[_Iterable[int]] = ..., bodies: _Optional[_Iterable[bytes]] = ..., durations_ms: _Optional[_Iterable[float]] = ..., memories_mb: _Optional[_Iterable[float]] = ..., instances: _Optional[_Iterable[str]] = ..., cold: _Optional[_Iterable[bool]] = ..., header_sets: _Optional[_Iterable[_Union[HeaderSet, _Mapping]]] = ..., headers: _Optional[_Iterable[int]] = ..., failures: _Optional[_Iterable[_Union[Failure, _Mapping]]] = ..., printed: _Optional[_Iterable[_Union[Printed, _Mapping]]] = ...) -> None: ...

class SourceKey(_message.Message):
    __slots__ = ("trigger", "incarnation", "source")
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    trigger: str
    incarnation: str
    source: str
    def __init__(self, trigger: _Optional[str] = ..., incarnation: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("name", "message", "retry_after_s")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    message: str
    retry_after_s: float
    def __init__(self, name: _Optional[str] = ..., message: _Optional[str] = ..., retry_after_s: _Optional[float] = ...) -> None: ...
