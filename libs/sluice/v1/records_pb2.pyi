from sluice.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RouteRecord(_message.Message):
    __slots__ = ("project", "trigger", "function", "mode", "kind")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    project: str
    trigger: str
    function: str
    mode: str
    kind: str
    def __init__(self, project: _Optional[str] = ..., trigger: _Optional[str] = ..., function: _Optional[str] = ..., mode: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("at", "what", "detail")
    AT_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    at: float
    what: str
    detail: str
    def __init__(self, at: _Optional[float] = ..., what: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Story(_message.Message):
    __slots__ = ("id", "route", "state", "steps", "failure", "message", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    route: RouteRecord
    state: str
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    failure: str
    message: str
    status: int
    def __init__(self, id: _Optional[bytes] = ..., route: _Optional[_Union[RouteRecord, _Mapping]] = ..., state: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., failure: _Optional[str] = ..., message: _Optional[str] = ..., status: _Optional[int] = ...) -> None: ...

class DeadEvent(_message.Message):
    __slots__ = ("sequence", "event", "route", "end", "failure", "message", "status", "accepted_at", "ended_at", "attempts", "executions", "redriven")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    REDRIVEN_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    event: _event_pb2.Event
    route: RouteRecord
    end: str
    failure: str
    message: str
    status: int
    accepted_at: float
    ended_at: float
    attempts: int
    executions: int
    redriven: bytes
    def __init__(self, sequence: _Optional[int] = ..., event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ..., route: _Optional[_Union[RouteRecord, _Mapping]] = ..., end: _Optional[str] = ..., failure: _Optional[str] = ..., message: _Optional[str] = ..., status: _Optional[int] = ..., accepted_at: _Optional[float] = ..., ended_at: _Optional[float] = ..., attempts: _Optional[int] = ..., executions: _Optional[int] = ..., redriven: _Optional[bytes] = ...) -> None: ...

class DeadFilter(_message.Message):
    __slots__ = ("project", "trigger", "function", "failure", "ids", "since", "until")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    project: str
    trigger: str
    function: str
    failure: str
    ids: _containers.RepeatedScalarFieldContainer[bytes]
    since: float
    until: float
    def __init__(self, project: _Optional[str] = ..., trigger: _Optional[str] = ..., function: _Optional[str] = ..., failure: _Optional[str] = ..., ids: _Optional[_Iterable[bytes]] = ..., since: _Optional[float] = ..., until: _Optional[float] = ...) -> None: ...

class TriggerCounts(_message.Message):
    __slots__ = ("received", "success", "failed", "discarded", "filtered")
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    DISCARDED_FIELD_NUMBER: _ClassVar[int]
    FILTERED_FIELD_NUMBER: _ClassVar[int]
    received: int
    success: int
    failed: int
    discarded: int
    filtered: int
    def __init__(self, received: _Optional[int] = ..., success: _Optional[int] = ..., failed: _Optional[int] = ..., discarded: _Optional[int] = ..., filtered: _Optional[int] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("project", "event")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    project: str
    event: bytes
    def __init__(self, project: _Optional[str] = ..., event: _Optional[bytes] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("story",)
    STORY_FIELD_NUMBER: _ClassVar[int]
    story: Story
    def __init__(self, story: _Optional[_Union[Story, _Mapping]] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("project", "function", "state", "since", "until", "limit", "marker", "states")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MARKER_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    project: str
    function: str
    state: str
    since: float
    until: float
    limit: int
    marker: int
    states: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, project: _Optional[str] = ..., function: _Optional[str] = ..., state: _Optional[str] = ..., since: _Optional[float] = ..., until: _Optional[float] = ..., limit: _Optional[int] = ..., marker: _Optional[int] = ..., states: _Optional[_Iterable[str]] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("stories", "total")
    STORIES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    stories: _containers.RepeatedCompositeFieldContainer[Story]
    total: int
    def __init__(self, stories: _Optional[_Iterable[_Union[Story, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("project", "event", "force")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    project: str
    event: bytes
    force: bool
    def __init__(self, project: _Optional[str] = ..., event: _Optional[bytes] = ..., force: _Optional[bool] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("cancelled",)
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    cancelled: bool
    def __init__(self, cancelled: _Optional[bool] = ...) -> None: ...

class DeadRequest(_message.Message):
    __slots__ = ("which", "after", "limit")
    WHICH_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    which: DeadFilter
    after: int
    limit: int
    def __init__(self, which: _Optional[_Union[DeadFilter, _Mapping]] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class DeadResponse(_message.Message):
    __slots__ = ("dead", "cut")
    DEAD_FIELD_NUMBER: _ClassVar[int]
    CUT_FIELD_NUMBER: _ClassVar[int]
    dead: _containers.RepeatedCompositeFieldContainer[DeadEvent]
    cut: bool
    def __init__(self, dead: _Optional[_Iterable[_Union[DeadEvent, _Mapping]]] = ..., cut: _Optional[bool] = ...) -> None: ...

class RedriveRequest(_message.Message):
    __slots__ = ("which", "limit", "dry_run")
    WHICH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    which: DeadFilter
    limit: int
    dry_run: bool
    def __init__(self, which: _Optional[_Union[DeadFilter, _Mapping]] = ..., limit: _Optional[int] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class RedriveResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, events: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PurgeRequest(_message.Message):
    __slots__ = ("which",)
    WHICH_FIELD_NUMBER: _ClassVar[int]
    which: DeadFilter
    def __init__(self, which: _Optional[_Union[DeadFilter, _Mapping]] = ...) -> None: ...

class PurgeResponse(_message.Message):
    __slots__ = ("purged",)
    PURGED_FIELD_NUMBER: _ClassVar[int]
    purged: int
    def __init__(self, purged: _Optional[int] = ...) -> None: ...

class CountsRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class CountsResponse(_message.Message):
    __slots__ = ("counts",)
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TriggerCounts
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TriggerCounts, _Mapping]] = ...) -> None: ...
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    counts: _containers.MessageMap[str, TriggerCounts]
    def __init__(self, counts: _Optional[_Mapping[str, TriggerCounts]] = ...) -> None: ...

class TailRequest(_message.Message):
    __slots__ = ("project",)
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    project: str
    def __init__(self, project: _Optional[str] = ...) -> None: ...

class TailBatch(_message.Message):
    __slots__ = ("stories",)
    STORIES_FIELD_NUMBER: _ClassVar[int]
    stories: _containers.RepeatedCompositeFieldContainer[Story]
    def __init__(self, stories: _Optional[_Iterable[_Union[Story, _Mapping]]] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("function", "at", "calls", "executed", "duration_ms", "least_ms", "most_ms", "function_errors", "system_errors", "rejected", "concurrency", "instances", "reserved", "gb_s")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    LEAST_MS_FIELD_NUMBER: _ClassVar[int]
    MOST_MS_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_ERRORS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_ERRORS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    RESERVED_FIELD_NUMBER: _ClassVar[int]
    GB_S_FIELD_NUMBER: _ClassVar[int]
    function: str
    at: int
    calls: int
    executed: int
    duration_ms: float
    least_ms: float
    most_ms: float
    function_errors: int
    system_errors: int
    rejected: int
    concurrency: int
    instances: int
    reserved: int
    gb_s: float
    def __init__(self, function: _Optional[str] = ..., at: _Optional[int] = ..., calls: _Optional[int] = ..., executed: _Optional[int] = ..., duration_ms: _Optional[float] = ..., least_ms: _Optional[float] = ..., most_ms: _Optional[float] = ..., function_errors: _Optional[int] = ..., system_errors: _Optional[int] = ..., rejected: _Optional[int] = ..., concurrency: _Optional[int] = ..., instances: _Optional[int] = ..., reserved: _Optional[int] = ..., gb_s: _Optional[float] = ...) -> None: ...

class UsedRequest(_message.Message):
    __slots__ = ("project", "function", "since", "until", "bucket_s", "by_function", "by_time", "failures_only")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    BUCKET_S_FIELD_NUMBER: _ClassVar[int]
    BY_FUNCTION_FIELD_NUMBER: _ClassVar[int]
    BY_TIME_FIELD_NUMBER: _ClassVar[int]
    FAILURES_ONLY_FIELD_NUMBER: _ClassVar[int]
    project: str
    function: str
    since: float
    until: float
    bucket_s: int
    by_function: bool
    by_time: bool
    failures_only: bool
    def __init__(self, project: _Optional[str] = ..., function: _Optional[str] = ..., since: _Optional[float] = ..., until: _Optional[float] = ..., bucket_s: _Optional[int] = ..., by_function: _Optional[bool] = ..., by_time: _Optional[bool] = ..., failures_only: _Optional[bool] = ...) -> None: ...

class UsedResponse(_message.Message):
    __slots__ = ("usages",)
    USAGES_FIELD_NUMBER: _ClassVar[int]
    usages: _containers.RepeatedCompositeFieldContainer[Usage]
    def __init__(self, usages: _Optional[_Iterable[_Union[Usage, _Mapping]]] = ...) -> None: ...
