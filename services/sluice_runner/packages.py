"""Code packages on this machine: fetched once by digest, checked, unpacked where functions can read them and not write."""

import asyncio
import hashlib
import os
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sluice.errors import ConfigurationError

MAX_ZIP_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 1500 * 1024 * 1024
MAX_ENTRIES = 100_000
MAX_LINK_BYTES = 4096
_CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{128}")

Fetch = Callable[[str], AsyncIterator[bytes]]


class BadPackage(ConfigurationError):
    """The code package cannot be used: not what its digest says, not a zip, or unsafe to unpack."""


class Packages:
    """Unpacked packages under `folder`/<digest>. `fetch` is `Catalog.code`."""

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder = folder
        self._fetch = fetch
        self._locks: dict[str, asyncio.Lock] = {}
        self._here: set[str] = set()

    async def folder(self, digest: str) -> Path:
        """The folder of the package, fetched and unpacked if it is not here yet. Raises BadPackage, FunctionGone, Unavailable."""
        if not _DIGEST.fullmatch(digest):
            raise BadPackage("the code's digest is not a SHA-512 in hexadecimal digits")
        target = self._folder / digest
        if digest in self._here:
            return target
        async with self._locks.setdefault(digest, asyncio.Lock()):
            if not await asyncio.to_thread(target.is_dir):
                await self._bring(digest, target)
        self._locks.pop(digest, None)
        self._here.add(digest)
        return target

    async def _bring(self, digest: str, target: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=self._folder) as scratch:
            archive = Path(scratch, "package.zip")
            await self._download(digest, archive)
            unpacked = Path(scratch, "code")
            await asyncio.to_thread(unpack, archive, unpacked)
            os.rename(unpacked, target)

    async def _download(self, digest: str, archive: Path) -> None:
        """Write the zip while hashing it; nothing is unpacked that does not match."""
        seen, size = hashlib.sha512(), 0
        with archive.open("wb") as file:
            async for chunk in self._fetch(digest):
                size += len(chunk)
                if size > MAX_ZIP_BYTES:
                    raise BadPackage(f"the code package is over {MAX_ZIP_BYTES} bytes")
                seen.update(chunk)
                file.write(chunk)
        if seen.hexdigest() != digest:
            raise BadPackage("the code package is not the one its digest names")


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip: no path and no link leads out, sizes are bounded as they are written, everybody may read, the owner alone write."""
    try:
        with zipfile.ZipFile(archive) as package:
            entries = package.infolist()
            if len(entries) > MAX_ENTRIES:
                raise BadPackage(f"the code package has over {MAX_ENTRIES} entries")
            _unpack_all(package, entries, target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise BadPackage(f"the code package cannot be unpacked: {error}") from None


def _unpack_all(package: zipfile.ZipFile, entries: list[zipfile.ZipInfo], target: Path) -> None:
    target.mkdir(mode=0o755)
    left = MAX_UNPACKED_BYTES
    links = []
    for entry in entries:
        path = _inside(target, entry.filename)
        if stat.S_ISLNK(entry.external_attr >> 16):
            links.append((path, entry))
        elif entry.is_dir():
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        else:
            left = _unpack_file(package, entry, path, left)
    for path, entry in links:  # last, so that nothing is written through one
        _link(package, entry, path, target)


def _inside(target: Path, name: str) -> Path:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or not any(parts):
        raise BadPackage(f"the code package has an entry that leads outside: {name[:100]!r}")
    return target.joinpath(*(part for part in parts if part not in ("", ".")))


def _unpack_file(package: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, left: int) -> int:
    """The bytes that are left of the limit; sizes are counted, not believed."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with package.open(entry) as source, path.open("xb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise BadPackage(f"the code package unpacks to over {MAX_UNPACKED_BYTES} bytes")
            file.write(chunk)
    executable = entry.external_attr >> 16 & 0o111
    path.chmod(0o755 if executable else 0o644)
    return left


def _link(package: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, target: Path) -> None:
    if entry.file_size > MAX_LINK_BYTES:
        raise BadPackage(f"the code package has a link that is too long: {entry.filename[:100]!r}")
    goal = package.read(entry).decode(errors="surrogateescape")
    resolved = os.path.normpath(path.parent / goal)
    if os.path.isabs(goal) or not (resolved == str(target) or resolved.startswith(f"{target}{os.sep}")):
        raise BadPackage(f"the code package has a link that leads outside: {entry.filename[:100]!r}")
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.symlink_to(goal)
