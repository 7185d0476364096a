"""Auth tokens: what a key's holder shows as X-Auth-Token instead of signing each request.

A token is its claims as JSON and their HMAC-SHA256 by the secret of the key it was issued for, both in base64url. So whoever has the
catalog's keys verifies it without a store, it ends with its key, and what it may do is what its key may do now.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

import msgspec

from sluice.catalog import Key
from sluice.errors import SluiceError

LIFETIME_S = 24 * 3600.0
LONGEST = 512
"""Characters of a text that is looked at; ours have fewer than 250."""
_PURPOSE = b"sluice auth token\0"
_DUMMY = Key("", "a secret that nobody holds, so that a token of no key costs the same time as a forged one", "")


class TokenRefused(SluiceError):
    """Not issued here, or of a key that is no more, or changed."""


class TokenExpired(SluiceError):
    """It was good once."""


class AuthToken(msgspec.Struct, frozen=True):
    """Times are seconds since the epoch."""

    access_key: str
    issued: float
    expires: float


def issue(key: Key, now: float) -> tuple[str, AuthToken]:
    """The text of a token that is good for 24 hours, or until its key ends."""
    expires = now + LIFETIME_S
    token = AuthToken(key.access_key, now, min(expires, key.expires) if key.expires else expires)
    claims = msgspec.json.encode(token)
    return f"{_text(claims)}.{_text(_seal(claims, key))}", token


def verify(text: str, key_of: Callable[[str], Key | None], now: float) -> Key:
    """The key that a token was issued for. Raises TokenRefused or TokenExpired."""
    claims, seal = _parts(text)
    token = _claims(claims)
    key = key_of(token.access_key)
    genuine = hmac.compare_digest(seal, _seal(claims, key or _DUMMY))
    if key is None or not genuine:
        raise TokenRefused("the token is not one of this mesh, or its key was revoked")
    if not token.issued <= token.expires <= token.issued + LIFETIME_S or token.expires <= now:
        raise TokenExpired("the token has expired")
    return key


def _parts(text: str) -> tuple[bytes, bytes]:
    claims, dot, seal = text[: LONGEST + 1].partition(".")
    if not dot or len(text) > LONGEST:
        raise TokenRefused("the token cannot be read")
    try:
        return _raw(claims), _raw(seal)
    except (binascii.Error, ValueError):
        raise TokenRefused("the token cannot be read") from None


def _claims(raw: bytes) -> AuthToken:
    try:
        return msgspec.json.decode(raw, type=AuthToken)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TokenRefused("the token cannot be read") from None


def _seal(claims: bytes, key: Key) -> bytes:
    return hmac.digest(key.secret_key.encode(), _PURPOSE + claims, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True)
    if _text(raw) != text:  # the last character has bits that decoding ignores
        raise ValueError(text)
    return raw
