"""What a source gives (`Record`) and what a function gets (`Event`)."""

import hashlib
import secrets
from collections.abc import Callable

import msgspec

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""Largest body of an event of a pull trigger, and of a synchronous invocation (bytes)."""

MAX_BATCH_BYTES = MAX_EVENT_BYTES * 3 // 4
"""Records of one batch together (bytes): the event around them, with escapes and base64, must still fit."""

MAX_ASYNC_BODY_BYTES = 256 * 1024
"""Largest body of an asynchronous invocation through the API (bytes)."""


GAP = "gap"
"""Attribute of a record without a value, which tells that others are gone: what about them, as JSON text."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One thing read from a source: a message, a change, a fire, a request.

    `position` is the source's own word for where the record stands (an offset, an instant, a token); `source` names what has
    positions of its own (a partition, a shard). `time_ms` is the source's time in milliseconds since the epoch: data, not a clock.
    `key` and `id` are there only when the source has them. `attributes` is a kind's own, read by its `shape` only. `refused` says why no
    function may receive the record: no filter drops it, and it becomes a dead event, alone.
    """

    value: bytes | None
    source: str
    position: str
    time_ms: int
    key: bytes | None = None
    id: str = ""
    trace: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    refused: str = ""

    @property
    def is_gap(self) -> bool:
        """Whether it is no record of the source, but tells that some are gone."""
        return self.value is None and any(name == GAP for name, _ in self.attributes)

    @property
    def size(self) -> int:
        return len(self.value or b"") + len(self.key or b"")


class Event(msgspec.Struct, frozen=True, gc=False):
    """One invocation's worth. `body` is what the function receives, byte for byte; nothing on the way looks inside.

    `id` is 16 bytes and the same in all attempts. Events of one `lane` run one after another; "" means no lane.
    `trace` is a W3C traceparent or "". `choice` is what the headers of its request chose (`sluice.choice`), "" for nothing. `refused` says
    why no function may receive it, "" for all others.
    """

    id: bytes
    body: bytes
    lane: str = ""
    records: int = 1
    trace: str = ""
    choice: str = ""
    refused: str = ""


def event_id(*parts: str | bytes) -> bytes:
    """The id of what the parts name: always the same for the same parts (shaped as a version 5 UUID)."""
    return event_ids(*parts[:-1])(parts[-1])


def event_ids(*parts: str | bytes) -> Callable[[str | bytes], bytes]:
    """`event_id` for all ids that share their first parts; those are hashed once."""
    shared = hashlib.sha1(usedforsecurity=False)
    for part in parts:
        shared.update(_with_length(part))

    def make(last: str | bytes) -> bytes:
        digest = shared.copy()
        digest.update(_with_length(last))
        return _as_uuid(digest.digest()[:16], 0x50)

    return make


def _with_length(part: str | bytes) -> bytes:
    data = part.encode() if isinstance(part, str) else part
    return len(data).to_bytes(4, "big") + data


def random_id() -> bytes:
    """An id for something that names nothing itself: a random (version 4) UUID."""
    return _as_uuid(secrets.token_bytes(16), 0x40)


def _as_uuid(raw: bytes, version: int) -> bytes:
    return b"%b%c%b%c%b" % (raw[:6], raw[6] & 0x0F | version, raw[7:8], raw[8] & 0x3F | 0x80, raw[9:])


def id_text(raw: bytes) -> str:
    """The usual text of an id: 8-4-4-4-12 hexadecimal digits."""
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def id_bytes(text: str) -> bytes:
    """The inverse of `id_text`. Raises ValueError for anything else."""
    raw = bytes.fromhex(text.replace("-", ""))
    if len(raw) != 16:
        raise ValueError(f"an event id has 32 hexadecimal digits, not {len(raw) * 2}")
    return raw
