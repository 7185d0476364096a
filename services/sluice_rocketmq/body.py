"""Bodies that the sender's client has packed. Pure."""

import zlib

from sluice.event import MAX_EVENT_BYTES

PACKED = 2
_GZIP_OR_ZLIB = 47


def unpacked(body: bytes, encoding: int) -> bytes:
    """As it was sent. What is not packed in truth stays as it is; what would be larger than any event ends behind that size."""
    if encoding != PACKED:
        return body
    try:
        return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(body, MAX_EVENT_BYTES + 1)
    except zlib.error:
        return body
