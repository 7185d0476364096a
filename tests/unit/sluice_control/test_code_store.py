"""Code packages on disk."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from sluice.catalog import FunctionGone
from sluice.errors import Unavailable
from sluice_control.code_store import CHUNK_BYTES, CodeStore


async def test_a_package_is_read_back_in_chunks_of_at_most_a_mebibyte(tmp_path: Path) -> None:
    store, package = CodeStore(tmp_path), os.urandom(2 * CHUNK_BYTES + 7)
    digest = await store.add(package)
    chunks = [chunk async for chunk in store.read(digest)]
    assert (digest, b"".join(chunks)) == (hashlib.sha512(package).hexdigest(), package)
    assert [len(chunk) for chunk in chunks] == [CHUNK_BYTES, CHUNK_BYTES, 7]


async def test_a_package_that_is_not_there_or_named_strangely_is_gone(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    for digest in ("ab", "../key", "", "AB"):
        with pytest.raises(FunctionGone):
            await anext(store.read(digest))


async def test_only_old_packages_that_nothing_refers_to_are_swept(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    used, unused, fresh = [await store.add(data) for data in (b"used", b"unused", b"fresh")]
    draft = tmp_path / "x.draft"
    draft.touch()
    for path in (tmp_path / f"{used}.zip", tmp_path / f"{unused}.zip", draft):
        os.utime(path, (0, 0))
    assert await store.sweep(lambda: frozenset({used})) == 2
    assert set(os.listdir(tmp_path)) == {f"{used}.zip", f"{fresh}.zip"}


async def test_adding_a_package_again_keeps_it_from_the_sweep(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    digest = await store.add(b"again")
    os.utime(tmp_path / f"{digest}.zip", (0, 0))
    await store.add(b"again")
    assert await store.sweep(frozenset) == 0


async def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = CodeStore(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        await store.add(b"package")
    assert os.listdir(tmp_path) == []
