"""Who may pass: signatures, tokens and app codes checked with the catalog's keys."""

import hmac
from collections.abc import Mapping, Sequence

import msgspec

from sluice import auth_token
from sluice.auth_token import TokenExpired, TokenRefused
from sluice.catalog import Key, Snapshot
from sluice.clock import Clock
from sluice.errors import SluiceError, Unavailable
from sluice.identity import APP, Identity, may
from sluice.metrics import UNKNOWN_SENDERS, Counter
from sluice.signature import (
    WINDOW_S,
    DateOutsideWindow,
    MalformedSignature,
    NotSigned,
    PayloadNotCovered,
    SignatureMismatch,
    Signed,
    SignedRequest,
    UnknownKey,
    UnsupportedAlgorithm,
    read_authorization,
    verify,
)
from sluice_gateway import webhook
from sluice_gateway.nonces import HEADER as NONCE
from sluice_gateway.nonces import NonceRefused, Nonces
from sluice_gateway.refusal import Refusal, forbidden, unauthorized, unavailable
from sluice_gateway.webhook import Webhook

AUTHORIZATION, AUTH_TOKEN = b"authorization", b"x-auth-token"
SECURITY_TOKEN, APP_CODE = b"x-security-token", b"x-apig-appcode"
CREDENTIALS = frozenset({AUTHORIZATION, AUTH_TOKEN, SECURITY_TOKEN, APP_CODE})
"""Headers that hold or prove a secret of whoever sent the request."""

Lines = Sequence[tuple[bytes, bytes]]
"""Headers; their names are in lower case."""


class Doorkeeping(msgspec.Struct, frozen=True, kw_only=True):
    """How strict the door is: see the settings of the same names."""

    signature_window_s: float = WINDOW_S
    require_nonce: bool = False


class KeyExpired(SluiceError):
    """The key was good once."""


class SecurityTokenRefused(SluiceError):
    """Missing beside a temporary key, or not the key's own."""


class AppCodeRefused(SluiceError):
    """Of no app."""


class NotHere(SluiceError):
    """A key that is good elsewhere: an app's at the API, another project's at a trigger."""


REASONS: Mapping[type[SluiceError], str] = {
    NotSigned: "not_signed",
    MalformedSignature: "malformed",
    UnsupportedAlgorithm: "algorithm",
    DateOutsideWindow: "date",
    PayloadNotCovered: "payload",
    UnknownKey: "key",
    SignatureMismatch: "signature",
    KeyExpired: "expired",
    SecurityTokenRefused: "security_token",
    NonceRefused: "nonce",
    TokenRefused: "token",
    TokenExpired: "token_expired",
    AppCodeRefused: "app_code",
    NotHere: "not_here",
}
"""Everything that ends in 401, as the metric names it; a refused login counts as `login`."""


