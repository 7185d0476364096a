"""What the gateway takes from strangers at most."""

import msgspec

from sluice.event import MAX_ASYNC_BODY_BYTES, MAX_EVENT_BYTES

MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. Bodies are measured while they arrive; nothing beyond a limit is kept."""

    trigger_body: int = 4 * MIB
    invocation_body: int = MAX_EVENT_BYTES
    async_invocation_body: int = MAX_ASYNC_BODY_BYTES
    api_body: int = 72 * MIB
    """A code package of 50 MiB in Base64, and the rest of its body."""
    held: int = 256 * MIB
    """Bodies of all requests together that are being read or handed over; beyond it callers are told 429."""
    drained: int = 16 * MIB
    """How much of a refused body is read and thrown away, so that its sender reads the answer instead of a reset."""
    header: int = 64 * 1024
    """Request line and headers of one request; 431 beyond."""
    connections: int = 4_096
    pipelined: int = 64
    """Requests that a connection may send ahead of the answer to an earlier one. Then it is closed after the answers to these."""
    header_timeout_s: float = 10.0
    """From the opened connection, or the request's first byte, to the end of its headers."""
    idle_timeout_s: float = 75.0
    """A kept-alive connection without a request."""
    body_grace_s: float = 15.0
    """A body may take this long, and as much longer as `body_rate` allows it."""
    body_rate: int = 16 * 1024
    """Slowest body that is waited for (bytes a second)."""
    write_timeout_s: float = 30.0
    """How long an answer may lie without the other side taking any of it."""
    shutdown_s: float = 8.0
    """How long requests in flight may go on when the gateway stops; a service is gone after 10 s."""
