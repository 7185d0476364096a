"""The door of a server: every rpc shows a service token before anything else happens."""

from collections.abc import Iterable, Sequence
from typing import Any

import grpc.aio

from sluice.clock import Clock, SystemClock
from sluice.wire.faults import PermissionDenied, Unauthenticated
from sluice.wire.token import ANYBODY, ServiceToken, check, check_secret

AUTHORIZATION = "authorization"
SCHEME = "bearer "


class Guard:
    """Checks tokens by the mesh secrets. Without a secret everybody may do everything; such a server listens on this machine only."""

    def __init__(self, secrets: Sequence[bytes] = (), clock: Clock | None = None) -> None:
        for secret in secrets:
            check_secret(secret)
        self._secrets = tuple(secrets)
        self._clock = clock or SystemClock()

    def admit(self, rpc: str, metadata: Iterable[tuple[str, str | bytes]] | None) -> ServiceToken:
        """The caller of `rpc`. Raises Unauthenticated or PermissionDenied."""
        if not self._secrets:
            return ANYBODY
        shown = dict(metadata or ()).get(AUTHORIZATION, "")
        if not isinstance(shown, str) or shown[: len(SCHEME)].lower() != SCHEME:
            raise Unauthenticated(f"{rpc} needs a service token")
        token = check(shown[len(SCHEME) :], self._secrets, self._clock.time())
        if not token.may_call(rpc):
            raise PermissionDenied(f"{token.service} may not call {rpc}")
        return token

    def caller(self, rpc: str, context: grpc.aio.ServicerContext[Any, Any]) -> ServiceToken:
        return self.admit(rpc, context.invocation_metadata())


def need_kind(token: ServiceToken, kind: str) -> None:
    """Raises PermissionDenied unless the bearer serves the kind."""
    if not token.may_see(kind):
        raise PermissionDenied(f"{token.service} does not serve the kind {kind}")


def need_project(token: ServiceToken, project: str) -> None:
    """Raises PermissionDenied for a project that the bearer is not confined to."""
    if token.project and token.project != project:
        raise PermissionDenied(f"{token.service} may not see project {project}")
