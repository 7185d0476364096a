"""Structs and messages of the same fields, for what is not on the hot path: one rule instead of a pair of functions each."""

from enum import Enum
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message

from sluice.wire.columns import Malformed

Struct = TypeVar("Struct", bound=msgspec.Struct)
Packed = TypeVar("Packed", bound=Message)


def pack(struct: msgspec.Struct, kind: type[Packed]) -> Packed:
    """The message with the struct's fields; None is not there."""
    return kind(**_plain(struct))


def unpack(message: Message, kind: type[Struct]) -> Struct:
    """The struct with the message's fields; a nested message that is not there keeps the struct's default. Raises Malformed."""
    try:
        return msgspec.convert(_read(message), kind)
    except msgspec.ValidationError as error:
        raise Malformed(f"{message.DESCRIPTOR.name}: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        return {name: _plain(each) for name, each in fields.items() if each is not None}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value


def _read(message: Message) -> dict[str, Any]:
    return {
        field.name: _value(getattr(message, field.name))
        for field in message.DESCRIPTOR.fields
        if not field.has_presence or message.HasField(field.name)
    }


def _value(value: Any) -> Any:
    if isinstance(value, Message):
        return _read(value)
    if isinstance(value, (str, bytes, int, float)):
        return value
    if hasattr(value, "items"):
        return dict(value)
    return [_value(each) for each in value]
