"""The protobuf messages of Loki's push API (logproto.PushRequest), built here because no package has them alone."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

_FIELD = descriptor_pb2.FieldDescriptorProto
_TIME = timestamp_pb2.Timestamp.DESCRIPTOR.full_name
_MESSAGES = {
    "Pair": (("name", 1, ""), ("value", 2, "")),
    "Entry": (
        ("timestamp", 1, _TIME),
        ("line", 2, ""),
        ("structured_metadata", 3, "logproto.Pair*"),
    ),
    "Stream": (("labels", 1, ""), ("entries", 2, "logproto.Entry*")),
    "PushRequest": (("streams", 1, "logproto.Stream*"),),
}
"""Each field's name, number, and type: "" for a text, a message's name, with * for a list of them."""


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="logproto.proto", package="logproto", syntax="proto3")
    file.dependency.append(timestamp_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            label = _FIELD.LABEL_REPEATED if kind.endswith("*") else _FIELD.LABEL_OPTIONAL
            # A line need not be UTF-8: as bytes it cannot be refused for it.
            scalar = _FIELD.TYPE_BYTES if field == "line" else _FIELD.TYPE_STRING
            message.field.add(
                name=field,
                number=number,
                label=label,
                type=_FIELD.TYPE_MESSAGE if kind else scalar,
                type_name=f".{kind.removesuffix('*')}" if kind else None,
            )
    return file


def _push_request() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("logproto.PushRequest"))


PushRequest: Any = _push_request()
