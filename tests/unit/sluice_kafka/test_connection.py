"""What the driver's errors mean to us, and how certificates are given."""

import ssl
from pathlib import Path

import pytest
from aiokafka import errors

from sluice.errors import SourceLost, SourceRefused
from sluice_kafka.connection import security, tls, translated
from sluice_kafka.settings import KafkaSettings


def settings(**changes: object) -> KafkaSettings:
    return KafkaSettings(**({"kafka_connect_address": "a:1", "topic_ids": ["orders"]} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        errors.SaslAuthenticationFailed("Authentication failed: Invalid username or password"),
        errors.UnsupportedSaslMechanismError("no PLAIN here"),
        errors.TopicAuthorizationFailedError("orders"),
        errors.GroupAuthorizationFailedError("g"),
        ssl.SSLCertVerificationError("self-signed certificate"),
    ],
)
def test_an_answer_that_says_no_is_refused(error: Exception) -> None:
    assert isinstance(translated(error, "a:1"), SourceRefused)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connect call failed"),
        TimeoutError(),
        errors.KafkaConnectionError("closed"),
        errors.GroupCoordinatorNotAvailableError(),
        errors.NotLeaderForPartitionError(),
        EOFError(),
    ],
)
def test_no_answer_is_lost(error: Exception) -> None:
    assert isinstance(translated(error, "a:1"), SourceLost)


def test_a_broken_connection_that_hides_a_tls_fault_is_refused() -> None:
    hidden = errors.KafkaConnectionError("closed")
    hidden.__cause__ = ssl.SSLError(1, "[SSL] tlsv13 alert certificate required")
    assert isinstance(translated(hidden, "a:1"), SourceRefused)


def test_the_server_is_named_and_the_password_is_not() -> None:
    chosen = settings(kafka_user="u", kafka_password="very-secret")
    reason = translated(errors.SaslAuthenticationFailed("Invalid username or password"), "a:1")
    assert "a:1" in str(reason)
    assert "very-secret" not in str(reason)
    assert security(chosen)["sasl_plain_password"] == "very-secret"


def test_a_certificate_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(SourceRefused, match="tls_ca cannot be used: No such file"):
        tls(settings(kafka_ssl_enable=True, tls_ca="/nowhere/ca.pem"))


def test_a_file_that_is_no_certificate_is_refused_without_its_text(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    with pytest.raises(SourceRefused) as caught:
        tls(settings(kafka_ssl_enable=True, tls_certificate=str(secret), tls_key=str(secret)))
    assert "tls_certificate" in str(caught.value)
    assert "hunter2" not in str(caught.value)
