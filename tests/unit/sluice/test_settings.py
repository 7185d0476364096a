"""Settings: where they come from, and that every fault is told at once."""

from pathlib import Path

import pytest

from sluice.errors import Invalid
from sluice.settings import load


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sluice.toml"
    file.write_text('listen = "127.0.0.1:1"\nregion = "file-1"\nlog_level = "error"\n')
    monkeypatch.setenv("SLUICE_REGION", "env-1")
    monkeypatch.setenv("SLUICE_LOG_LEVEL", "warning")
    settings = load(file, log_level="debug", listen=None)
    assert (settings.listen, settings.region, settings.log_level) == ("127.0.0.1:1", "env-1", "debug")


def test_every_fault_is_named_in_one_message(tmp_path: Path) -> None:
    file = tmp_path / "sluice.toml"
    file.write_text('lisen = "x"\nmemory_budget_mb = -1\nlog_level = "loud"\n')
    with pytest.raises(Invalid) as refused:
        load(file)
    assert {fault.field for fault in refused.value.faults} == {"lisen", "memory_budget_mb", "log_level"}


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_LISSEN", "x")
    with pytest.raises(Invalid, match="lissen"):
        load()


def test_the_command_lines_own_variables_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_SECRET_KEY", "x")
    assert load().region == "local-1"


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "sluice.toml"
    file.write_text("= 1")
    with pytest.raises(Invalid, match="TOML"):
        load(file)


def test_a_secret_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_MESH_SECRET", "hush-hush")
    assert "hush-hush" not in repr(load())


@pytest.mark.parametrize("listen", ["8090", ":8090", "localhost", "localhost:http", "127.0.0.1:65536", "::1:80", ""])
def test_an_address_that_is_none_is_refused_by_name(listen: str) -> None:
    with pytest.raises(Invalid, match=r"^listen: is .* HOST:PORT"):
        load(listen=listen)


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:8090", "[::1]:65535"])
def test_an_address_is_host_and_port(listen: str) -> None:
    assert load(listen=listen).listen == listen


def test_variables_are_read_as_what_the_setting_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_MESH_SECRET", "1234567890123456")
    monkeypatch.setenv("SLUICE_REGION", "12")
    monkeypatch.setenv("SLUICE_MEMORY_BUDGET_MB", "512")
    monkeypatch.setenv("SLUICE_TRACE_RATIO", "1")
    settings = load()
    assert settings.mesh_secret.reveal() == "1234567890123456"
    assert (settings.region, settings.memory_budget_mb, settings.trace_ratio) == ("12", 512, 1.0)


def test_a_variable_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_MEMORY_BUDGET_MB", "plenty")
    with pytest.raises(Invalid, match="memory_budget_mb"):
        load()


def test_the_directories_whose_files_triggers_may_follow_are_absolute() -> None:
    assert load().readable_directories == (Path("/var/log"),)
    assert load(readable_logs="/var/log/app, /srv/logs").readable_directories == (Path("/var/log/app"), Path("/srv/logs"))
    assert load(readable_logs="").readable_directories == ()
    with pytest.raises(Invalid, match="readable_logs"):
        load(readable_logs="/var/log,logs")
