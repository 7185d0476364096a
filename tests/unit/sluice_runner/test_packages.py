import asyncio
import hashlib
import io
import stat
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.clock import SteppedClock
from sluice_runner import packages
from sluice_runner.packages import BadPackage, Packages


def a_zip(*entries: tuple[str, bytes, int]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            package.writestr(info, content)
    return buffer.getvalue()


PLAIN = a_zip(("bootstrap", b"#!/bin/sh\n", 0o100700), ("lib/data.txt", b"data", 0o100600), ("lib/link", b"data.txt", stat.S_IFLNK | 0o777))


class Source:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.fetched = 0

    async def fetch(self, digest: str) -> AsyncIterator[bytes]:
        self.fetched += 1
        for start in range(0, len(self.content), 1000):
            await asyncio.sleep(0)
            yield self.content[start : start + 1000]

    @property
    def digest(self) -> str:
        return hashlib.sha512(self.content).hexdigest()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def unpacked(folder: Path, content: bytes) -> Path:
    source = Source(content)
    return await Packages(folder, source.fetch, SteppedClock()).folder(source.digest)


async def test_a_package_is_unpacked_readable_for_all_and_its_bootstrap_executable(tmp_path: Path) -> None:
    folder = await unpacked(tmp_path, PLAIN)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes["bootstrap"] == 0o755
    assert modes["data.txt"] == 0o644
    assert modes["lib"] == modes[folder.name] == 0o755
    assert (folder / "lib" / "link").read_bytes() == b"data"


async def test_a_package_is_fetched_once_however_many_ask(tmp_path: Path) -> None:
    source = Source(PLAIN)
    store = Packages(tmp_path, source.fetch, SteppedClock())
    folders = await asyncio.gather(*(store.folder(source.digest) for _ in range(5)))
    await Packages(tmp_path, source.fetch, SteppedClock()).folder(source.digest)
    assert (len(set(folders)), source.fetched) == (1, 1)


async def test_what_does_not_match_its_digest_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = Source(PLAIN)
    with pytest.raises(BadPackage, match="digest"):
        await Packages(tmp_path, source.fetch, SteppedClock()).folder("0" * 128)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("digest", ["", "../../etc", "A" * 128, "0" * 127])
async def test_a_digest_is_not_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(BadPackage, match="SHA-512"):
        await Packages(tmp_path, Source(PLAIN).fetch, SteppedClock()).folder(digest)


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "..\\out", "\\out"])
async def test_an_entry_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadPackage, match="leads outside"):
        await unpacked(tmp_path / "code", a_zip((name, b"x", 0o100644)))
    assert names_in(tmp_path / "code") == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("goal", [b"/etc/passwd", b"../out", b"a/../../../out"])
async def test_a_link_that_leads_outside_is_refused(tmp_path: Path, goal: bytes) -> None:
    with pytest.raises(BadPackage, match="leads outside"):
        await unpacked(tmp_path / "code", a_zip(("link", goal, stat.S_IFLNK | 0o777)))


async def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    package = a_zip(("here", b".", stat.S_IFLNK | 0o777), ("here/file", b"x", 0o100644))
    with pytest.raises((BadPackage, OSError)):
        await unpacked(tmp_path, package)
    assert not (tmp_path / "file").exists()


async def test_a_package_over_the_limit_is_refused_while_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_ZIP_BYTES", 100)
    with pytest.raises(BadPackage, match="over 100 bytes"):
        await unpacked(tmp_path, PLAIN)


async def test_a_package_that_unpacks_to_too_much_is_refused_by_what_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MAX_UNPACKED_BYTES", 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("zeros", bytes(10_000))
    with pytest.raises(BadPackage, match="over 1000 bytes"):
        await unpacked(tmp_path, buffer.getvalue())


@pytest.mark.parametrize("content", [b"", b"no zip", PLAIN[:-30]])
async def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadPackage):
        await unpacked(tmp_path, content)


async def test_what_nobody_needs_goes_an_hour_after_it_was_asked_for(tmp_path: Path) -> None:
    clock, source = SteppedClock(), Source(PLAIN)
    store = Packages(tmp_path, source.fetch, clock)
    await store.folder(source.digest)
    clock.advance(packages.KEEP_UNUSED_S - 1)
    assert await store.sweep(lambda _: False) == 0
    clock.advance(1)
    assert await store.sweep(lambda digest: digest == source.digest) == 0
    assert await store.sweep(lambda _: False) == 1
    assert not names_in(tmp_path)
    assert (await store.folder(source.digest) / "bootstrap").is_file()
    assert source.fetched == 2


async def test_a_package_that_is_asked_for_while_it_is_removed_is_fetched_again(tmp_path: Path) -> None:
    clock, source = SteppedClock(), Source(PLAIN)
    store = Packages(tmp_path, source.fetch, clock)
    await store.folder(source.digest)
    clock.advance(packages.KEEP_UNUSED_S)
    _, folder = await asyncio.gather(store.sweep(lambda _: False), store.folder(source.digest))
    assert (folder / "bootstrap").is_file()


async def test_what_a_killed_runner_left_goes_an_hour_after_the_next_start(tmp_path: Path) -> None:
    clock = SteppedClock()
    for name in ("0" * 128, ".new-half", ".old-half"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    store = Packages(tmp_path, Source(PLAIN).fetch, clock)
    assert await store.sweep(lambda _: False) == 0
    clock.advance(packages.KEEP_UNUSED_S)
    assert await store.sweep(lambda _: False) == 3
    assert not names_in(tmp_path)
