"""Secrets at rest: AES-256-GCM under a key in a file that only this user can read."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sluice.errors import ConfigurationError

_NONCE_BYTES = 12
_KEY_BYTES = 32


class Vault:
    """Seals and opens. `where` names what the secret belongs to and is bound to it: a sealed text that was moved does not open."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def open(cls, path: Path, *, create: bool) -> "Vault":
        """The vault of a key file, made anew only when `create`: with another key, what was sealed before is lost."""
        if not path.exists():
            if not create:
                raise ConfigurationError(f"{path} is gone, and the registry holds secrets sealed with it: put it back from a backup")
            _write_key(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationError(f"{path} can be read by others: chmod 600 {path}")
        key = path.read_bytes()
        if len(key) != _KEY_BYTES:
            raise ConfigurationError(f"{path} holds {len(key)} bytes instead of {_KEY_BYTES}: put it back from a backup")
        return cls(key)

    def seal(self, secret: bytes, where: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, where.encode())

    def unseal(self, sealed: bytes, where: str) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], where.encode())
        except InvalidTag:
            raise ConfigurationError(f"the secret of {where} does not open: the key file is not the one it was sealed with") from None


def _write_key(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
