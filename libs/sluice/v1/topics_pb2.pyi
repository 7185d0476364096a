from sluice.v1 import dispatch_pb2 as _dispatch_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TopicMessage(_message.Message):
    __slots__ = ("project", "topic", "subject", "message", "attributes", "message_id", "trace")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    project: str
    topic: str
    subject: str
    message: str
    attributes: _containers.ScalarMap[str, str]
    message_id: str
    trace: str
    def __init__(self, project: _Optional[str] = ..., topic: _Optional[str] = ..., subject: _Optional[str] = ..., message: _Optional[str] = ..., attributes: _Optional[_Mapping[str, str]] = ..., message_id: _Optional[str] = ..., trace: _Optional[str] = ...) -> None: ...

class TopicMessageResult(_message.Message):
    __slots__ = ("verdict", "reason", "retry_after_s", "message_id")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    verdict: _dispatch_pb2.Verdict
    reason: str
    retry_after_s: float
    message_id: str
    def __init__(self, verdict: _Optional[_Union[_dispatch_pb2.Verdict, str]] = ..., reason: _Optional[str] = ..., retry_after_s: _Optional[float] = ..., message_id: _Optional[str] = ...) -> None: ...
