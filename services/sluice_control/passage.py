"""Control's own door in the mesh: only the gateway may come in, and it says whom it has verified."""

import base64
import time
from collections.abc import Sequence

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from sluice.errors import ConfigurationError
from sluice.identity import Identity
from sluice.wire.token import check

IDENTITY = b"x-sluice-identity"
GATEWAY = "gateway"


class Passage:
    """Wraps the API: a request without the gateway's service token is answered 401 and goes no further."""

    def __init__(self, api: ASGIApp, secrets: Sequence[bytes]) -> None:
        self._api = api
        self._secrets = secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        try:
            identity = self._verified(headers.get(b"authorization", b""), headers.get(IDENTITY, b""))
        except (ConfigurationError, msgspec.DecodeError, ValueError) as error:
            await _unauthorized(str(error), send)
            return
        await self._api({**scope, "state": {**scope.get("state", {}), "identity": identity}}, receive, send)

    def _verified(self, authorization: bytes, shown: bytes) -> Identity | None:
        scheme, _, text = authorization.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or check(text, self._secrets, time.time()).service != GATEWAY:
            raise ConfigurationError("only the gateway may ask control")
        return msgspec.json.decode(base64.b64decode(shown), type=Identity | None)


async def _unauthorized(why: str, send: Send) -> None:
    body = msgspec.json.encode({"error_code": "FSS.0401", "error_msg": f"Unauthorized access. {why}"})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
