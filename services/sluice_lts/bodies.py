"""Bodies of requests as they were before they were packed, within bounds."""

import zlib

import cramjam

from sluice.errors import Fault, Invalid

MOST_PLAIN_BYTES = 8 * 1024 * 1024
"""A body is not larger once it is unpacked."""
MOST_LOGS = 50_000
"""A request has no more: the smallest takes a few bytes there and hundreds here."""
MOST_OBJECTS = 1_000_000
"""Nor do the objects and lists of its JSON."""
_GZIP = 16 + zlib.MAX_WBITS


class TooLarge(Exception):
    """Unpacked, it is over one of these."""


def unpacked(body: bytes, encoding: str) -> bytes:
    """By Content-Encoding. Raises Invalid for one that is not known or not right, and TooLarge before it is unpacked any further."""
    match encoding.strip().lower():
        case "" | "identity":
            plain = body
        case "gzip":
            plain = _gunzip(body)
        case "snappy":
            return unsnapped(body)
        case other:
            raise Invalid([Fault("content-encoding", f"is {other[:40]!r}, and is gzip, snappy or identity")])
    if len(plain) > MOST_PLAIN_BYTES:
        raise TooLarge
    return plain


def unsnapped(body: bytes) -> bytes:
    """Of snappy's block format, which says its length first."""
    try:
        if cramjam.snappy.decompress_raw_len(body) > MOST_PLAIN_BYTES:
            raise TooLarge
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise Invalid([Fault("body", "is not snappy")]) from error


def check_objects(json: bytes) -> None:
    """Raises TooLarge before it is decoded."""
    if json.count(b"{") + json.count(b"[") > MOST_OBJECTS:
        raise TooLarge


def check_logs(count: int) -> None:
    """Raises TooLarge."""
    if count > MOST_LOGS:
        raise TooLarge


def _gunzip(body: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        plain = unpacking.decompress(body, MOST_PLAIN_BYTES + 1)
    except zlib.error as error:
        raise Invalid([Fault("body", "is not gzip")]) from error
    if len(plain) > MOST_PLAIN_BYTES:
        raise TooLarge
    if not unpacking.eof:
        raise Invalid([Fault("body", "is not gzip: it ends too early")])
    return plain
