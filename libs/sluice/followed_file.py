"""A file that grows, is rotated and truncated, read line by line. Reading blocks for a moment and is done in a thread."""

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from sluice.errors import SourceLost, SourceRefused
from sluice.file_place import HEAD_BYTES, TELLING_BYTES, FilePlace, digest_of
from sluice.readable_files import ReadableFiles

LONGEST_LINE = 256 * 1024
"""A longer line is given in pieces of this many bytes."""
MOST_LINES = 1000
MOST_BYTES = 1024 * 1024
SETTLE_S = 3.0
"""A file that was rotated away is done when nothing was written to it for so long: its writer may not know yet."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
"""An idle file is looked at so often; one that grows, more often."""
MOST_SIBLINGS = 10_000
"""Entries of the file's directory that are looked at when a rotated file is searched."""


class PlaceLost(Exception):
    """Neither the file nor any beside it is the one that was read: its rest is gone."""


class Line(NamedTuple):
    """Without its line feed; `number` counts from 1 since reading of the file began. `offset` is that of its first byte, and with `file`,
    which counts files, it names the line for good."""

    text: bytes
    number: int
    offset: int
    file: int


class Lines(NamedTuple):
    """Lines of one file in order, or none if only the place moves; `to` is the place behind them."""

    lines: Sequence[Line]
    to: str


class FollowedFile:
    """One reader of one path. A file renamed away is read to its end before the new one is begun, and so are those that were rotated in
    between; a file that was copied and truncated is read to its end in the copy, if one is found. A last line without a line feed is
    given once the file is done. Not for two threads at a time, except `close`."""

    def __init__(
        self, path: Path, readable: ReadableFiles, *, longest_line: int = LONGEST_LINE, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._readable = readable
        self._longest = longest_line
        self._now = now
        self._file: _OpenFile | None = None
        self._files = 0
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, place: str | None, start: Literal["earliest", "latest"]) -> str:
        """Where reading goes on: at `place`, or without one (after PlaceLost too) at an end of the file that is there now. Raises
        PlaceLost, ValueError for a text that is no place, SourceRefused for a file that may not be read, SourceLost if the machine fails
        at it; `read` raises the last two as well."""
        with self._lock, self._told():
            self._drop()
            if place is None:
                self._file = self._at_path()
                if self._file is not None and start == "latest":
                    self._file.go_to_end(self._longest)
                return self._place().text
            known = FilePlace.of(place)
            self._files = known.files
            if known.inode:
                self._file = self._find(known)
            return self._place().text

    async def next_lines(self) -> Lines:
        """The next ones, as soon as there are any. Whoever cancels it begins anew: what was being read then is not given again."""
        pause_s = FIRST_PAUSE_S
        while (found := await asyncio.to_thread(self.read)) is None:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return found

    def read(self) -> Lines | None:
        """The next ones, or None while there are none."""
        with self._lock, self._told():
            if self._closed:
                return None
            if self._file is None:
                return self._go_on_with(self._at_path())
            if not self._file.is_intact():
                return self._truncated()
            lines = self._lines(self._file, whole=False)
            if not lines and self._is_done(self._file):
                lines = self._lines(self._file, whole=True)
                if not lines:
                    return self._go_on_with(self._after(self._file))
            return Lines(lines, self._place().text) if lines else None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._drop()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The machine's own failures as ours."""
        try:
            yield
        except OSError as error:
            raise SourceLost(f"{self._path} cannot be read: {error.strerror}") from error

    def _lines(self, file: "_OpenFile", *, whole: bool) -> list[Line]:
        return file.read(self._longest, self._files, whole=whole)

    def _drop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _place(self) -> FilePlace:
        place = FilePlace() if self._file is None else self._file.place()
        return msgspec.structs.replace(place, files=self._files)

    def _go_on_with(self, file: "_OpenFile | None") -> Lines | None:
        if file is None:
            return None
        if self._file is not None:
            self._files += 1
        self._drop()
        self._file = file
        return Lines((), self._place().text)

    def _truncated(self) -> Lines | None:
        """On with the copy, if the file was copied before, else with its new beginning."""
        place = self._place()
        return self._go_on_with(self._copy_of(place) or self._at_path())

    def _is_done(self, file: "_OpenFile") -> bool:
        """The path leads to another file by now, and nobody writes to this one."""
        try:
            current = os.stat(self._path)
        except OSError:
            return False
        if file.is_same(current):
            return False
        return file.is_copy or self._now() - file.status().st_mtime >= SETTLE_S

    def _at_path(self) -> "_OpenFile | None":
        return self._open(self._path)

    def _open(self, path: Path) -> "_OpenFile | None":
        try:
            return _OpenFile(self._readable.open(path))
        except FileNotFoundError:
            return None

    def _open_sibling(self, entry: "os.DirEntry[str]") -> "_OpenFile | None":
        """None too for one that may not be read: it need not be one of ours."""
        try:
            return self._open(Path(entry.path))
        except (SourceRefused, SourceLost):
            return None

    def _find(self, place: FilePlace) -> "_OpenFile":
        """The file of the place: at the path, or beside it under another name, or else a copy of it."""
        current = self._at_path()
        if current is not None and current.take_up(place):
            return current
        renamed = (entry for entry in self._siblings() if entry.inode() == place.inode)
        for file in map(self._open_sibling, renamed):
            if file is not None and file.take_up(place):
                return file
        file = self._copy_of(place)
        if file is None:
            self._files += 1
            raise PlaceLost(f"{self._path} is another file than the one that was read, which is gone")
        return file

    def _copy_of(self, place: FilePlace) -> "_OpenFile | None":
        rotated = (entry for entry in self._siblings() if self._is_rotated(entry.name))
        for file in map(self._open_sibling, rotated):
            if file is not None and file.take_up_copy(place):
                return file
        return None

    def _after(self, done: "_OpenFile") -> "_OpenFile | None":
        """The file that was begun when this one ended: the oldest of those rotated since, else the one at the path."""
        current = self._at_path()
        later = sorted(
            (status.st_mtime_ns, entry.path, entry)
            for entry, status in self._rotated()
            if status.st_mtime_ns > done.status().st_mtime_ns
            and not done.is_same(status)
            and not (current is not None and current.is_same(status))
        )
        for _, _, entry in later:
            file = self._open_sibling(entry)
            if file is not None:
                if current is not None:
                    current.close()
                return file
        return current

    def _rotated(self) -> Iterator[tuple["os.DirEntry[str]", os.stat_result]]:
        for entry in self._siblings():
            if self._is_rotated(entry.name):
                with suppress(FileNotFoundError):
                    yield entry, entry.stat(follow_symlinks=False)

    def _siblings(self) -> Iterator["os.DirEntry[str]"]:
        try:
            with os.scandir(self._path.parent) as entries:
                for number, entry in enumerate(entries):
                    if number >= MOST_SIBLINGS:
                        return
                    if entry.is_file(follow_symlinks=False):
                        yield entry
        except OSError:
            return

    def _is_rotated(self, name: str) -> bool:
        """Whether a file of this name is an older one of the same log: app.log.1, app.log-20260301, app.1.log. Packed ones are not."""
        ending = re.escape(self._path.suffix)
        return re.fullmatch(rf"{re.escape(self._path.stem)}({ending})?[.-][0-9][0-9TZ._:-]*({ending})?", name) is not None


