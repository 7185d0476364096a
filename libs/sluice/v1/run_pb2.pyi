from sluice.v1 import catalog_pb2 as _catalog_pb2
from sluice.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CallKeys(_message.Message):
    __slots__ = ("ids", "attempts")
    IDS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ids: bytes
    attempts: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, ids: _Optional[bytes] = ..., attempts: _Optional[_Iterable[int]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("lease", "epoch", "process", "waiting")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    lease: str
    epoch: int
    process: str
    waiting: CallKeys
    def __init__(self, lease: _Optional[str] = ..., epoch: _Optional[int] = ..., process: _Optional[str] = ..., waiting: _Optional[_Union[CallKeys, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("process", "held")
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    process: str
    held: CallKeys
    def __init__(self, process: _Optional[str] = ..., held: _Optional[_Union[CallKeys, _Mapping]] = ...) -> None: ...

class NumberedFunction(_message.Message):
    __slots__ = ("number", "function")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    number: int
    function: _catalog_pb2.Function
    def __init__(self, number: _Optional[int] = ..., function: _Optional[_Union[_catalog_pb2.Function, _Mapping]] = ...) -> None: ...

class Calls(_message.Message):
    __slots__ = ("keys", "bodies", "functions", "timeouts_s", "modes", "qualifiers", "traces", "log")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    BODIES_FIELD_NUMBER: _ClassVar[int]
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_S_FIELD_NUMBER: _ClassVar[int]
    MODES_FIELD_NUMBER: _ClassVar[int]
    QUALIFIERS_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    keys: CallKeys
    bodies: _containers.RepeatedScalarFieldContainer[bytes]
    functions: _containers.RepeatedScalarFieldContainer[int]
    timeouts_s: _containers.RepeatedScalarFieldContainer[float]
    modes: _containers.RepeatedScalarFieldContainer[str]
    qualifiers: _containers.RepeatedScalarFieldContainer[str]
    traces: _containers.RepeatedScalarFieldContainer[str]
    log: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, keys: _Optional[_Union[CallKeys, _Mapping]] = ..., bodies: _Optional[_Iterable[bytes]] = ..., functions: _Optional[_Iterable[int]] = ..., timeouts_s: _Optional[_Iterable[float]] = ..., modes: _Optional[_Iterable[str]] = ..., qualifiers: _Optional[_Iterable[str]] = ..., traces: _Optional[_Iterable[str]] = ..., log: _Optional[_Iterable[bool]] = ...) -> None: ...

class RunRequest(_message.Message):
    __slots__ = ("hello", "functions", "forgotten", "calls", "cancels", "acknowledged", "withdrawn")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    FORGOTTEN_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    CANCELS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    functions: _containers.RepeatedCompositeFieldContainer[NumberedFunction]
    forgotten: _containers.RepeatedScalarFieldContainer[int]
    calls: Calls
    cancels: _containers.RepeatedScalarFieldContainer[bytes]
    acknowledged: int
    withdrawn: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., functions: _Optional[_Iterable[_Union[NumberedFunction, _Mapping]]] = ..., forgotten: _Optional[_Iterable[int]] = ..., calls: _Optional[_Union[Calls, _Mapping]] = ..., cancels: _Optional[_Iterable[bytes]] = ..., acknowledged: _Optional[int] = ..., withdrawn: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("function", "limit")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    function: int
    limit: int
    def __init__(self, function: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class RunResponse(_message.Message):
    __slots__ = ("welcome", "number", "received", "keys", "replies", "credits")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    number: int
    received: int
    keys: CallKeys
    replies: _event_pb2.Replies
    credits: _containers.RepeatedCompositeFieldContainer[Credit]
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., number: _Optional[int] = ..., received: _Optional[int] = ..., keys: _Optional[_Union[CallKeys, _Mapping]] = ..., replies: _Optional[_Union[_event_pb2.Replies, _Mapping]] = ..., credits: _Optional[_Iterable[_Union[Credit, _Mapping]]] = ...) -> None: ...

class UnstartedRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UnstartedResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, events: _Optional[_Iterable[bytes]] = ...) -> None: ...

class InstancesRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("name", "urn", "state", "started_at", "calls", "memory_mb", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    URN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MB_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    urn: str
    state: str
    started_at: float
    calls: int
    memory_mb: float
    reason: str
    def __init__(self, name: _Optional[str] = ..., urn: _Optional[str] = ..., state: _Optional[str] = ..., started_at: _Optional[float] = ..., calls: _Optional[int] = ..., memory_mb: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class InstancesResponse(_message.Message):
    __slots__ = ("instances",)
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    def __init__(self, instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ...) -> None: ...

class LogsRequest(_message.Message):
    __slots__ = ("function", "since", "limit", "follow")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    function: str
    since: float
    limit: int
    follow: bool
    def __init__(self, function: _Optional[str] = ..., since: _Optional[float] = ..., limit: _Optional[int] = ..., follow: _Optional[bool] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("at", "urn", "instance", "stream", "text", "event")
    AT_FIELD_NUMBER: _ClassVar[int]
    URN_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    at: float
    urn: str
    instance: str
    stream: str
    text: str
    event: str
    def __init__(self, at: _Optional[float] = ..., urn: _Optional[str] = ..., instance: _Optional[str] = ..., stream: _Optional[str] = ..., text: _Optional[str] = ..., event: _Optional[str] = ...) -> None: ...

class LogBatch(_message.Message):
    __slots__ = ("lines",)
    LINES_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[LogLine]
    def __init__(self, lines: _Optional[_Iterable[_Union[LogLine, _Mapping]]] = ...) -> None: ...
