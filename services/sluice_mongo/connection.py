"""How to reach a deployment and log in, and what the driver's errors mean to us."""

import tempfile
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from sluice.errors import SourceLost, SourceRefused
from sluice.tls import client_context
from sluice_mongo.changes import PositionLost
from sluice_mongo.settings import MongoSettings

SELECT_MS = 5_000
"""How long a server is looked for before the source counts as lost. Shorter than an election may take: then it is tried again."""
CONNECT_MS = 5_000
SILENCE_MS = 20_000
"""A server that does not answer for so long is lost."""

FAILURES = (PyMongoError, OSError)
"""Everything the driver raises for what happens on the other side."""

_LOST_POSITION = frozenset({136, 260, 280, 286, 40585, 40615})
"""CappedPositionLost, InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost, and older servers' ways to say it."""
_LOGIN = frozenset({11, 18, 8000})
"""UserNotFound, AuthenticationFailed, and Atlas's own."""
_TOO_LARGE = 10334
_NO_STREAMS = frozenset({59, 40324, 40573})
"""CommandNotFound, an unknown stage, and a server that belongs to no replica set."""
_NO_IMAGE = 47
_REFUSED = frozenset({2, 9, 13, 20, 31, 72, 73, 166, 40415})
"""The server answered and said no; only a changed setting helps."""
_CLOSED = frozenset({43, 222, 234, 237})
"""CursorNotFound, CloseChangeStream, RetryChangeStream, CursorKilled: opened again where it was, nothing is missing."""


def client(settings: MongoSettings) -> AsyncMongoClient[Any]:
    """Connects to nothing yet. Raises SourceRefused if an option, a certificate or a key cannot be used."""
    options: dict[str, Any] = {
        "appname": "sluice",
        "maxPoolSize": 4,
        "serverSelectionTimeoutMS": SELECT_MS,
        "connectTimeoutMS": CONNECT_MS,
        "socketTimeoutMS": SILENCE_MS,
        "retryReads": False,
    }
    if settings.replica_set:
        options["replicaSet"] = settings.replica_set
    if settings.db_password:
        options |= {"username": settings.db_user, "password": settings.db_password, "authSource": settings.auth_source}
    with tempfile.TemporaryDirectory() as folder:
        if settings.ssl_enable:
            options |= _tls(settings, Path(folder))
        try:
            return AsyncMongoClient(settings.connection_string or settings.instance_addrs, **options)
        except (ConfigurationError, InvalidURI, ValueError, TypeError) as fault:
            raise SourceRefused(f"connection_string cannot be used: {fault}") from fault


def _tls(settings: MongoSettings, folder: Path) -> dict[str, Any]:
    """The driver reads files, and only while it is made."""
    client_context(settings.tls_ca, settings.tls_certificate, settings.tls_key)
    options: dict[str, Any] = {"tls": True}
    if settings.tls_ca:
        options["tlsCAFile"] = _file(folder / "ca", settings.tls_ca)
    if settings.tls_certificate:
        both = f"{_content(settings.tls_certificate)}\n{_content(settings.tls_key)}"
        options["tlsCertificateKeyFile"] = _file(folder / "both", both)
    return options


def _content(text: str) -> str:
    return text if "-----BEGIN" in text else Path(text).read_text()


def _file(place: Path, text: str) -> str:
    if "-----BEGIN" not in text:
        return text
    place.touch(0o600)
    place.write_text(text)
    return str(place)


def reopens(error: BaseException) -> bool:
    """Whether the stream is only to be opened again where it was."""
    if isinstance(error, OperationFailure):
        return error.code in _CLOSED or error.has_error_label("ResumableChangeStreamError")
    return isinstance(error, ConnectionFailure) and not isinstance(error, ServerSelectionTimeoutError)


def translated(error: BaseException, servers: str) -> Exception:
    """The driver's error as ours."""
    if isinstance(error, OperationFailure):
        return _answered(error, servers)
    if isinstance(error, (ConfigurationError, InvalidURI, InvalidName)):
        return SourceRefused(f"{servers}: {error}")
    if "SSL" in str(error) or "CERTIFICATE" in str(error):
        return SourceRefused(f"{servers}: TLS failed: {_first(error)}")
    if isinstance(error, ServerSelectionTimeoutError):
        return SourceLost(f"{servers} does not answer, or has no primary: {_first(error)}")
    return SourceLost(f"{servers}: {_first(error)}")


def _answered(error: OperationFailure, servers: str) -> Exception:
    said = f"{error.details.get('codeName', '') if error.details else ''} ({error.code}): {_first(error)}".strip()
    if error.code in _LOST_POSITION:
        return PositionLost(said)
    if error.code in _LOGIN:
        return SourceRefused(f"{servers} refused db_user, db_password or auth_source: {said}")
    if error.code in _NO_STREAMS:
        return SourceRefused(f"{servers} has no change streams (they need a replica set): {said}")
    if error.code == _TOO_LARGE:
        return SourceRefused(f"a change is larger than 16 MiB, as full_document and full_document_before_change have it: {said}")
    if error.code == _NO_IMAGE:
        return SourceRefused(f"full_document or full_document_before_change is required, and not there: {said}")
    if error.code in _REFUSED:
        return SourceRefused(f"{servers} refused: {said}")
    return SourceLost(f"{servers}: {said}")


def _first(error: BaseException) -> str:
    """The driver writes all it knows behind it."""
    return str(error).partition(", full error:")[0].partition(", Topology Description:")[0][:300]
