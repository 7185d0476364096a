"""What every rpc of the wire has in common."""

from google.protobuf.message import Message

PACKAGE = "sluice.v1"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""gRPC's limit at both ends."""


def serialize(message: Message) -> bytes:
    return message.SerializeToString()
