"""Messages between the engine, the fork server and the agents: JSON objects and descriptors over a SEQPACKET socket."""

import json
import socket
from collections.abc import Sequence
from typing import Any

MAX_MESSAGE_BYTES = 180_000
MAX_DESCRIPTORS = 16

Message = dict[str, Any]


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(control: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Raises OSError when the other end is gone or, non-blocking, does not read."""
    socket.send_fds(control, [json.dumps(message).encode()], descriptors)


def receive(control: socket.socket) -> tuple[Message | None, list[int]]:
    """The next message; None when the other end has closed. The caller owns the descriptors (closed on exec)."""
    try:
        data, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:  # closed with messages of ours unread
        return None, []
    return (json.loads(data) if data else None), descriptors
