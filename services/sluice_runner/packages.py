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

from sluice.clock import Clock
from sluice.errors import ConfigurationError

MAX_ZIP_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 1500 * 1024 * 1024
MAX_ENTRIES = 100_000
MAX_LINK_BYTES = 4096
KEEP_UNUSED_S = 3600.0
"""A package that nobody needs is kept this long after it was asked for, or after the runner's start."""
_CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{128}")

Fetch = Callable[[str], AsyncIterator[bytes]]


class BadPackage(ConfigurationError):
    """The code package cannot be used: not what its digest says, not a zip, or unsafe to unpack."""


class Packages:
    """Unpacked packages under `folder`/<digest>. `fetch` is `Catalog.code`."""

    def __init__(self, folder: Path, fetch: Fetch, clock: Clock) -> None:
        self._folder = folder
        self._fetch = fetch
        self._now = clock.monotonic
        self._locks: dict[str, asyncio.Lock] = {}
        self._here: set[str] = set()
        self._asked: dict[str, float] = {}

    async def folder(self, digest: str) -> Path:
        """The folder of the package, fetched and unpacked if it is not here yet. Raises BadPackage, FunctionGone, Unavailable."""
        if not _DIGEST.fullmatch(digest):
            raise BadPackage("the code's digest is not a SHA-512 in hexadecimal digits")
        target = self._folder / digest
        self._asked[digest] = self._now()
        if digest in self._here:
            return target
        async with self._locks.setdefault(digest, asyncio.Lock()):
            if not await asyncio.to_thread(target.is_dir):
                await self._bring(digest, target)
            self._here.add(digest)
        self._locks.pop(digest, None)
        return target

    async def sweep(self, needed: Callable[[str], bool]) -> int:
        """Remove what nobody needs and nobody asked for lately, and what a killed runner left half-way; how many were removed.
        `needed` is asked of each digest right before."""
        removed = 0
        for name in await asyncio.to_thread(_names, self._folder):
            asked = self._asked.setdefault(name, self._now())
            if self._now() - asked < KEEP_UNUSED_S or needed(name):
                continue
            self._here.discard(name)
            del self._asked[name]
            async with self._locks.setdefault(name, asyncio.Lock()):
                await asyncio.to_thread(_remove, self._folder / name)
            self._locks.pop(name, None)
            removed += 1
        return removed

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


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _remove(folder: Path) -> None:
    """By another name first: a folder that a kill left half-way must not pass for a package."""
    doomed = folder.with_name(f".old-{folder.name.removeprefix('.old-')}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


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
