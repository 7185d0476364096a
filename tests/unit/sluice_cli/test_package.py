"""Code packages: the same bytes each time, and what is refused."""

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from sluice.errors import Invalid
from sluice_cli.package import faults, pack


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "library").mkdir(parents=True)
    (folder / "bootstrap").write_text("#!/bin/sh\n")
    (folder / "bootstrap").chmod(0o755)
    (folder / "library" / "one.py").write_text("1\n")
    return folder


def test_the_same_folder_is_the_same_bytes_whatever_its_times(code: Path) -> None:
    before = pack(code)
    os.utime(code / "bootstrap", (1, 1))
    (code / "library" / "one.py").chmod(0o640)
    assert pack(code) == before


def test_names_modes_and_contents_are_kept(code: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(pack(code))) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        assert modes == {"bootstrap": stat.S_IFREG | 0o755, "library/one.py": stat.S_IFREG | 0o644}
        assert archive.read("library/one.py") == b"1\n"


def test_what_tools_leave_behind_is_left_out(code: Path) -> None:
    before = pack(code)
    (code / "__pycache__").mkdir()
    (code / "__pycache__" / "x.pyc").write_text("x")
    assert pack(code) == before


def test_a_zip_is_taken_as_it_is(code: Path, tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(pack(code))
    assert pack(tmp_path / "code.zip") == pack(code)


def test_links_are_refused(code: Path) -> None:
    (code / "link").symlink_to("/etc/passwd")
    (code / "library" / "folder").symlink_to("/etc")
    assert sum("symbolic link" in fault for fault in faults(code)) == 2
    with pytest.raises(Invalid, match="symbolic link"):
        pack(code)


def test_a_package_begins_with_an_executable_bootstrap(code: Path) -> None:
    (code / "bootstrap").chmod(0o644)
    assert "chmod +x" in next(faults(code))
    (code / "bootstrap").unlink()
    assert "does not exist" in next(faults(code))


def test_something_else_is_named(tmp_path: Path) -> None:
    assert "there is no folder" in next(faults(tmp_path / "none"))
    (tmp_path / "text").write_text("x")
    assert "neither a folder nor a zip" in next(faults(tmp_path / "text"))
