"""Secrets at rest."""

import stat
from pathlib import Path

import pytest

from sluice.errors import ConfigurationError
from sluice_control.vault import Vault


def test_what_was_sealed_opens_where_it_belongs_and_nowhere_else(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path / "key", create=True)
    sealed = vault.seal(b"secret", "trigger:1")
    assert vault.unseal(sealed, "trigger:1") == b"secret"
    assert b"secret" not in sealed
    assert vault.seal(b"secret", "trigger:1") != sealed
    with pytest.raises(ConfigurationError, match="trigger:2"):
        vault.unseal(sealed, "trigger:2")


def test_the_key_file_is_for_its_owner_only_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    sealed = Vault.open(path, create=True).seal(b"secret", "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Vault.open(path, create=False).unseal(sealed, "x") == b"secret"


def test_a_lost_or_open_or_damaged_key_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(ConfigurationError, match="is gone"):
        Vault.open(path, create=False)
    Vault.open(path, create=True)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Vault.open(path, create=False)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="5 bytes"):
        Vault.open(path, create=False)
