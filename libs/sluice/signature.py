"""SDK-HMAC-SHA256, the signature of FunctionGraph's SDKs: made by the command line, checked by the gateway.

The canonical request is built from bytes as they were sent, so that two different paths or bodies never look the same because one of
them is not UTF-8. Equal by the algorithm's own rules, and therefore exchangeable without a new signature, are only: an escaped
and a raw character of a path or query (`:` and `%3A`), the order of query pairs, and one missing or present `/` at the path's end.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from sluice.errors import SluiceError

ALGORITHM = "SDK-HMAC-SHA256"
WINDOW_S = 15 * 60
"""How far the date of a request may be from the verifier's, either way (seconds)."""

UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"
_JSON_TYPES = (b"application/json", b"application/bson")
_SHORT_PATH = 512
"""Bytes; longer ones are not worth remembering."""
_ALWAYS_SIGNED = (b"host", b"x-sdk-date")
_DUMMY_SECRET = "a key that nobody holds, so that an unknown key costs the same time as a wrong signature"

RawHeaders = Iterable[tuple[bytes, bytes]]
"""Header lines as received: names and values as bytes, one pair a line."""


class SignatureRefused(SluiceError):
    """The request is not signed by whom it says. Each subclass is one reason; all of them are answered 401."""


class NotSigned(SignatureRefused):
    """There is no Authorization header."""


class MalformedSignature(SignatureRefused):
    """The Authorization header, or a header that it names, cannot be read; or host or x-sdk-date are not among the signed ones."""


class UnsupportedAlgorithm(SignatureRefused):
    """Signed by another algorithm (SDK-HMAC-SM3, V11-HMAC-SHA256, ...)."""


class DateOutsideWindow(SignatureRefused):
    """X-Sdk-Date is further from now than the window reaches."""


class PayloadNotCovered(SignatureRefused):
    """The body is declared unsigned where it must be signed, or its declared hash is not its hash."""


class UnknownKey(SignatureRefused):
    """Nobody holds this access key."""


class SignatureMismatch(SignatureRefused):
    """The request is not the one that was signed, or the secret key is another one."""


class Authorization(msgspec.Struct, frozen=True):
    """What an Authorization header says."""

    access_key: str
    signed_headers: str
    signature: str


