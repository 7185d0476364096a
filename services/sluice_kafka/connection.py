"""How to reach a cluster and log in, and what its errors mean to us."""

import ssl
from typing import Any

from aiokafka import errors

from sluice.errors import SourceLost, SourceRefused
from sluice.tls import client_context
from sluice_kafka.settings import KafkaSettings

REQUEST_TIMEOUT_MS = 15_000
CLIENT_ID = "sluice"

_REFUSED = (
    errors.SaslAuthenticationFailed,
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.InconsistentGroupProtocolError,
    errors.InvalidGroupIdError,
    errors.InvalidTopicError,
    errors.UnsupportedVersionError,
    errors.IncompatibleBrokerVersion,
)
"""The broker answered and said no; only a changed setting helps."""

FAILURES = (errors.KafkaError, OSError, EOFError, TimeoutError)
"""Everything the driver raises for what happens on the other side."""


def translated(error: BaseException, server: str) -> SourceLost | SourceRefused:
    """The driver's error as ours."""
    if isinstance(error, _REFUSED):
        return SourceRefused(f"{server} refused: {_said(error)}")
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLError):
        return SourceRefused(f"{server}: TLS failed: {getattr(cause, 'reason', None) or cause}")
    if isinstance(error, TimeoutError):
        return SourceLost(f"{server} does not answer")
    return SourceLost(f"{server}: {_said(error)}")


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def security(settings: KafkaSettings) -> dict[str, Any]:
    """What every connection of the driver is given. Raises SourceRefused if a certificate or key cannot be used."""
    options: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "security_protocol": settings.protocol,
        "ssl_context": tls(settings) if settings.kafka_ssl_enable else None,
    }
    if settings.kafka_user:
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.kafka_password,
        }
    return options


def tls(settings: KafkaSettings) -> ssl.SSLContext:
    return client_context(settings.tls_ca, settings.tls_certificate, settings.tls_key)
