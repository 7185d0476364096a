"""Clients of SQS- and S3-compatible services through aiobotocore, and what its errors mean to us."""

import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError, SSLError

from sluice.errors import SourceLost, SourceRefused
from sluice.tls import client_context
from sluice_obs.settings import ObsSettings

CONNECT_S = 5
ANSWER_S = 35
"""Longer than a queue is asked to wait for a message."""
_FAILURES = (BotoCoreError, ClientError, OSError, TimeoutError)
"""Everything the driver raises for what happens on the other side."""
_LOGIN = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_LATER = frozenset({"RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException"})


class Client:
    """One client of one service. `missing` says which setting names what is not there, by the service's code for it."""

    def __init__(self, service: str, settings: ObsSettings, endpoint: str, missing: Mapping[str, str]) -> None:
        self._service = service
        self._settings = settings
        self._endpoint = endpoint
        self._missing = missing
        self._open = AsyncExitStack()
        self._client: Any = None

    async def connect(self) -> None:
        """Nothing is sent yet. Raises SourceRefused if `tls_ca` cannot be used."""
        settings = self._settings
        making = _session().create_client(
            self._service,
            endpoint_url=self._endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            verify=self._authority(),
            # Whoever repeats a request is in this kind, and nowhere below it. Bucket names that are no host names need the path.
            config=AioConfig(
                connect_timeout=CONNECT_S, read_timeout=ANSWER_S, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
            ),
        )
        self._client = await self._open.enter_async_context(making)

    def _authority(self) -> str | None:
        """A file, as the driver wants it."""
        authority = self._settings.tls_ca
        if not authority:
            return None
        client_context(authority, "", "")
        if "-----BEGIN" not in authority:
            return authority
        file = Path(self._open.enter_context(tempfile.TemporaryDirectory()), "authority.pem")
        file.write_text(authority)
        return str(file)

    async def call(self, operation: str, **arguments: Any) -> Any:
        """One request; again, once, if it fell into a connection that was kept open and that the service had closed."""
        if self._client is None:
            raise SourceLost("not connected")
        try:
            try:
                return await getattr(self._client, operation)(**arguments)
            except ConnectionClosedError:
                return await getattr(self._client, operation)(**arguments)
        except _FAILURES as error:
            raise self._translated(error) from error

    async def close(self) -> None:
        self._client = None
        await self._open.aclose()
        self._open = AsyncExitStack()

    def _translated(self, error: BaseException) -> SourceLost | SourceRefused:
        """The driver's error as ours. It never holds the secret."""
        match error:
            case ClientError():
                return self._answered(error)
            case SSLError():
                return SourceRefused(f"tls_ca: {self._endpoint}: TLS failed: {error}")
            case ConnectTimeoutError() | ReadTimeoutError() | TimeoutError():
                return SourceLost(f"{self._endpoint} does not answer")
            case _:
                return SourceLost(f"{self._endpoint}: {type(error).__name__}: {error}"[:300])

    def _answered(self, error: ClientError) -> SourceLost | SourceRefused:
        told, status = error.response.get("Error", {}), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(told.get("Code", ""))
        if code in self._missing:
            return SourceRefused(f"{self._missing[code]}: {self._endpoint} has no such thing: {code}")
        if code in _LOGIN:
            return SourceRefused(f"access_key, secret_key: {self._endpoint} refused them: {code}")
        said = f"{self._endpoint}: {code}: {told.get('Message', '')}"[:300]
        return SourceLost(said) if status >= 500 or code in _LATER else SourceRefused(said)


@lru_cache(maxsize=1)
def _session() -> AioSession:
    """One for the process: it holds the descriptions of services, which take a tenth of a second to read."""
    return AioSession()
