"""Keys of objects, as stores write them and as the event has them. Pure."""

import re
from typing import Literal
from urllib.parse import quote_from_bytes, unquote_to_bytes

Encoding = Literal["auto", "url", "raw"]

_CAN_BE_ENCODED = re.compile(r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})*")
"""Visible ASCII, and every % before two digits."""
_RAW_SOURCES = ("ceph:",)


def key_of(text: str, source: str, encoding: Encoding) -> bytes:
    """The key itself. URL-encoded ones may have + for a space; Ceph and others write them as they are."""
    if encoding == "auto":
        encoding = "raw" if source.startswith(_RAW_SOURCES) or not _CAN_BE_ENCODED.fullmatch(text) else "url"
    return text.encode() if encoding == "raw" else unquote_to_bytes(text.replace("+", " "))


def written(key: bytes) -> str:
    """A key in the event: everything but letters, digits and `-._~` is escaped."""
    return quote_from_bytes(key, safe="")


def read(text: str) -> bytes:
    """The inverse of `written`."""
    return unquote_to_bytes(text)