class _OpenFile:
    """An open file, and how far it was read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self._device, self._inode = status.st_dev, status.st_ino
        self._offset = 0
        self._lines = 0
        self._head = b""
        self.is_copy = False
        """Nobody writes to it."""

    def close(self) -> None:
        os.close(self._descriptor)

    def status(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def is_same(self, status: os.stat_result) -> bool:
        return (status.st_dev, status.st_ino) == (self._device, self._inode)

    def place(self) -> FilePlace:
        return FilePlace(0, self._device, self._inode, self._offset, self._lines, len(self._head), digest_of(self._head))

    def take_up(self, place: FilePlace) -> bool:
        """Go on at the place, if it is one of this file; else this one is closed."""
        return self._go_on(place, known=(place.device, place.inode) == (self._device, self._inode))

    def take_up_copy(self, place: FilePlace) -> bool:
        """The same if this is a copy of the place's file: only the content says so."""
        self.is_copy = True
        return self._go_on(place, known=place.head >= TELLING_BYTES)

    def _go_on(self, place: FilePlace, *, known: bool) -> bool:
        head = os.pread(self._descriptor, HEAD_BYTES, 0)
        if not known or not place.is_content_of(head, self.status().st_size):
            self.close()
            return False
        self._offset, self._lines = place.offset, place.lines
        self._head = head[: min(place.offset, HEAD_BYTES)]
        return True

    def is_intact(self) -> bool:
        """Whether what was read is still there: the file was not truncated, and not written anew."""
        return self.status().st_size >= self._offset and os.pread(self._descriptor, len(self._head), 0) == self._head

    def go_to_end(self, longest: int) -> None:
        """Behind the last whole line."""
        size = self.status().st_size
        begin = max(0, size - longest)
        last = os.pread(self._descriptor, size - begin, begin).rfind(b"\n")
        self._pass_to(begin + last + 1 if last >= 0 else size)

    def read(self, longest: int, file: int, *, whole: bool) -> list[Line]:
        """The next whole lines; `whole`: what is behind the last line feed is a line too."""
        if self.status().st_size == self._offset:
            return []
        data = os.pread(self._descriptor, max(MOST_BYTES, longest + 1), self._offset)
        lines: list[Line] = []
        begun = 0
        while begun < len(data) and len(lines) < MOST_LINES:
            end = data.find(b"\n", begun, begun + longest + 1)
            if end >= 0:
                text, behind = data[begun:end], end + 1
            elif len(data) - begun > longest:
                text, behind = data[begun : begun + longest], begun + longest
            elif whole and self._offset + len(data) >= self.status().st_size:
                text, behind = data[begun:], len(data)
            else:
                break
            lines.append(Line(text, self._lines + len(lines) + 1, self._offset + begun, file))
            begun = behind
        self._lines += len(lines)
        self._pass_to(self._offset + begun)
        return lines

    def _pass_to(self, offset: int) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head = os.pread(self._descriptor, min(offset, HEAD_BYTES), 0)
        self._offset = offset
