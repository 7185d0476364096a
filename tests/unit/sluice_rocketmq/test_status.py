"""What a server's status means."""

import grpc
import pytest

from sluice.errors import SourceLost, SourceRefused
from sluice_rocketmq.status import error_of, of_transport


@pytest.mark.parametrize(
    ("code", "setting"), [(40100, "secret_key"), (40402, "topic"), (40010, "filter_expression"), (40003, "consumer_group")]
)
def test_what_only_a_changed_setting_helps_names_the_setting(code: int, setting: str) -> None:
    error = error_of(code, "said", "topic jobs")
    assert isinstance(error, SourceRefused)
    assert setting in str(error)
    assert "said" in str(error)


@pytest.mark.parametrize("code", [42900, 50001, 50400, 12345])
def test_everything_else_passes(code: int) -> None:
    assert isinstance(error_of(code, "said", "topic jobs"), SourceLost)


@pytest.mark.parametrize(
    ("code", "said", "setting"),
    [
        (grpc.StatusCode.UNAVAILABLE, "Ssl handshake failed: CERTIFICATE_VERIFY_FAILED", "tls_ca"),
        (grpc.StatusCode.UNAVAILABLE, "Hostname Verification Check failed.", "tls_ca"),
        (grpc.StatusCode.INVALID_ARGUMENT, "process client telemetryCommand failed. group not found: g", "consumer_group"),
        (grpc.StatusCode.UNAUTHENTICATED, "no", "secret_key"),
        (grpc.StatusCode.UNIMPLEMENTED, "unknown service", "endpoints"),
    ],
)
def test_a_call_that_fails_for_a_setting_names_it(code: grpc.StatusCode, said: str, setting: str) -> None:
    error = of_transport(code, said, "a:1")
    assert isinstance(error, SourceRefused)
    assert setting in str(error)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL])
def test_a_call_that_fails_otherwise_is_a_lost_source(code: grpc.StatusCode) -> None:
    assert isinstance(of_transport(code, "connection refused", "a:1"), SourceLost)
