from sluice.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PushedRequest(_message.Message):
    __slots__ = ("method", "path", "query", "headers", "body", "sender", "is_local", "is_known", "id")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    IS_LOCAL_FIELD_NUMBER: _ClassVar[int]
    IS_KNOWN_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    method: str
    path: str
    query: str
    headers: _containers.RepeatedCompositeFieldContainer[_event_pb2.Header]
    body: bytes
    sender: str
    is_local: bool
    is_known: bool
    id: str
    def __init__(self, method: _Optional[str] = ..., path: _Optional[str] = ..., query: _Optional[str] = ..., headers: _Optional[_Iterable[_Union[_event_pb2.Header, _Mapping]]] = ..., body: _Optional[bytes] = ..., sender: _Optional[str] = ..., is_local: _Optional[bool] = ..., is_known: _Optional[bool] = ..., id: _Optional[str] = ...) -> None: ...

class PushedAnswer(_message.Message):
    __slots__ = ("status", "headers", "body")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    status: int
    headers: _containers.RepeatedCompositeFieldContainer[_event_pb2.Header]
    body: bytes
    def __init__(self, status: _Optional[int] = ..., headers: _Optional[_Iterable[_Union[_event_pb2.Header, _Mapping]]] = ..., body: _Optional[bytes] = ...) -> None: ...

class SendRequest(_message.Message):
    __slots__ = ("kind", "trigger", "request")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    kind: str
    trigger: str
    request: PushedRequest
    def __init__(self, kind: _Optional[str] = ..., trigger: _Optional[str] = ..., request: _Optional[_Union[PushedRequest, _Mapping]] = ...) -> None: ...

class SendResponse(_message.Message):
    __slots__ = ("answer",)
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    answer: PushedAnswer
    def __init__(self, answer: _Optional[_Union[PushedAnswer, _Mapping]] = ...) -> None: ...

class PublishRequest(_message.Message):
    __slots__ = ("kind", "project", "topic", "request")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    kind: str
    project: str
    topic: str
    request: PushedRequest
    def __init__(self, kind: _Optional[str] = ..., project: _Optional[str] = ..., topic: _Optional[str] = ..., request: _Optional[_Union[PushedRequest, _Mapping]] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("answer",)
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    answer: PushedAnswer
    def __init__(self, answer: _Optional[_Union[PushedAnswer, _Mapping]] = ...) -> None: ...
