"""Bytes as a JSON string can hold them."""

import base64

BINARY = "data:application/octet-stream;base64,"
"""What stands before the base64 of a value that is not UTF-8. A text that begins with it is sent in base64 too, so it never lies."""
_BINARY = BINARY.encode()


def text(value: bytes) -> str:
    """A value as a JSON string can hold it: itself if it is UTF-8, else base64 behind `BINARY`."""
    if not value.startswith(_BINARY):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return BINARY + base64.b64encode(value).decode()
