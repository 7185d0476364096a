"""Service tokens: who a peer is, and what it may use.

A token is its claims as JSON and their HMAC-SHA256 by a secret that all of the mesh share, both in base64url. It hides nothing and is
not bound to a connection: keep the wire on loopback, on unix sockets or inside a network that you trust until mTLS joins.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from sluice.errors import ConfigurationError
from sluice.wire.faults import Unauthenticated

ANY = "*"
FUNCTIONS = "functions"
"""Among the kinds: the environment and secrets of functions."""
KEYS = "keys"
"""Among the kinds: access keys."""
SHORTEST_SECRET = 16


class ServiceToken(msgspec.Struct, frozen=True):
    """What the bearer is and may do.

    `rpcs` are names such as `Dispatcher.Deliver`, `Dispatcher.*` or `*`. `kinds` are the trigger kinds whose events it may hand over
    and whose settings it may read; `functions` and `keys` open those secrets; `*` opens everything. `project` confines it to one
    project, "" to none. `expires` is in seconds since the epoch, 0 for never.
    """

    service: str
    rpcs: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    project: str = ""
    expires: float = 0.0

    def may_call(self, rpc: str) -> bool:
        return ANY in self.rpcs or rpc in self.rpcs or f"{rpc.partition('.')[0]}.{ANY}" in self.rpcs

    def may_see(self, kind: str) -> bool:
        return ANY in self.kinds or kind in self.kinds


ANYBODY = ServiceToken("", frozenset({ANY}), frozenset({ANY}))
"""What a peer is where no secret is configured, which is on loopback only."""

_ROLES = {
    "control": ServiceToken(
        "control",
        frozenset({"Records.*", "Runner.Instances", "Runner.Logs", "Dispatcher.Seek", "Push.Publish", "Status.Checks"}),
    ),
    "gateway": ServiceToken(
        "gateway",
        frozenset({"Catalog.Watch", "Catalog.Report", "Dispatcher.Push", "Dispatcher.Call", "Push.*", "Status.Figures"}),
        frozenset({"gateway", KEYS}),
    ),
    "dispatcher": ServiceToken(
        "dispatcher",
        frozenset({"Catalog.Watch", "Catalog.Report", "Runner.Run", "Runner.Unstarted", "Runner.Instances"}),
        frozenset({FUNCTIONS}),
    ),
    "runner": ServiceToken("runner", frozenset({"Catalog.*"}), frozenset({FUNCTIONS})),
}
_TRIGGER_RPCS = frozenset(
    {
        "Catalog.Watch",
        "Catalog.Report",
        "Dispatcher.Claim",
        "Dispatcher.Release",
        "Dispatcher.Deliver",
        "Dispatcher.Push",
        "Dispatcher.Call",
    }
)


def token_for(service: str) -> ServiceToken:
    """What a service of the mesh needs and no more; a name that is no core service is a trigger kind."""
    return _ROLES.get(service) or ServiceToken(service, _TRIGGER_RPCS, frozenset({service}))


def check_secret(secret: bytes) -> None:
    """Raises ConfigurationError for a secret that could be guessed."""
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(f"the mesh secret has {len(secret)} bytes; at least {SHORTEST_SECRET} are needed")


def issue(token: ServiceToken, secret: bytes) -> str:
    """The text that a service sends as `authorization: bearer <text>`."""
    check_secret(secret)
    claims = msgspec.json.encode(token, order="deterministic")
    return f"{_text(claims)}.{_text(_signature(claims, secret))}"


def check(text: str, secrets: Sequence[bytes], now: float) -> ServiceToken:
    """The token, if one of `secrets` signed it (several while a secret is being replaced). Raises Unauthenticated."""
    claims_text, _, signature_text = text.partition(".")
    try:
        claims, signature = _raw(claims_text), _raw(signature_text)
    except (binascii.Error, ValueError):
        raise Unauthenticated("the service token is not readable") from None
    if not any(hmac.compare_digest(signature, _signature(claims, secret)) for secret in secrets):
        raise Unauthenticated("the service token was not signed by this mesh")
    token = msgspec.json.decode(claims, type=ServiceToken)
    if token.expires and token.expires <= now:
        raise Unauthenticated(f"the service token of {token.service} has expired")
    return token


def _signature(claims: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"sluice service token\0" + claims, hashlib.sha256)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True)
