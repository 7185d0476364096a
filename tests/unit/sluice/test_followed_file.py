"""A followed file, as it grows and as its writers rotate it."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sluice.errors import SourceLost, SourceRefused
from sluice.followed_file import SETTLE_S, FollowedFile, PlaceLost
from sluice.readable_files import ReadableFiles

NOW = 1_800_000_000.0
LONG = "x" * 300
"""A first line of this length tells a copy from other files."""


class Follower:
    """Reads a log as a trigger does; `lines` are those given so far, `place` is what a ledger would hold."""

    def __init__(self, path: Path, place: str | None = None, start: str = "earliest", longest_line: int = 1000) -> None:
        self.lines: list[str] = []
        self.file = FollowedFile(path, ReadableFiles([path.parent]), longest_line=longest_line, now=lambda: NOW)
        self.place = self.file.begin(place, start)  # type: ignore[arg-type]

    def read(self) -> list[str]:
        """What there is now."""
        begun = len(self.lines)
        while (found := self.file.read()) is not None:
            self.lines.extend(line.text.decode() for line in found.lines)
            self.place = found.to
        return self.lines[begun:]


class Log:
    """What a program and its logrotate do to a file. Each write makes the file a second younger."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.log"
        self._written = NOW - 1000

    def write(self, text: str, name: str = "app.log") -> None:
        with self.path.with_name(name).open("a") as file:
            file.write(text)
        self._written += 1
        os.utime(self.path.with_name(name), (self._written, self._written))

    def rename(self, to: str, name: str = "app.log") -> None:
        self.path.with_name(name).rename(self.path.with_name(to))

    def copy_and_truncate(self) -> None:
        shutil.copy(self.path, self.path.with_name("app.log.1"))
        os.truncate(self.path, 0)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture
def follow(log: Log) -> Iterator[Callable[..., Follower]]:
    followers = []

    def make(**how: object) -> Follower:
        followers.append(Follower(log.path, **how))  # type: ignore[arg-type]
        return followers[-1]

    yield make
    for follower in followers:
        follower.file.close()


Follow = Callable[..., Follower]


def test_lines_come_in_order_and_a_line_without_an_end_waits_for_it(log: Log, follow: Follow) -> None:
    log.write("one\ntwo\nthr")
    reader = follow()
    assert reader.read() == ["one", "two"]
    log.write("ee\n\nfive\n")
    assert reader.read() == ["three", "", "five"]


def test_a_line_knows_its_number_and_where_it_begins(log: Log, follow: Follow) -> None:
    log.write("one\ntwo\n")
    found = follow().file.read()
    assert found is not None
    assert [(line.text, line.number, line.offset) for line in found.lines] == [(b"one", 1, 0), (b"two", 2, 4)]


def test_a_place_goes_on_behind_what_was_read(log: Log, follow: Follow) -> None:
    log.write("one\n")
    first = follow()
    first.read()
    log.write("two\n")
    second = follow(place=first.place)
    assert second.read() == ["two"]
    assert second.place.split(":")[4] == "2"


def test_a_file_that_does_not_exist_yet_is_read_from_its_beginning(log: Log, follow: Follow) -> None:
    reader = follow(start="latest")
    assert reader.read() == []
    place = reader.place
    log.write("one\n")
    assert reader.read() == ["one"]
    assert follow(place=place, start="latest").read() == ["one"]


def test_latest_begins_with_the_line_that_is_being_written(log: Log, follow: Follow) -> None:
    log.write("one\ntwo\nthr")
    reader = follow(start="latest")
    assert reader.read() == []
    log.write("ee\n")
    assert reader.read() == ["three"]


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(log: Log, follow: Follow) -> None:
    log.write("one\n")
    reader = follow()
    assert reader.read() == ["one"]
    log.rename("app.log.1")
    log.write("two\n", "app.log.1")
    assert reader.read() == ["two"]
    log.write("four\n")
    log.write("three, without an end", "app.log.1")
    assert reader.read() == ["three, without an end", "four"]


def test_a_renamed_file_is_not_done_while_its_writer_may_still_use_it(log: Log, follow: Follow) -> None:
    log.write("one\n")
    reader = follow()
    reader.read()
    log.rename("app.log.1")
    log.write("three\n")
    os.utime(log.path.with_name("app.log.1"), (NOW - SETTLE_S / 2, NOW - SETTLE_S / 2))
    assert reader.read() == []
    log.write("two\n", "app.log.1")
    assert reader.read() == ["two", "three"]


def test_a_deleted_file_is_followed_by_the_new_one(log: Log, follow: Follow) -> None:
    log.write("one\ntwo\n")
    reader = follow()
    log.path.unlink()
    log.write("three\n")
    assert reader.read() == ["one", "two", "three"]


@pytest.mark.parametrize("names", [("app.log.1", "app.log.2"), ("app.log-20260302", "app.log-20260301"), ("app.1.log", "app.2.log")])
def test_files_rotated_while_nobody_read_come_in_their_order(log: Log, follow: Follow, names: tuple[str, str]) -> None:
    newer, older = names
    log.write("one\n")
    first = follow()
    first.read()
    log.write("two\n")
    log.rename(older)
    log.write("three\n")
    log.rename(newer)
    log.write("four\n")
    assert follow(place=first.place).read() == ["two", "three", "four"]
    assert first.read() == ["two", "three", "four"]


def test_other_files_beside_it_are_not_taken_for_rotated_ones(log: Log, follow: Follow) -> None:
    log.write("one\n")
    reader = follow()
    reader.read()
    log.rename("app.log.1")
    for name in ("app-other.log", "app.log.1.gz", "app.log.bak", "application.log.1"):
        log.write("of another log\n", name)
    log.write("two\n")
    assert reader.read() == ["two"]


