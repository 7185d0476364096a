"""A missing server is seen: a skip with its reason at home, a failure on the build farm."""

import os
import socket
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize(("farm", "code"), [("", 0), ("true", 1)])
def test_what_is_skipped_for_any_other_reason_is_a_failure_there_too(tmp_path: Path, farm: str, code: int) -> None:
    (tmp_path / "test_one.py").write_text("import pytest\n\n\n@pytest.mark.skip(reason='no such thing here')\ndef test_one(): ...\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, env=os.environ | {"CI": farm}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout
    assert "no such thing here" in done.stdout or not code


def test_a_run_of_ports_is_free() -> None:
    first = free_port_run(4)
    assert all(is_free(first + step) for step in range(4))


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not is_free(listener.getsockname()[1])
