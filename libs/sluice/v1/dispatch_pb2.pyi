from sluice.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_DONE: _ClassVar[Verdict]
    VERDICT_RETRY: _ClassVar[Verdict]
    VERDICT_REFUSED: _ClassVar[Verdict]
VERDICT_UNSPECIFIED: Verdict
VERDICT_DONE: Verdict
VERDICT_RETRY: Verdict
VERDICT_REFUSED: Verdict

class ClaimRequest(_message.Message):
    __slots__ = ("session", "key", "assigned")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_FIELD_NUMBER: _ClassVar[int]
    session: str
    key: _event_pb2.SourceKey
    assigned: bool
    def __init__(self, session: _Optional[str] = ..., key: _Optional[_Union[_event_pb2.SourceKey, _Mapping]] = ..., assigned: _Optional[bool] = ...) -> None: ...

class Claimed(_message.Message):
    __slots__ = ("key", "epoch", "position")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    key: _event_pb2.SourceKey
    epoch: int
    position: str
    def __init__(self, key: _Optional[_Union[_event_pb2.SourceKey, _Mapping]] = ..., epoch: _Optional[int] = ..., position: _Optional[str] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("session", "claim")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    CLAIM_FIELD_NUMBER: _ClassVar[int]
    session: str
    claim: Claimed
    def __init__(self, session: _Optional[str] = ..., claim: _Optional[_Union[Claimed, _Mapping]] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SeekRequest(_message.Message):
    __slots__ = ("key", "position")
    KEY_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    key: _event_pb2.SourceKey
    position: str
    def __init__(self, key: _Optional[_Union[_event_pb2.SourceKey, _Mapping]] = ..., position: _Optional[str] = ...) -> None: ...

class Source(_message.Message):
    __slots__ = ("number", "key")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    number: int
    key: _event_pb2.SourceKey
    def __init__(self, number: _Optional[int] = ..., key: _Optional[_Union[_event_pb2.SourceKey, _Mapping]] = ...) -> None: ...

class Slice(_message.Message):
    __slots__ = ("number", "source", "epoch", "start", "to", "filtered", "count", "more")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    FILTERED_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    number: int
    source: int
    epoch: int
    start: str
    to: str
    filtered: int
    count: int
    more: bool
    def __init__(self, number: _Optional[int] = ..., source: _Optional[int] = ..., epoch: _Optional[int] = ..., start: _Optional[str] = ..., to: _Optional[str] = ..., filtered: _Optional[int] = ..., count: _Optional[int] = ..., more: _Optional[bool] = ...) -> None: ...

class SliceBatch(_message.Message):
    __slots__ = ("sources", "slices", "events")
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    sources: _containers.RepeatedCompositeFieldContainer[Source]
    slices: _containers.RepeatedCompositeFieldContainer[Slice]
    events: _event_pb2.Events
    def __init__(self, sources: _Optional[_Iterable[_Union[Source, _Mapping]]] = ..., slices: _Optional[_Iterable[_Union[Slice, _Mapping]]] = ..., events: _Optional[_Union[_event_pb2.Events, _Mapping]] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("number", "verdict", "reason", "retry_after_s", "event_id", "fault", "known", "full")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    FULL_FIELD_NUMBER: _ClassVar[int]
    number: int
    verdict: Verdict
    reason: str
    retry_after_s: float
    event_id: bytes
    fault: _event_pb2.Fault
    known: _containers.RepeatedScalarFieldContainer[str]
    full: bool
    def __init__(self, number: _Optional[int] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., reason: _Optional[str] = ..., retry_after_s: _Optional[float] = ..., event_id: _Optional[bytes] = ..., fault: _Optional[_Union[_event_pb2.Fault, _Mapping]] = ..., known: _Optional[_Iterable[str]] = ..., full: _Optional[bool] = ...) -> None: ...

class OutcomeBatch(_message.Message):
    __slots__ = ("session", "done", "accepted", "outcomes")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    session: str
    done: _containers.RepeatedScalarFieldContainer[int]
    accepted: _containers.RepeatedScalarFieldContainer[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, session: _Optional[str] = ..., done: _Optional[_Iterable[int]] = ..., accepted: _Optional[_Iterable[int]] = ..., outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...

class Route(_message.Message):
    __slots__ = ("number", "trigger", "project", "function")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    number: int
    trigger: str
    project: str
    function: str
    def __init__(self, number: _Optional[int] = ..., trigger: _Optional[str] = ..., project: _Optional[str] = ..., function: _Optional[str] = ...) -> None: ...

class PushBatch(_message.Message):
    __slots__ = ("routes", "first", "events", "targets", "dedupe", "id_counts", "ids", "filtered", "waits_s", "taken_back")
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    DEDUPE_FIELD_NUMBER: _ClassVar[int]
    ID_COUNTS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    FILTERED_FIELD_NUMBER: _ClassVar[int]
    WAITS_S_FIELD_NUMBER: _ClassVar[int]
    TAKEN_BACK_FIELD_NUMBER: _ClassVar[int]
    routes: _containers.RepeatedCompositeFieldContainer[Route]
    first: int
    events: _event_pb2.Events
    targets: _containers.RepeatedScalarFieldContainer[int]
    dedupe: _containers.RepeatedScalarFieldContainer[str]
    id_counts: _containers.RepeatedScalarFieldContainer[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    filtered: _containers.RepeatedCompositeFieldContainer[Filtered]
    waits_s: _containers.RepeatedScalarFieldContainer[float]
    taken_back: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, routes: _Optional[_Iterable[_Union[Route, _Mapping]]] = ..., first: _Optional[int] = ..., events: _Optional[_Union[_event_pb2.Events, _Mapping]] = ..., targets: _Optional[_Iterable[int]] = ..., dedupe: _Optional[_Iterable[str]] = ..., id_counts: _Optional[_Iterable[int]] = ..., ids: _Optional[_Iterable[str]] = ..., filtered: _Optional[_Iterable[_Union[Filtered, _Mapping]]] = ..., waits_s: _Optional[_Iterable[float]] = ..., taken_back: _Optional[_Iterable[int]] = ...) -> None: ...

class Filtered(_message.Message):
    __slots__ = ("target", "records")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    target: int
    records: int
    def __init__(self, target: _Optional[int] = ..., records: _Optional[int] = ...) -> None: ...

class CallBatch(_message.Message):
    __slots__ = ("routes", "first", "events", "targets", "timeouts_s", "log")
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_S_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    routes: _containers.RepeatedCompositeFieldContainer[Route]
    first: int
    events: _event_pb2.Events
    targets: _containers.RepeatedScalarFieldContainer[int]
    timeouts_s: _containers.RepeatedScalarFieldContainer[float]
    log: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, routes: _Optional[_Iterable[_Union[Route, _Mapping]]] = ..., first: _Optional[int] = ..., events: _Optional[_Union[_event_pb2.Events, _Mapping]] = ..., targets: _Optional[_Iterable[int]] = ..., timeouts_s: _Optional[_Iterable[float]] = ..., log: _Optional[_Iterable[bool]] = ...) -> None: ...

class ReplyBatch(_message.Message):
    __slots__ = ("received", "numbers", "event_ids", "replies", "outcomes")
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    received: int
    numbers: _containers.RepeatedScalarFieldContainer[int]
    event_ids: bytes
    replies: _event_pb2.Replies
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    def __init__(self, received: _Optional[int] = ..., numbers: _Optional[_Iterable[int]] = ..., event_ids: _Optional[bytes] = ..., replies: _Optional[_Union[_event_pb2.Replies, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ...) -> None: ...
