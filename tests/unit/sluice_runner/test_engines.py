"""The engine that the settings name."""

import subprocess
import sys
from pathlib import Path

import pytest

from sluice.errors import ConfigurationError, Invalid
from sluice.settings import Settings
from sluice_runner.engine_docker import DockerEngine
from sluice_runner.engine_process import ProcessEngine
from sluice_runner.engines import engine_of


def test_without_a_word_instances_are_processes(tmp_path: Path) -> None:
    assert isinstance(engine_of(Settings(data=tmp_path)), ProcessEngine)


def test_docker_is_the_other_engine(tmp_path: Path) -> None:
    assert isinstance(engine_of(Settings(data=tmp_path, engine="docker")), DockerEngine)


def test_what_docker_needs_is_imported_for_docker_only() -> None:
    program = "import sys, sluice_runner.engines; sys.exit('aiodocker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sluice_runner.engine_docker")
    monkeypatch.delitem(sys.modules, "sluice_runner.docker_daemon")
    monkeypatch.setitem(sys.modules, "aiodocker", None)
    with pytest.raises(ConfigurationError, match=r'aiodocker: pip install "sluice\[runner\]"'):
        engine_of(Settings(data=tmp_path, engine="docker"))


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:2375", "/var/run/docker.sock", ""])
def test_the_daemon_is_on_this_machine(address: str) -> None:
    with pytest.raises(Invalid, match=r"docker: is .* and is unix:///PATH"):
        Settings(docker=address)