class Doorkeeper:
    """Raises Refusal: 401 for whoever cannot be known, 403 for whoever is known and may not."""

    def __init__(self, snapshot: Snapshot, clock: Clock, doorkeeping: Doorkeeping | None = None) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._window_s = (doorkeeping or Doorkeeping()).signature_window_s
        self._nonces = Nonces(self._window_s, clock.time()) if doorkeeping and doorkeeping.require_nonce else None
        self.refused = Counter(UNKNOWN_SENDERS)

    def glance(self, headers: Lines) -> None:
        """Before a body is read: is there anything that may say who sends this?"""
        try:
            if not shown(headers, AUTH_TOKEN) or shown(headers, AUTHORIZATION):
                read_authorization(headers)
        except SluiceError as refusal:
            raise self._unknown(refusal) from None

    def glance_app(self, headers: Lines) -> None:
        """As `glance`, for a trigger whose auth is APP."""
        try:
            if not shown(headers, APP_CODE):
                read_authorization(headers)
        except SluiceError as refusal:
            raise self._unknown(refusal) from None

    def glance_publisher(self, headers: Lines) -> None:
        """As `glance`, for whoever publishes: an app may."""
        if not shown(headers, APP_CODE):
            self.glance(headers)

    def identify(self, method: str, path: bytes, query: bytes, headers: Lines, body: bytes) -> Identity:
        """Who signed exactly this request, or whose token it shows."""
        try:
            key = self._sender(SignedRequest(method, path, query, tuple(headers), body))
            if key.role == APP:
                raise NotHere("the key of an app calls triggers whose auth is APP, and nothing else")
        except Unavailable as refusal:
            raise unavailable(str(refusal), refusal.retry_after_s) from None
        except SluiceError as refusal:
            raise self._unknown(refusal) from None
        return Identity(key.project, key.access_key, key.role)

    def check_caller(self, project: str, request: SignedRequest) -> None:
        """Whether the sender may call a trigger of that project whose auth is IAM."""
        identity = self.identify(request.method, request.path, request.query, request.headers, request.body)
        if identity.project != project:
            raise self._unknown(NotHere("no key of this project"))
        check_may_invoke(identity)

    def check_app(self, project: str, trigger: str, request: SignedRequest) -> None:
        """Whether the sender is an app that may call a trigger of that project whose auth is APP."""
        try:
            code = shown(request.headers, APP_CODE)
            key = self._app(code) if code else self._signer(request)
            if key.role != APP or key.project != project:
                raise NotHere("no app of this project")
        except Unavailable as refusal:
            raise unavailable(str(refusal), refusal.retry_after_s) from None
        except SluiceError as refusal:
            raise self._unknown(refusal) from None
        if key.triggers and trigger not in key.triggers:
            raise forbidden("the app may not call this trigger")

    def check_publisher(self, project: str, request: SignedRequest) -> None:
        """Whether the sender may publish in that project: as who may invoke, or as an app that is not confined to some triggers."""
        if shown(request.headers, APP_CODE):
            self.check_app(project, "", request)
        else:
            self.check_caller(project, request)

    def glance_webhook(self, wanted: Webhook, headers: Lines) -> webhook.Signed:
        """What a webhook says about the body that is still to be read."""
        try:
            return webhook.read(wanted, headers)
        except SluiceError as refusal:
            raise self._unknown(refusal) from None

    def check_webhook(self, wanted: Webhook, signed: webhook.Signed, body: bytes) -> str:
        """Whether a webhook is the sender's; its delivery's id, "" where it has none."""
        try:
            return webhook.check(wanted, signed, body, self._clock.time())
        except SluiceError as refusal:
            raise self._unknown(refusal) from None

    def _sender(self, request: SignedRequest) -> Key:
        token = shown(request.headers, AUTH_TOKEN)
        if token and not shown(request.headers, AUTHORIZATION):
            return self._unexpired(auth_token.verify(token.decode("latin-1"), self._lasting, self._clock.time()))
        return self._signer(request)

    def _signer(self, request: SignedRequest) -> Key:
        now = self._clock.time()
        signed = verify(request, self._secret_of, now=now, window_s=self._window_s)
        key = self._unexpired(self._snapshot.keys[signed.access_key])
        _check_security_token(key, signed, request.headers)
        if self._nonces:
            self._nonces.take(key.access_key, signed.headers.get(NONCE, b""), signed.at, now)
        return key

    def _app(self, code: bytes) -> Key:
        """An app's code begins with its key, so that finding it takes no comparison of secrets."""
        key = self._snapshot.keys.get(code.partition(b"_")[0].decode("latin-1"))
        expected = key.app_code if key and key.app_code else "the code of no app"
        if not hmac.compare_digest(code, expected.encode()) or key is None or not key.app_code:
            raise AppCodeRefused("the app code is wrong")
        return self._unexpired(key)

    def _unexpired(self, key: Key) -> Key:
        if key.expires and key.expires <= self._clock.time():
            raise KeyExpired("the access key has expired")
        return key

    def _secret_of(self, access_key: str) -> str | None:
        key = self._snapshot.keys.get(access_key)
        return key.secret_key if key else None

    def _lasting(self, access_key: str) -> Key | None:
        """Tokens are not issued for temporary keys, whose secret alone must not be enough, nor for apps."""
        key = self._snapshot.keys.get(access_key)
        return key if key and may_log_in(key) else None

    def _unknown(self, refusal: SluiceError) -> Refusal:
        self.refused.add(REASONS[type(refusal)])
        return unauthorized(str(refusal))


def shown(headers: Lines, name: bytes) -> bytes:
    """The value of a header that is there once; b"" where it is not, or not once. `name` and the headers' names are in lower case."""
    values = [value for key, value in headers if key == name]
    return values[0].strip() if len(values) == 1 else b""


def may_log_in(key: Key) -> bool:
    return not key.security_token and key.role != APP


def check_may_invoke(identity: Identity) -> None:
    if not may(identity.role, "invoke"):
        raise forbidden(f"the role {identity.role} may not invoke functions")


def _check_security_token(key: Key, signed: Signed, headers: Lines) -> None:
    given = signed.headers.get(SECURITY_TOKEN, b"")
    if not key.security_token and not shown(headers, SECURITY_TOKEN):
        return
    if not key.security_token or not hmac.compare_digest(given, key.security_token.encode()):
        raise SecurityTokenRefused("the signed header X-Security-Token is not that of this access key")
