"""W3C trace context at the door: taken from the sender, or made."""

import re
import secrets

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def trace_of(header: str | None, event: bytes) -> str:
    """The sender's traceparent if it is one; else a new, unsampled trace whose id is the event's."""
    if header is not None and _PARENT.fullmatch(header):
        return header
    return f"00-{event.hex()}-{secrets.token_hex(8)}-00"
