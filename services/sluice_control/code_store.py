"""Code packages as files named by their digest. A package is on disk, whole, before anything refers to it."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sluice.catalog import FunctionGone
from sluice.errors import Unavailable

CHUNK_BYTES = 1024 * 1024
_KEEP_UNUSED_S = 3600.0
"""A package that nothing refers to is kept this long: a runner may still be fetching it, a request may be about to refer to it."""


class CodeStore:
    """`folder`/<sha512>.zip."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def add(self, package: bytes) -> str:
        """The digest (SHA-512, hexadecimal) of the package, which is on disk when this returns. Raises Unavailable (disk full)."""
        try:
            return await asyncio.to_thread(self._add, package)
        except OSError as error:
            raise Unavailable(f"the code package cannot be kept now: {error.strerror}", 10.0) from error

    async def read(self, digest: str) -> AsyncIterator[bytes]:
        """The package in chunks of at most 1 MiB. Raises FunctionGone."""
        path = self._path(digest)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise FunctionGone(f"there is no code package {digest[:128]}") from None
        with file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk

    async def sweep(self, in_use: Callable[[], frozenset[str]]) -> int:
        """Remove packages that nothing refers to; the number removed. `in_use` is asked after the folder was listed."""
        return await asyncio.to_thread(self._sweep, in_use)

    def _add(self, package: bytes) -> str:
        digest = hashlib.sha512(package).hexdigest()
        path = self._path(digest)
        if path.exists():
            os.utime(path)
            return digest
        draft = path.with_suffix(f".{os.urandom(6).hex()}.draft")
        try:
            _write(draft, package)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        self._sync_folder()
        return digest

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _sweep(self, in_use: Callable[[], frozenset[str]]) -> int:
        before = time.time() - _KEEP_UNUSED_S
        old = [path for path in self._folder.iterdir() if path.stat().st_mtime < before]
        used = in_use()
        unused = [path for path in old if path.suffix == ".draft" or path.stem not in used]
        for path in unused:
            path.unlink(missing_ok=True)
        return len(unused)

    def _path(self, digest: str) -> Path:
        if not digest or not set(digest) <= set("0123456789abcdef"):
            raise FunctionGone("a code package is named by its SHA-512 in hexadecimal digits")
        return self._folder / f"{digest}.zip"


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
