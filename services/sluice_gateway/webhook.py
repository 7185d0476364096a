"""Who sent a webhook, by the HMAC that it carries: the ways of GitHub, Stripe, Standard Webhooks, and of those who sign the body alone.

A proof is checked over the body as it came, against each secret that is good now, in constant time. Pure.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from sluice.errors import Fault, Invalid
from sluice.signature import DateOutsideWindow, MalformedSignature, NotSigned, SignatureMismatch
from sluice.source_settings import SourceSettings

Lines = Sequence[tuple[bytes, bytes]]
"""Headers; their names are in lower case."""

MOST_SIGNATURES = 16
LONGEST_TOLERANCE_S = 300
"""Twice this is how long the ledger knows an id at least (10 minutes): what is sent again within its time is never accepted again."""
_ENCODED = "whsec_"

Style = Literal["github", "stripe", "standard", "generic"]
HeaderName = Annotated[str, Meta(pattern="^[A-Za-z0-9-]{1,64}$")]


class Webhook(SourceSettings, frozen=True, kw_only=True):
    """`webhook` of a trigger's `event_data`."""

    hidden: ClassVar[frozenset[str]] = frozenset({"secret", "previous_secret"})

    style: Style
    secret: Annotated[str, Meta(min_length=8, max_length=1024)]
    """What sender and trigger share. That of `standard` is Base64 behind `whsec_`."""
    previous_secret: Annotated[str, Meta(max_length=1024)] = ""
    """Good too, while the secret is being changed at the sender."""
    tolerance: Annotated[int, Meta(ge=1, le=LONGEST_TOLERANCE_S)] = LONGEST_TOLERANCE_S
    """How far the time that `stripe` and `standard` sign may be from the gateway's (seconds)."""
    signature_header: HeaderName = "X-Signature-256"
    """Of `generic`: holds the HMAC-SHA256 of the body in hexadecimal, with or without `sha256=` before it."""
    id_header: HeaderName = "X-Delivery-Id"
    """Of `generic`: names the delivery, and is the same when it comes again."""

    def __post_init__(self) -> None:
        faults = [Fault(name, rule) for name, rule in _secret_faults(self)]
        if faults:
            raise Invalid(faults)


class Signed(msgspec.Struct, frozen=True, gc=False):
    """What a sender says about a body: `before` was signed in front of it, `at` is 0 where no time is signed."""

    signatures: tuple[bytes, ...]
    before: bytes = b""
    at: int = 0
    delivery: str = ""


def read(webhook: Webhook, headers: Lines) -> Signed:
    """What the headers say. Raises NotSigned, MalformedSignature."""
    signed = _READERS[webhook.style](webhook, headers)
    if not 0 < len(signed.signatures) <= MOST_SIGNATURES:
        raise MalformedSignature(f"the webhook carries {len(signed.signatures)} signatures, and 1 to {MOST_SIGNATURES} are read")
    return signed


def check(webhook: Webhook, signed: Signed, body: bytes, now: float) -> str:
    """The delivery's id, "" where it has none. Raises DateOutsideWindow, SignatureMismatch."""
    if signed.at and abs(now - signed.at) > webhook.tolerance:
        raise DateOutsideWindow(f"the webhook was signed more than {webhook.tolerance} s from now")
    matches = False
    for key in keys(webhook):
        expected = hmac.new(key, signed.before + body, hashlib.sha256).digest()
        for signature in signed.signatures:
            matches |= hmac.compare_digest(expected, signature)
    if not matches:
        raise SignatureMismatch("the webhook is not signed with the trigger's secret, or was changed on its way")
    return signed.delivery or _id_in(webhook, body)


def keys(webhook: Webhook) -> list[bytes]:
    """Those that a sender may have signed with."""
    return [_key(webhook.style, secret) for secret in (webhook.secret, webhook.previous_secret) if secret]


def _key(style: Style, secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_ENCODED), validate=True) if style == "standard" else secret.encode()


def _secret_faults(webhook: Webhook) -> Iterator[tuple[str, str]]:
    for name in ("secret", "previous_secret"):
        try:
            _key(webhook.style, getattr(webhook, name))
        except (binascii.Error, ValueError):
            yield name, f"is Base64 behind {_ENCODED}"


def _github(_webhook: Webhook, headers: Lines) -> Signed:
    signature = _hex(_value(headers, "X-Hub-Signature-256"), must="sha256=")
    return Signed((signature,), delivery=_optional(headers, "X-GitHub-Delivery"))


def _generic(webhook: Webhook, headers: Lines) -> Signed:
    signature = _hex(_value(headers, webhook.signature_header))
    return Signed((signature,), delivery=_optional(headers, webhook.id_header))


def _stripe(_webhook: Webhook, headers: Lines) -> Signed:
    items = [item.strip().partition("=") for item in _value(headers, "Stripe-Signature").split(",")]
    times = [value for name, _, value in items if name == "t"]
    at = _time(times[0] if len(times) == 1 else "")
    return Signed(tuple(_hex(value) for name, _, value in items if name == "v1"), f"{times[0]}.".encode(), at)


def _standard(_webhook: Webhook, headers: Lines) -> Signed:
    delivery, time = _value(headers, "webhook-id"), _value(headers, "webhook-timestamp")
    given = [item.partition(",") for item in _value(headers, "webhook-signature").split()]
    signatures = tuple(_base64(value) for version, _, value in given if version == "v1")
    return Signed(signatures, f"{delivery}.{time}.".encode(), _time(time), delivery)


_READERS: dict[Style, Callable[[Webhook, Lines], Signed]] = {
    "github": _github,
    "stripe": _stripe,
    "standard": _standard,
    "generic": _generic,
}


def _id_in(webhook: Webhook, body: bytes) -> str:
    """Stripe names an event in its body, which is signed."""
    if webhook.style != "stripe":
        return ""
    try:
        return msgspec.json.decode(body, type=_Named).id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


class _Named(msgspec.Struct, frozen=True):
    id: str = ""


def _value(headers: Lines, name: str) -> str:
    values = _values(headers, name)
    if not values:
        raise NotSigned(f"the webhook has no {name}")
    if len(values) > 1:
        raise MalformedSignature(f"the webhook has more than one {name}")
    return values[0]


def _optional(headers: Lines, name: str) -> str:
    values = _values(headers, name)
    return values[0] if len(values) == 1 else ""


def _values(headers: Lines, name: str) -> list[str]:
    wanted = name.lower().encode()
    return [value.strip().decode("latin-1") for key, value in headers if key == wanted]


def _hex(text: str, *, must: str = "") -> bytes:
    if must and not text.startswith(must):
        raise MalformedSignature(f"the webhook's signature does not begin with {must}")
    digits = text.removeprefix("sha256=")
    try:
        return binascii.unhexlify(digits)
    except (binascii.Error, ValueError):
        raise MalformedSignature("the webhook's signature is not hexadecimal") from None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedSignature("the webhook's signature is not Base64") from None


def _time(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text)):
        raise MalformedSignature("the webhook's time is not one number of seconds")
    return int(text)
