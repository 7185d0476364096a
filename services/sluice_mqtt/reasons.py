"""What a server's reason means for the one who reads: mend a setting, or come back later. Pure."""

from sluice.errors import SourceLost, SourceRefused

_OF_311 = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}
"""MQTT 3.1.1 has five reasons of its own for refusing a login."""
_NAMES = {
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client identifier not valid",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive timeout",
    0x8E: "session taken over",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x91: "packet identifier in use",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}
_MENDED = frozenset({0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x8F, 0x90, 0x9D, 0x9E, 0xA1, 0xA2})
"""Only a changed setting, here or at the server, helps against these."""


def of_login(reason: int, said: str, place: str) -> Exception:
    """A login that was refused."""
    known = _OF_311.get(reason, reason)
    return _error(known in _MENDED, f"{place} refused the login: {_text(known, said)}")


def of_subscription(reason: int, said: str, topic: str) -> Exception:
    """A filter that was refused; MQTT 3.1.1 never says why."""
    return _error(reason in _MENDED or reason == 0x80, f"subscribing to {topic[:200]!r} was refused: {_text(reason, said)}")


def of_end(reason: int, said: str, place: str, *, asked: bool) -> Exception:
    """A connection that the server ended; `asked` while it had something to answer, which is what it did not like."""
    return _error(asked and reason in _MENDED, f"{place} ended the connection: {_text(reason, said)}")


def _text(reason: int, said: str) -> str:
    name = _NAMES.get(reason, f"reason 0x{reason:02x}")
    return f"{name} ({said[:200]})" if said else name


def _error(mended: bool, text: str) -> Exception:
    return SourceRefused(text) if mended else SourceLost(text)
