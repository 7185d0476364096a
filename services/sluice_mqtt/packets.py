"""The packets of MQTT 3.1.1 and 5 that somebody who subscribes sends and gets. Pure: bytes from values, and values from bytes."""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

V311, V5 = 4, 5
CONNACK, PUBLISH, PUBREL, SUBACK, PINGRESP, DISCONNECT = 0x20, 0x30, 0x60, 0x90, 0xD0, 0xE0
"""The first byte of a packet, without its flags."""
PING = b"\xc0\x00"
BYE = b"\xe0\x00"

SESSION_EXPIRY, SERVER_KEEP_ALIVE, REASON, RECEIVE_MAXIMUM = 0x11, 0x13, 0x1F, 0x21
CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, USER = 0x03, 0x08, 0x09, 0x26
_BYTE, _SHORT, _LONG, _VARIABLE, _TEXT, _BINARY, _PAIR = range(7)
_FORMS = (
    dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), _BYTE)
    | dict.fromkeys((0x13, 0x21, 0x22, 0x23), _SHORT)
    | dict.fromkeys((0x02, 0x11, 0x18, 0x27), _LONG)
    | dict.fromkeys((0x0B,), _VARIABLE)
    | dict.fromkeys((0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F), _TEXT)
    | dict.fromkeys((0x09, 0x16), _BINARY)
    | dict.fromkeys((0x26,), _PAIR)
)
"""How the value of each property of MQTT 5 is written."""
NONE: dict[int, Any] = {}


class Malformed(Exception):
    """What came is not MQTT."""


class Publish(NamedTuple):
    topic: str
    payload: bytes
    packet: int
    qos: int
    duplicate: bool
    retained: bool
    properties: dict[int, Any]


class Login(NamedTuple):
    """`session_expiry_s` 0 begins a new session; MQTT 3.1.1 keeps one for as long as the server likes."""

    version: int
    client_id: str
    user: str
    password: str
    keep_alive_s: int
    session_expiry_s: int
    receive_maximum: int


def connect(login: Login) -> bytes:
    flags = (0x80 if login.user else 0) | (0x40 if login.password else 0) | (0 if login.session_expiry_s else 0x02)
    body = _text("MQTT") + bytes((login.version, flags)) + login.keep_alive_s.to_bytes(2, "big")
    if login.version == V5:
        own = struct.pack(">BIBH", SESSION_EXPIRY, login.session_expiry_s, RECEIVE_MAXIMUM, login.receive_maximum)
        body += _variable(len(own)) + own
    texts = [login.client_id, *filter(None, (login.user, login.password))]
    return _packet(0x10, body + b"".join(map(_text, texts)))


def subscribe(version: int, packet: int, filters: Sequence[str], qos: int, retain_handling: int) -> bytes:
    """`retain_handling` (MQTT 5): kept messages come 0 always, 1 if the subscription is new, 2 never."""
    options = bytes((qos | (retain_handling << 4 if version == V5 else 0),))
    body = packet.to_bytes(2, "big") + (b"\0" if version == V5 else b"")
    return _packet(0x82, body + b"".join(_text(filter_) + options for filter_ in filters))


def acknowledged(packet: int) -> bytes:
    """For quality of service 1: the server may forget it."""
    return b"\x40\x02" + packet.to_bytes(2, "big")


def received(packet: int) -> bytes:
    """For quality of service 2: we have it."""
    return b"\x50\x02" + packet.to_bytes(2, "big")


def completed(packet: int) -> bytes:
    """For quality of service 2: its number may be used anew."""
    return b"\x70\x02" + packet.to_bytes(2, "big")


class Stream:
    """Cuts what comes over a connection into packets."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = self._body = self._end = 0

    def feed(self, data: bytes) -> None:
        del self._bytes[: self._at]
        self._bytes += data
        self._at = self._body = self._end = 0

    def next(self) -> int:
        """The first byte of the next packet, 0 while it is not whole."""
        if not self._end:
            self._measure()
        return self._bytes[self._at] if 0 < self._end <= len(self._bytes) else 0

    def take(self) -> bytes:
        """Its body; the packet is gone then."""
        with memoryview(self._bytes) as view:
            body = bytes(view[self._body : self._end])
        self._at, self._end = self._end, 0
        return body

    def _measure(self) -> None:
        length, at = 0, self._at + 1
        for shift in (0, 7, 14, 21):
            if at >= len(self._bytes):
                return
            length |= (self._bytes[at] & 0x7F) << shift
            at += 1
            if self._bytes[at - 1] < 0x80:
                self._body, self._end = at, at + length
                return
        raise Malformed("a packet without a length")


def publish(first: int, body: bytes, version: int) -> Publish:
    reader = _Reader(body)
    topic, qos = reader.text(), first >> 1 & 3
    packet = reader.number(2) if qos else 0
    properties = reader.properties() if version == V5 else NONE
    if qos == 3:
        raise Malformed("quality of service 3")
    return Publish(topic, reader.rest(), packet, qos, bool(first & 8), bool(first & 1), properties)


def connack(body: bytes, version: int) -> tuple[bool, int, dict[int, Any]]:
    """Whether the session was there, the reason, properties."""
    reader = _Reader(body)
    flags, reason = reader.number(1), reader.number(1)
    return bool(flags & 1), reason, reader.properties() if version == V5 and reader.more else NONE


def suback(body: bytes, version: int) -> tuple[int, bytes, dict[int, Any]]:
    """Number of the request, a reason for each filter, properties."""
    reader = _Reader(body)
    packet = reader.number(2)
    properties = reader.properties() if version == V5 else NONE
    return packet, reader.rest(), properties


def disconnect(body: bytes) -> tuple[int, dict[int, Any]]:
    """Reason and properties (MQTT 5)."""
    reader = _Reader(body)
    reason = reader.number(1) if reader.more else 0
    return reason, reader.properties() if reader.more else NONE


def number(body: bytes) -> int:
    """The number at the front of a PUBREL."""
    return _Reader(body).number(2)


class _Reader:
    """Takes values from the front of a body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._body)

    def rest(self) -> bytes:
        return self._body[self._at :] if self._at else self._body

    def take(self, length: int) -> bytes:
        begin, self._at = self._at, self._at + length
        if self._at > len(self._body):
            raise Malformed("a packet that ends too early")
        return self._body[begin : self._at]

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def text(self) -> str:
        return self.take(self.number(2)).decode("utf-8", "replace")

    def variable(self) -> int:
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Malformed("a number that does not end")

    def properties(self) -> dict[int, Any]:
        """The values of MQTT 5's properties; those of the user as pairs, in order."""
        length = self.variable()
        if not length:
            return NONE
        end = self._at + length
        found: dict[int, Any] = {}
        while self._at < end:
            name = self.variable()
            value = self._value(_FORMS.get(name))
            if name == USER:
                found.setdefault(USER, []).append(value)
            else:
                found[name] = value
        return found

    def _value(self, form: int | None) -> Any:
        match form:
            case 0 | 1 | 2:
                return self.number(1 << form)
            case 3:
                return self.variable()
            case 4:
                return self.text()
            case 5:
                return self.take(self.number(2))
            case 6:
                return self.text(), self.text()
            case _:
                raise Malformed("a property that is not known")


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _variable(len(body)) + body


def _variable(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data