def test_a_truncated_file_is_read_from_its_new_beginning(log: Log, follow: Follow) -> None:
    log.write("one\ntwo\n")
    reader = follow()
    reader.read()
    os.truncate(log.path, 0)
    log.write("3\n")
    assert reader.read() == ["3"]
    assert follow(place=reader.place).read() == []


def test_a_file_that_outgrew_what_was_read_before_it_was_truncated_is_known_by_its_beginning(log: Log, follow: Follow) -> None:
    log.write("one\n")
    reader = follow()
    reader.read()
    os.truncate(log.path, 0)
    log.write("three\nfour\n")
    assert reader.read() == ["three", "four"]


@pytest.mark.parametrize("while_down", [True, False])
def test_what_was_copied_before_the_truncation_is_read_in_the_copy(log: Log, follow: Follow, while_down: bool) -> None:
    log.write(f"{LONG}\n")
    reader = follow()
    assert reader.read() == [LONG]
    log.write("two\n")
    log.copy_and_truncate()
    log.write("three\n")
    reader = follow(place=reader.place) if while_down else reader
    assert reader.read() == ["two", "three"]


def test_a_place_in_a_file_that_is_gone_is_lost(log: Log, follow: Follow) -> None:
    log.write("one\n")
    reader = follow()
    reader.read()
    log.path.unlink()
    with pytest.raises(PlaceLost, match=r"app\.log"):
        follow(place=reader.place)
    log.write("two\n")
    with pytest.raises(PlaceLost):
        follow(place=reader.place)


def test_a_place_behind_the_end_of_the_file_is_lost(log: Log, follow: Follow) -> None:
    log.write("one\ntwo\n")
    reader = follow()
    reader.read()
    os.truncate(log.path, 0)
    with pytest.raises(PlaceLost):
        follow(place=reader.place)


@pytest.mark.parametrize("text", ["", "1", "0:1:2:3:4:5", "0:1:2:3:4:x:", "0:1:2:3:4:5:", "0:1:2:-3:4:0:", "0:1:2:3:4:0:abc"])
def test_what_is_no_place_is_refused(log: Log, follow: Follow, text: str) -> None:
    with pytest.raises(ValueError, match=r"place|literal|unpack"):
        follow(place=text)


def test_no_two_lines_have_one_name_although_files_may_share_an_inode(log: Log, follow: Follow) -> None:
    reader = follow()
    names: list[tuple[int, int]] = []

    def read() -> None:
        while (found := reader.file.read()) is not None:
            names.extend((line.file, line.offset) for line in found.lines)
            reader.place = found.to

    log.write("one\n")
    read()
    os.truncate(log.path, 0)
    read()
    log.write("one\n")
    read()
    os.truncate(log.path, 0)
    log.write("two\n")
    with pytest.raises(PlaceLost):
        reader.file.begin(reader.place, "earliest")
    reader.file.begin(None, "earliest")
    read()
    assert len(set(names)) == len(names) == 3


def test_a_long_line_comes_in_pieces(log: Log, follow: Follow) -> None:
    log.write("a" * 10 + "b" * 10 + "ccc\n" + "d" * 10 + "\nend")
    assert follow(longest_line=10).read() == ["a" * 10, "b" * 10, "ccc", "d" * 10]


def test_a_read_is_bounded(log: Log, follow: Follow) -> None:
    log.write("".join(f"{number}\n" for number in range(2500)))
    reader = follow()
    found = reader.file.read()
    assert found is not None
    assert len(found.lines) == 1000
    assert len(reader.read()) == 1500


def test_bytes_pass_as_they_are(log: Log, follow: Follow) -> None:
    log.path.write_bytes(b"\xff\x00\r\n")
    found = follow().file.read()
    assert found is not None
    assert found.lines[0].text == b"\xff\x00\r"


def test_a_machine_that_fails_at_reading_is_told(log: Log, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    log.write("one\n")
    reader = follow()
    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(SourceLost, match="Input/output"):
        reader.read()


async def test_who_waits_is_given_what_is_written_then(log: Log, follow: Follow) -> None:
    reader = follow()
    log.write("one\n")
    found = await reader.file.next_lines()
    assert not found.lines
    assert [line.text for line in (await reader.file.next_lines()).lines] == [b"one"]


def test_after_closing_there_is_nothing(log: Log, follow: Follow) -> None:
    log.write("one\n")
    reader = follow()
    reader.file.close()
    assert reader.read() == []


def test_only_files_of_the_directories_that_are_named_are_read(tmp_path: Path) -> None:
    readable = ReadableFiles([tmp_path / "logs"])
    secret, inside = tmp_path / "secret", tmp_path / "logs" / "app.log"
    inside.parent.mkdir()
    secret.write_text("secret\n")
    inside.write_text("line\n")
    (tmp_path / "logs" / "link").symlink_to(secret)
    (tmp_path / "link").symlink_to(inside)
    for path in (inside, tmp_path / "link"):
        os.close(readable.open(path))
    for path in (secret, tmp_path / "logs" / "link", tmp_path / "logs" / ".." / "secret"):
        with pytest.raises(SourceRefused, match="readable_logs"):
            readable.open(path)
    with pytest.raises(FileNotFoundError):
        readable.open(tmp_path / "logs" / "none")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(SourceRefused, match="not a regular file"):
            ReadableFiles([tmp_path]).open(path)


def test_without_directories_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text("line\n")
    with pytest.raises(SourceRefused):
        ReadableFiles([]).open(tmp_path / "app.log")
