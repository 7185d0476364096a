"""The data directory is its owner's alone."""

from pathlib import Path

import pytest

from sluice.errors import ConfigurationError
from sluice_cli.data_directory import prepare, usable


def test_it_is_made_and_closed_to_others(tmp_path: Path) -> None:
    data = tmp_path / "a/b"
    data.mkdir(parents=True, mode=0o755)
    for folder in (data, tmp_path / "c/d"):
        prepare(folder)
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_place_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigurationError, match=r"data directory .*file: File exists; name another"):
        prepare(file)


def test_a_file_of_it_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"/data/ledger: No such file.*; it belongs to the data"), usable(tmp_path / "data"):
        (tmp_path / "data/ledger").read_bytes()


def test_a_file_of_somebody_else_that_cannot_be_used_stays_a_bug(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), usable(tmp_path / "data"):
        (tmp_path / "other").read_bytes()
