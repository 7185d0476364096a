"""What is executed for a function."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.engine import StartFailed
from sluice.function import Function
from sluice.runtimes import HANDLED
from sluice_runner import programs
from sluice_runner.programs import interpreter, program

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Puts programs of these names on the machine, in place of what is there."""
    monkeypatch.setattr(programs, "PATH", str(tmp_path))

    def make(*names: str) -> None:
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)

    return make


@pytest.mark.parametrize(
    ("runtime", "there", "chosen"),
    [
        ("Python3.9", ("python3.9", "python3.11", "python3"), "python3.9"),
        ("Python3.10", ("python3.9", "python3.11", "python3.13"), "python3.11"),
        ("Python3.12", ("python3.9", "python3"), "python3"),
        ("Node.js18.15", ("node", "node18"), "node18"),
        ("Node.js18.15", ("nodejs",), "nodejs"),
    ],
)
def test_the_version_itself_goes_before_a_newer_one_and_that_before_any(
    install: Install, tmp_path: Path, runtime: str, there: tuple[str, ...], chosen: str
) -> None:
    install(*there)
    assert interpreter(HANDLED[runtime]) == str(tmp_path / chosen)


def test_what_is_not_there_is_named(install: Install) -> None:
    install("python3")
    with pytest.raises(StartFailed, match=r"there is no Node\.js on this machine: none of node14 to nodejs"):
        interpreter(HANDLED["Node.js14.18"])


def test_a_package_that_is_a_server_is_executed() -> None:
    assert program(Function("urn")) == (["./bootstrap"], "")
    assert program(Function("urn", runtime="http")) == (["./bootstrap"], "")


def test_a_handler_is_served_by_an_interpreter_that_reads_the_server() -> None:
    arguments, given = program(Function("urn", runtime="Python3.9", handler="index.handler"))
    assert arguments[0].startswith("/")
    assert arguments[1] == "-"
    assert "def main()" in given
