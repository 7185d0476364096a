"""What somebody meets whose `sluice up` cannot start: one line that says why, and an exit code, at once."""

import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import running_sluice
from tests.e2e.driver import SLUICE, Sluice

WITHIN_S = 20.0
BOTH = pytest.mark.parametrize("mesh", [False, True], ids=["one process", "mesh"])


def refused(data: Path, *words: str, mesh: bool, listen: str = "127.0.0.1:0") -> str:
    """What `sluice up` says that must refuse to start, without its log."""
    command = [str(SLUICE), "up", "--data", str(data), "--listen", listen, *words, *(["--mesh"] if mesh else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if line.startswith("sluice: ")]
    return "\n".join(said)


@pytest.mark.parametrize("first", [False, True], ids=["one process", "mesh"])
def test_a_second_one_on_a_data_directory_names_the_holder_whichever_way_it_is_started(first: bool) -> None:
    with running_sluice(first) as sluice:
        assert sluice.process is not None
        for mesh in (False, True):
            began = time.monotonic()
            said = refused(sluice.data, mesh=mesh)
            assert re.fullmatch(rf"sluice: {sluice.data} is held by process {sluice.process.pid}, started \S+: stop it, or .*", said)
            assert time.monotonic() - began < 10
        assert sluice.get("/readyz")[0] == 200


@BOTH
def test_a_taken_port_is_named(tmp_path: Path, mesh: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refused(tmp_path / "data", mesh=mesh, listen=address)
    assert said == f"sluice: cannot listen on {address}: Address already in use; choose another address with --listen HOST:PORT"


@BOTH
def test_a_data_directory_that_cannot_be_one_is_named(tmp_path: Path, mesh: bool) -> None:
    (tmp_path / "file").touch()
    for data in (tmp_path / "file", tmp_path / "file/below"):
        assert re.fullmatch(rf"sluice: data directory {data}: .+; name another with --data", refused(data, mesh=mesh))


@BOTH
def test_a_file_of_the_data_directory_that_cannot_be_written_is_named(tmp_path: Path, mesh: bool) -> None:
    (tmp_path / "data/ledger").mkdir(parents=True)
    (tmp_path / "data/up.lock").mkdir()
    assert re.fullmatch(rf"sluice: {tmp_path}/data/up\.lock: Is a directory; .*", refused(tmp_path / "data", mesh=mesh))


@BOTH
def test_every_fault_of_the_settings_is_named(tmp_path: Path, mesh: bool) -> None:
    file = tmp_path / "sluice.toml"
    file.write_text('region = "-"\ncolour = "red"\nmemory_budget_mb = -1\n')
    said = refused(tmp_path / "data", "--config", str(file), mesh=mesh)
    assert {line.split(":")[1].strip() for line in said.splitlines()} == {"region", "colour", "memory_budget_mb"}
    file.write_text("region = \n")
    assert f"{file}: is not TOML" in refused(tmp_path / "data", "--config", str(file), mesh=mesh)
    assert not (tmp_path / "data").exists()


def test_a_service_that_refuses_to_start_stops_the_mesh_with_what_it_said() -> None:
    with running_sluice(mesh=False) as sluice:
        sluice.stop()
        ledger = sluice.data / "ledger/ledger.db"
        os.truncate(ledger, ledger.stat().st_size // 2)
        alone = refused(sluice.data, mesh=False)
        assert refused(sluice.data, mesh=True) == alone.replace("sluice: ", "sluice: the dispatcher service does not start: ", 1)


def test_services_that_are_not_ready_in_time_are_named(tmp_path: Path) -> None:
    sluice = Sluice(tmp_path / "data", mesh=True, environment={"SLUICE_START_WITHIN_S": "0.05"})
    with pytest.raises(AssertionError, match=r"not every service was ready within 0\.05 s \(start_within_s\): .*runner waits for"):
        sluice.start()
