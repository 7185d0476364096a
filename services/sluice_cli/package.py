"""A code package: a folder as a zip that is the same, byte for byte, whenever and wherever it is made."""

import io
import os
import stat
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

from sluice.errors import Fault, Invalid
from sluice.function_rules import MAX_PACKAGE_BYTES, MAX_UNPACKED_BYTES
from sluice.runtimes import BOOTSTRAP

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can tell."""
_LEFT_OUT = frozenset({"__pycache__", ".git", ".DS_Store"})


def faults(code: Path, sources: Collection[str] = ()) -> Iterator[str]:
    """What keeps a folder, or a zip, from being a code package; `sources` are the files one of which has the handler, none for a server."""
    if code.is_file():
        if not zipfile.is_zipfile(code):
            yield f"{code} is neither a folder nor a zip"
        elif code.stat().st_size > MAX_PACKAGE_BYTES:
            yield f"{code} has {code.stat().st_size} bytes, more than {MAX_PACKAGE_BYTES}"
        return
    if not code.is_dir():
        yield f"there is no folder {code}"
        return
    yield from _handler_faults(code, sources) if sources else _bootstrap_faults(code / BOOTSTRAP)
    yield from _entry_faults(code)


def _handler_faults(code: Path, sources: Collection[str]) -> Iterator[str]:
    if not any((code / source).is_file() for source in sources):
        yield f"{code} has no {' or '.join(sources)}, in which the handler would be"


def _bootstrap_faults(bootstrap: Path) -> Iterator[str]:
    if not bootstrap.is_file():
        yield f"{bootstrap} does not exist: a package begins with an executable of that name"
    elif not os.access(bootstrap, os.X_OK):
        yield f"{bootstrap} is not executable: chmod +x {bootstrap}"


def _entry_faults(folder: Path) -> Iterator[str]:
    size = 0
    for path in _entries(folder):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            yield f"{path} is a symbolic link: copy what it points to"
        elif not stat.S_ISREG(mode):
            yield f"{path} is not a plain file"
        else:
            size += path.lstat().st_size
    if size > MAX_UNPACKED_BYTES:
        yield f"{folder} holds {size} bytes, more than {MAX_UNPACKED_BYTES}"


def pack(code: Path, sources: Collection[str] = ()) -> bytes:
    """The zip. Raises Invalid with everything that is wrong."""
    wrong = list(faults(code, sources))
    if wrong:
        raise Invalid([Fault("code", rule) for rule in wrong], "FSS.1011")
    if code.is_file():
        return code.read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _entries(code):
            archive.writestr(_entry(path, code), path.read_bytes(), compresslevel=6)
    if len(out.getvalue()) > MAX_PACKAGE_BYTES:
        raise Invalid([Fault("code", f"{code} packs to {len(out.getvalue())} bytes, more than {MAX_PACKAGE_BYTES}")], "FSS.1071")
    return out.getvalue()


def _entry(path: Path, folder: Path) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    mode = 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644
    entry.external_attr = (stat.S_IFREG | mode) << 16
    return entry


def _entries(folder: Path) -> Iterator[Path]:
    """Files and links in the order of their names; what tools leave behind is not code."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not (Path(parent) / name).is_symlink())
        linked = [name for name in os.listdir(parent) if (Path(parent) / name).is_symlink() and name not in files]
        yield from (Path(parent) / name for name in sorted([*files, *linked]) if name not in _LEFT_OUT)
