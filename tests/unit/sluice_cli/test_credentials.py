"""Where endpoint and keys come from."""

from pathlib import Path

import pytest

from sluice.errors import ConfigurationError
from sluice_cli.credentials import Credentials, find

KEPT = b'{"endpoint": "http://127.0.0.1:1", "access_key": "AK", "secret_key": "SK", "project_id": "p1"}'


def test_the_file_that_up_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_bytes(KEPT)
    assert find(tmp_path, {}) == Credentials("http://127.0.0.1:1", "AK", "SK", "p1")


def test_the_environment_wins_name_by_name(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_bytes(KEPT)
    assert find(tmp_path, {"SLUICE_ENDPOINT": "http://other"}).endpoint == "http://other"
    assert find(tmp_path, {"SLUICE_ENDPOINT": "http://other"}).access_key == "AK"


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    names = {"SLUICE_ENDPOINT": "e", "SLUICE_ACCESS_KEY": "a", "SLUICE_SECRET_KEY": "s", "SLUICE_PROJECT": "p"}
    assert find(tmp_path / "none", names) == Credentials("e", "a", "s", "p")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="sluice up"):
        find(tmp_path, {})


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"not json"])
def test_a_damaged_file_is_named_without_its_content(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "credentials.json").write_bytes(text)
    with pytest.raises(ConfigurationError, match="damaged"):
        find(tmp_path, {})


def test_a_temporary_key_has_its_token_beside_it(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_bytes(KEPT)
    assert find(tmp_path, {"SLUICE_SECURITY_TOKEN": "T"}).security_token == "T"
    (tmp_path / "credentials.json").write_bytes(KEPT[:-1] + b', "security_token": "K"}')
    assert find(tmp_path, {}).security_token == "K"