class SignedRequest(msgspec.Struct, frozen=True):
    """A request as it was received. `path` and `query` are raw, still escaped, without the `?`; the body is whole."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""


class Signed(msgspec.Struct, frozen=True):
    """What a verified signature covers: whose it is, when it was made (seconds since the epoch), and the signed headers by name."""

    access_key: str
    at: float
    headers: Mapping[bytes, bytes]


def sign(
    access_key: str, secret_key: str, method: str, target: str, headers: Mapping[str, str], body: bytes = b"", *, now: float
) -> dict[str, str]:
    """The headers to add to a request: `X-Sdk-Date` and `Authorization`.

    `target` is the path and query exactly as they will be sent; `headers` are those to sign and must have `Host`. The body is always
    covered. `now` is seconds since the epoch.
    """
    date = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = {name.lower().encode(): value.strip().encode() for name, value in headers.items() if "_" not in name}
    lines[b"x-sdk-date"] = date.encode()
    if b"host" not in lines:
        raise ValueError("the Host header is part of every signature")
    names = b";".join(sorted(lines))
    path, _, query = target.encode().partition(b"?")
    payload = hashlib.sha256(body).hexdigest().encode()
    signature = _signature(secret_key, date.encode(), _canonical(method, path, query, lines, names, payload))
    return {
        "X-Sdk-Date": date,
        "Authorization": f"{ALGORITHM} Access={access_key}, SignedHeaders={names.decode()}, Signature={signature}",
    }


def verify(request: SignedRequest, secret_of: Callable[[str], str | None], *, now: float, window_s: float = WINDOW_S) -> Signed:
    """Whose holder signed exactly this request. Raises a SignatureRefused.

    `secret_of` gives the secret of an access key, or None. Host and x-sdk-date must be signed, the date must be within `window_s`
    of `now` (seconds since the epoch), a header that is signed must be there once, and the body must be covered unless it is
    neither JSON nor BSON and the signed header X-Sdk-Content-Sha256 says UNSIGNED-PAYLOAD.
    """
    authorization = read_authorization(request.headers)
    names = authorization.signed_headers.encode("latin-1")
    lines = _signed_lines(request.headers, names)
    date = lines[b"x-sdk-date"]
    at = _dated(date)
    if abs(at - now) > window_s:
        raise DateOutsideWindow(f"X-Sdk-Date is more than {window_s:g} seconds from the server's time")
    payload = _payload(request, lines)
    secret = secret_of(authorization.access_key)
    canonical = _canonical(request.method, request.path, request.query, lines, names, payload)
    expected = _signature(secret or _DUMMY_SECRET, date, canonical)
    matches = hmac.compare_digest(expected.encode(), authorization.signature.encode("latin-1"))
    if secret is None:
        raise UnknownKey("the access key or the signature is wrong")
    if not matches:
        raise SignatureMismatch("the access key or the signature is wrong")
    return Signed(authorization.access_key, at, lines)


def read_authorization(headers: RawHeaders) -> Authorization:
    """The parts of the Authorization header. Raises NotSigned, UnsupportedAlgorithm or MalformedSignature."""
    values = [value for name, value in headers if name.lower() == b"authorization"]
    if not values:
        raise NotSigned("the request has no Authorization header")
    if len(values) > 1:
        raise MalformedSignature("there is more than one Authorization header")
    algorithm, _, rest = values[0].decode("latin-1").strip().partition(" ")
    if algorithm != ALGORITHM:
        raise UnsupportedAlgorithm(f"only {ALGORITHM} is supported")
    parts = [part.strip().partition("=") for part in rest.split(",")]
    fields = {name: value for name, _, value in parts}
    if len(parts) != 3 or set(fields) != {"Access", "SignedHeaders", "Signature"} or not all(fields.values()):
        raise MalformedSignature(f"the Authorization header is not '{ALGORITHM} Access=..., SignedHeaders=..., Signature=...'")
    return Authorization(fields["Access"], fields["SignedHeaders"], fields["Signature"])


def _signed_lines(headers: RawHeaders, names: bytes) -> dict[bytes, bytes]:
    wanted = names.split(b";")
    for always in _ALWAYS_SIGNED:
        if always not in wanted:
            raise MalformedSignature(f"{always.decode()} must be a signed header")
    lines: dict[bytes, bytes] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered not in wanted:
            continue
        if lowered in lines:
            raise MalformedSignature(f"the signed header {lowered.decode('latin-1')} is there twice")
        lines[lowered] = value.strip()
    missing = [name for name in wanted if name not in lines]
    if missing:
        raise MalformedSignature(f"the signed header {missing[0].decode('latin-1')!r} is missing")
    return lines


@lru_cache(maxsize=256)
def _dated(date: bytes) -> float:
    """All requests of a second bear the same date."""
    try:
        text = date.decode("ascii")
        if len(text) != 16:
            raise ValueError(text)
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise MalformedSignature("X-Sdk-Date is not YYYYMMDDTHHMMSSZ") from error


def _payload(request: SignedRequest, lines: Mapping[bytes, bytes]) -> bytes:
    digest = hashlib.sha256(request.body).hexdigest().encode()
    declared = [value.strip() for name, value in request.headers if name.lower() == b"x-sdk-content-sha256"]
    if not declared or not request.body:
        return digest
    if declared != [lines.get(b"x-sdk-content-sha256")]:
        raise PayloadNotCovered("X-Sdk-Content-Sha256 must be a signed header")
    if declared[0] != UNSIGNED_PAYLOAD:
        if not hmac.compare_digest(declared[0], digest):
            raise PayloadNotCovered("X-Sdk-Content-Sha256 is not the hash of the body")
        return digest
    content_type = lines.get(b"content-type", b"").lower()
    if not content_type or content_type.startswith(_JSON_TYPES):
        raise PayloadNotCovered("a body may be left unsigned only if the signed Content-Type is neither JSON nor BSON")
    return UNSIGNED_PAYLOAD


def _canonical(method: str, path: bytes, query: bytes, lines: Mapping[bytes, bytes], names: bytes, payload: bytes) -> bytes:
    headers = b"".join(b"%s:%s\n" % (name, lines[name]) for name in names.split(b";"))
    return b"\n".join((method.upper().encode(), _canonical_path(path), _canonical_query(query), headers, names, payload))


def _canonical_path(path: bytes) -> bytes:
    return _remembered_path(path) if len(path) <= _SHORT_PATH else _encoded_path(path)


def _encoded_path(path: bytes) -> bytes:
    encoded = quote_from_bytes(unquote_to_bytes(path), safe="/~").encode()
    return encoded if encoded.endswith(b"/") else encoded + b"/"


_remembered_path = lru_cache(maxsize=1024)(_encoded_path)
"""Callers ask for the same paths again and again."""


def _canonical_query(query: bytes) -> bytes:
    if not query:
        return b""
    pairs = []
    for item in query.split(b"&"):
        if item:
            key, _, value = item.replace(b"+", b" ").partition(b"=")
            pairs.append((unquote_to_bytes(key), unquote_to_bytes(value)))
    return "&".join(f"{quote_from_bytes(key, safe='~')}={quote_from_bytes(value, safe='~')}" for key, value in sorted(pairs)).encode()


def _signature(secret: str, date: bytes, canonical: bytes) -> str:
    text = b"\n".join((ALGORITHM.encode(), date, hashlib.sha256(canonical).hexdigest().encode()))
    return hmac.digest(secret.encode(), text, "sha256").hex()
