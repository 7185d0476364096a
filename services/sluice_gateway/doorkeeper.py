"""Who may pass: signatures checked with the catalog's keys."""

from collections.abc import Sequence

from sluice.catalog import Snapshot
from sluice.clock import Clock
from sluice.identity import Identity
from sluice.signature import SignatureRefused, SignedRequest, read_authorization, verify
from sluice_gateway.refusal import forbidden, unauthorized

MAY_INVOKE = frozenset({"admin", "deployer", "invoker"})

Lines = Sequence[tuple[bytes, bytes]]


class Doorkeeper:
    """Raises Refusal: 401 for whoever cannot be known, 403 for whoever is known and may not."""

    def __init__(self, snapshot: Snapshot, clock: Clock) -> None:
        self._snapshot = snapshot
        self._clock = clock

    def glance(self, headers: Lines) -> None:
        """Before a body is read: is there a readable signature at all?"""
        try:
            read_authorization(headers)
        except SignatureRefused as refused:
            raise unauthorized(str(refused)) from None

    def identify(self, method: str, path: bytes, query: bytes, headers: Lines, body: bytes) -> Identity:
        """Who signed exactly this request."""
        request = SignedRequest(method, path, query, tuple(headers), body)
        try:
            access_key = verify(request, self._secret_of, now=self._clock.time())
        except SignatureRefused as refused:
            raise unauthorized(str(refused)) from None
        key = self._snapshot.keys[access_key]
        return Identity(key.project, key.access_key, key.role)

    def _secret_of(self, access_key: str) -> str | None:
        key = self._snapshot.keys.get(access_key)
        return key.secret_key if key else None


def check_may_invoke(identity: Identity) -> None:
    if identity.role not in MAY_INVOKE:
        raise forbidden(f"the role {identity.role} may not invoke functions")
