"""What a code package must be: a zip that holds what its runtime begins with, and nothing that reaches outside itself."""

import io
import zipfile
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from sluice.errors import Fault, Invalid
from sluice.function_rules import MAX_PACKAGE_BYTES, MAX_UNPACKED_BYTES
from sluice.runtimes import BOOTSTRAP

_FIELD = "func_code.file"
_EXECUTABLE = 0o111
MAX_ENTRIES = 100_000
MAX_NAME_BYTES, MAX_PATH_BYTES = 255, 1024
"""What a file system takes, with room for where the package is unpacked."""


def check(package: bytes, sources: Collection[str] = ()) -> None:
    """`sources` are the files one of which has the handler; none: the package is a server, and begins with `bootstrap`. Raises Invalid
    (FSS.1011, FSS.1071) with every fault of the package."""
    if len(package) > MAX_PACKAGE_BYTES:
        raise Invalid([Fault(_FIELD, f"is a package of {len(package)} bytes, more than {MAX_PACKAGE_BYTES}")], "FSS.1071")
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Invalid([Fault(_FIELD, f"is not a zip file: {error}")], "FSS.1011") from None
    begin_faults = _handler_faults(entries, sources) if sources else _bootstrap_faults(entries)
    faults = [*_path_faults(entries), *_name_faults(entries), *_size_faults(entries), *begin_faults]
    if faults:
        raise Invalid(faults, "FSS.1011")


def _path_faults(entries: list[zipfile.ZipInfo]) -> list[Fault]:
    outside = [entry.filename for entry in entries if _reaches_outside(entry.filename)]
    locked = [entry.filename for entry in entries if entry.flag_bits & 1]
    return [Fault(_FIELD, f"holds {name[:80]!r}, which lies outside the package") for name in outside[:3]] + [
        Fault(_FIELD, f"holds {name[:80]!r}, which is encrypted") for name in locked[:3]
    ]


def _reaches_outside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts


def _name_faults(entries: list[zipfile.ZipInfo]) -> Iterator[Fault]:
    """What could not be unpacked, at whatever place."""
    if len(entries) > MAX_ENTRIES:
        yield Fault(_FIELD, f"holds {len(entries)} entries, more than {MAX_ENTRIES}")
        return
    folders: set[str] = set()
    files: set[str] = set()
    for entry in entries:
        parts = [part for part in entry.filename.replace("\\", "/").split("/") if part not in ("", ".")]
        path = "/".join(parts)
        if len(path.encode()) > MAX_PATH_BYTES or max((len(part.encode()) for part in parts), default=0) > MAX_NAME_BYTES:
            yield Fault(_FIELD, f"holds {entry.filename[:80]!r}…, which is too long a name")
            return
        if not entry.is_dir() and path in files:
            yield Fault(_FIELD, f"holds {entry.filename[:80]!r} twice")
            return
        folders.add(path if entry.is_dir() else path.rpartition("/")[0])
        files.update(() if entry.is_dir() else (path,))
    for path in sorted(files & _with_parents(folders))[:3]:
        yield Fault(_FIELD, f"holds {path[:80]!r} as a file and as a folder")


def _with_parents(folders: set[str]) -> set[str]:
    known: set[str] = set()
    for folder in folders:
        while folder and folder not in known:
            known.add(folder)
            folder = folder.rpartition("/")[0]
    return known


def _size_faults(entries: list[zipfile.ZipInfo]) -> list[Fault]:
    total = sum(entry.file_size for entry in entries)
    return [Fault(_FIELD, f"unpacks to {total} bytes, more than {MAX_UNPACKED_BYTES}")] if total > MAX_UNPACKED_BYTES else []


def pack(name: str, source: bytes) -> bytes:
    """The package of one file; the same, byte for byte, whenever it is made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), source)
    return out.getvalue()


def _handler_faults(entries: list[zipfile.ZipInfo], sources: Collection[str]) -> list[Fault]:
    names = {entry.filename.removeprefix("./") for entry in entries}
    return [] if names.intersection(sources) else [Fault(_FIELD, f"has no {' or '.join(sources)}, in which the handler would be")]


def _bootstrap_faults(entries: list[zipfile.ZipInfo]) -> list[Fault]:
    found = next((entry for entry in entries if entry.filename.removeprefix("./") == BOOTSTRAP), None)
    if found is None:
        return [Fault(_FIELD, f"has no file named {BOOTSTRAP} at the top of the zip")]
    if not found.external_attr >> 16 & _EXECUTABLE:
        return [Fault(_FIELD, f"{BOOTSTRAP} is not executable: chmod +x {BOOTSTRAP} before zipping")]
    return []
