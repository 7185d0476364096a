"""A missing server is seen: a skip with its reason at home, a failure on the build farm."""

import socket

import pytest

from tests.servers import free_port_run, is_free, missing


def test_a_missing_server_is_a_skip_with_its_reason_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no java"):
        missing("no java")


def test_a_missing_server_is_a_failure_on_the_build_farm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no java"):
        missing("no java")


def test_a_run_of_ports_is_free() -> None:
    first = free_port_run(4)
    assert all(is_free(first + step) for step in range(4))


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not is_free(listener.getsockname()[1])
