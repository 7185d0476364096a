"""Exit codes: 0 done, 1 refused, 2 usage, 3 nobody answers."""

import socket
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
import structlog

from sluice.errors import ConfigurationError
from sluice_cli import main
from sluice_cli.main import run


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command sets the logs of its process up; here that would outlive it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    """A data directory whose endpoint does not answer."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    text = f'{{"endpoint": "http://127.0.0.1:{port}", "access_key": "a", "secret_key": "s", "project_id": "p"}}'
    (tmp_path / "credentials.json").write_text(text)
    return tmp_path


COMMANDS = [
    ["get", "functions"],
    ["describe", "trigger", "x"],
    ["delete", "function", "x", "--yes"],
    ["invoke", "x"],
    ["invoke", "x", "--event", "y"],
    ["events", "list", "x"],
    ["events", "show", "x", "y"],
    ["events", "create", "x", "y", "-d", "{}"],
    ["events", "update", "x", "y", "-d", "{}"],
    ["events", "delete", "x", "y", "--yes"],
    ["invocations", "x"],
    ["cancel", "x", "y"],
    ["stats"],
    ["stats", "x"],
    ["reserve", "list"],
    ["reserve", "set", "x", "1"],
    ["tags", "list"],
    ["tags", "set", "x", "a=b"],
    ["tags", "remove", "x", "a"],
    ["export", "x"],
    ["logs", "x"],
    ["tail"],
    ["explain", "x"],
    ["dead", "list"],
    ["dead", "show", "x"],
    ["dead", "redrive", "--dry-run"],
    ["dead", "purge", "--dry-run"],
    ["trigger", "pause", "x"],
    ["trigger", "resume", "x"],
    ["keys", "list"],
    ["doctor"],
    ["get", "quotas"],
    ["delete", "triggers", "x", "--all", "--yes"],
    ["function", "publish", "x"],
    ["function", "limit", "x", "1"],
    ["function", "disable", "x"],
    ["function", "enable", "x"],
    ["function", "download", "x"],
    ["alias", "set", "x", "live", "v1"],
    ["async", "list", "x"],
    ["async", "show", "x"],
    ["async", "set", "x", "--on-failure", "alarm"],
    ["async", "delete", "x", "--yes"],
    ["async", "log"],
    ["stats", "--of", "months"],
    ["tags", "find", "a=b"],
    ["projects", "show"],
    ["token"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nobody_answering_is_3_and_says_what_to_do(command: list[str], nobody: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--data", str(nobody)]) == 3
    assert "sluice up" in capsys.readouterr().err


def test_missing_credentials_are_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get", "functions", "--data", str(tmp_path)]) == 1
    assert "credentials.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["get", "things"],
        ["get", "versions"],
        ["nosuch"],
        ["invoke", "x", "-d", "{"],
        ["invoke", "x", "-d", "@nowhere"],
        ["events", "create", "x", "y", "-d", "{"],
        ["events", "delete", "x", "y"],
        ["export", "x", "--only", "all of it"],
        ["import", "nowhere.zip"],
        ["invocations", "x", "--state", "GONE"],
        ["invocations", "x", "--since", "soon"],
        ["stats", "x", "--minutes", "0"],
        ["stats", "--by", "beauty"],
        ["reserve", "set", "x", "-1"],
        ["dead", "list", "--since", "soon"],
        ["get", "functions", "-o", "xml"],
        ["describe", "quotas", "x"],
        ["delete", "functions", "x", "--all", "--yes"],
        ["function", "limit", "x", "-2"],
        ["alias", "set", "x", "live", "v1", "--weight", "much"],
        ["alias", "set", "x", "live", "v1", "--to", "v2"],
        ["alias", "set", "x", "live", "v1", "--to", "v2", "--rule", "nonsense"],
        ["async", "set", "x", "--on-failure", "bucket=b,colour=red"],
        ["async", "set", "x", "--max-age", "soon"],
        ["stats", "x", "--of", "months"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(command: list[str], nobody: Path) -> None:
    assert run([*command, "--data", str(nobody)]) == 2


def test_a_wrong_file_is_1_with_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sluice.yaml"
    file.write_text("functions:\n  a: {image: x, memory: 1}\n  b: {imag: x}\n")
    assert run(["check", str(file)]) == 1
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == [f"{file}:2", f"{file}:3", f"{file}:3"]
    assert run(["apply", "-f", str(file), "--data", str(tmp_path)]) == 1


def test_a_right_file_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).resolve().parents[3] / "examples/hello/sluice.yaml"
    assert run(["check", str(file)]) == 0
    assert "1 function, 2 triggers" in capsys.readouterr().out


def test_help_and_version_are_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert run(["version"]) == 0
    assert capsys.readouterr().out


def test_an_address_that_is_taken_is_1_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run(["up", "--data", str(tmp_path / "data"), "--listen", address]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"sluice: cannot listen on {address}: ")


def test_our_errors_in_a_group_are_told_and_bugs_not_hidden(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ours = ExceptionGroup("", [ConfigurationError("first"), ExceptionGroup("", [ConfigurationError("second")])])
    monkeypatch.setattr(main, "app", Mock(side_effect=ours))
    assert main.run([]) == 1
    assert capsys.readouterr().err == "sluice: first\nsluice: second\n"
    monkeypatch.setattr(main, "app", Mock(side_effect=ExceptionGroup("", [ConfigurationError("first"), ValueError("bug")])))
    with pytest.raises(ExceptionGroup):
        main.run([])
