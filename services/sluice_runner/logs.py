"""What functions print, kept in bounded files per function, read back and followed.

Lines wait in memory for the next write, a fifth of a second at most; a thread writes them. A function has two files of a few MiB, so that
printing without end only loses its own oldest lines.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import msgspec
import structlog

from sluice.clock import Clock, aware
from sluice.event import id_text
from sluice.runner import LogLine
from sluice.urn import Urn, parse

FLUSH_EVERY_S = 0.2
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_LINE_BYTES = 16 * 1024
MAX_WAITING_LINES = 20_000
MAX_FOLLOWED_LINES = 10_000
CALLS_A_FLUSH = 20
"""Calls whose start and finish are written in each interval; the rest are counted in one line."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LogLine)
_log = structlog.get_logger()


class _Waiting(NamedTuple):
    """A line before it is formatted: most are formatted in the writing thread, off the event loop."""

    at: float
    urn: str
    instance: str
    stream: str
    text: str
    event: bytes


class FunctionLog:
    """The log of one function, with all its versions."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.waiting: list[_Waiting] = []
        self.followers: set[asyncio.Queue[LogLine]] = set()
        self.lost = 0
        self.calls_left = CALLS_A_FLUSH
        self.calls_unwritten = 0

    def add(self, line: _Waiting) -> None:
        if len(self.waiting) >= MAX_WAITING_LINES:
            self.lost += 1
            return
        self.waiting.append(line)

    def take(self, now: float) -> list[_Waiting]:
        """The lines to write, with a line for those that are not."""
        lines, self.waiting = self.waiting, []
        for count, what in ((self.lost, "lines lost: they could not be written in time"), (self.calls_unwritten, "more invocations")):
            if count:
                lines.append(_Waiting(now, "", "", "platform", f"{count} {what}", b""))
        self.lost = self.calls_unwritten = 0
        self.calls_left = CALLS_A_FLUSH
        return lines


class LogStore:
    """All functions' logs under one folder. `run` writes until cancelled."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._logs: WeakValueDictionary[str, FunctionLog] = WeakValueDictionary()
        """Of functions that have an instance or a reader, or lines that wait: whoever holds one keeps it here."""
        self._unwritten: set[FunctionLog] = set()
        self._failing = False
        self._touched = asyncio.Event()
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        """Functions whose logs are held in memory."""
        return len(self._logs)

    def log_of(self, function: str) -> FunctionLog:
        """The log of a function by its URN, with or without a qualifier."""
        urn = parse(function, region="", project="")
        log = self._logs.get(urn.function)
        if log is None:
            log = self._logs[urn.function] = FunctionLog(self._file(urn))
        return log

    def printed(self, log: FunctionLog, urn: str, instance: str, stream: str, text: str, event: bytes = b"") -> None:
        self._add(log, _Waiting(self._clock.time(), urn, instance, stream, text, event))

    def now(self) -> float:
        return self._clock.time()

    def began(self, log: FunctionLog, urn: str, instance: str, event: bytes, *, always: bool = False) -> bool:
        """The start of a call, if this interval has room for it (or `always`): then its finish is to be written too."""
        if log.calls_left <= 0 and not always:
            log.calls_unwritten += 1
            return False
        log.calls_left -= 1
        self._add(log, _Waiting(self._clock.time(), urn, instance, "start", urn.rpartition(":")[2], event))
        return True

    def finished(self, log: FunctionLog, urn: str, instance: str, event: bytes, text: str) -> None:
        self._add(log, _Waiting(self._clock.time(), urn, instance, "finish", text, event))

    def _add(self, log: FunctionLog, line: _Waiting) -> None:
        log.add(line)
        self._unwritten.add(log)
        self._touched.set()

    async def run(self) -> None:
        """Write what waits, again and again; what waits at the end too."""
        try:
            while True:
                await self._touched.wait()
                await asyncio.sleep(FLUSH_EVERY_S)
                await self.flush()
        finally:
            for log in self._unwritten:
                with suppress(OSError):
                    self._store(log, log.take(self._clock.time()))

    async def flush(self) -> None:
        """Returns when everything that was printed until now can be read, or is counted as lost because the disk takes nothing."""
        async with self._writing:
            self._touched.clear()
            now = self._clock.time()
            for log in list(self._unwritten):
                self._unwritten.discard(log)
                await self._write(log, now)

    async def _write(self, log: FunctionLog, now: float) -> None:
        lost = log.lost + len(log.waiting)
        try:
            lines = await asyncio.to_thread(self._store, log, log.take(now))
        except OSError as error:
            if not self._failing:
                _log.error("function logs cannot be written", file=str(log.file), reason=str(error))
            self._failing = True
            log.lost += lost
            self._unwritten.add(log)
        else:
            self._failing = False
            _tell(log, lines)

    async def read(self, function: str, *, since: float, limit: int, follow: bool) -> AsyncIterator[LogLine]:
        """The newest `limit` lines from `since` on, in order; with `follow` what comes after them, until the reader stops."""
        log = self.log_of(function)
        version = function if len(function.split(":")) == 8 else ""
        news: asyncio.Queue[LogLine] = asyncio.Queue(MAX_FOLLOWED_LINES)
        await self.flush()
        async with self._writing:
            lines = await asyncio.to_thread(_newest, log.file, since, limit, version)
            log.followers.add(news)
        try:
            for line in lines:
                yield line
            while follow:
                line = await news.get()
                if _concerns(line, version):
                    yield line
        finally:
            log.followers.discard(news)

    def _file(self, urn: Urn) -> Path:
        return self._folder / urn.project / f"{urn.package}.{urn.name}.jsonl"

    def _store(self, log: FunctionLog, taken: list[_Waiting]) -> list[LogLine]:
        lines = [_format(line) for line in taken]
        if lines:
            log.file.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                if log.file.stat().st_size > MAX_FILE_BYTES:
                    log.file.replace(_older(log.file))
            with log.file.open("ab") as file:
                file.write(b"\n".join([*map(_encoder.encode, lines), b""]))
        return lines


class LineCutter:
    """Cuts what comes from a pipe into lines; a line that is too long is cut where it must be."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> list[str]:
        whole, newline, rest = (self._rest + data).rpartition(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            whole, newline, rest = whole + newline + rest, b"\n", b""
        self._rest = rest
        return [text for line in whole.split(b"\n") for text in _pieces(line)] if newline else []

    def end(self) -> list[str]:
        rest, self._rest = self._rest, b""
        return list(_pieces(rest)) if rest else []


def _pieces(line: bytes) -> Iterator[str]:
    for start in range(0, max(1, len(line)), MAX_LINE_BYTES):
        yield line[start : start + MAX_LINE_BYTES].decode(errors="replace").rstrip("\r")


def _format(line: _Waiting) -> LogLine:
    event = id_text(line.event) if line.event else ""
    stream, text = line.stream, line.text
    if stream == "start":
        stream, text = "platform", start_text(line.at, event, text)
    elif stream == "finish":
        stream, text = "platform", finish_text(line.at, event, text)
    return LogLine(line.at, line.urn, line.instance, stream, text, event)


def start_text(at: float, event: str, version: str) -> str:
    """How the platform says that a call begins."""
    return f"{_stamp(at)} Start invoke request '{event}', version: {version}"


def finish_text(at: float, event: str, figures: str) -> str:
    """How the platform says that a call has ended."""
    return f"{_stamp(at)} Finish invoke request '{event}', {figures}"


def _stamp(at: float) -> str:
    return aware(at).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _tell(log: FunctionLog, lines: list[LogLine]) -> None:
    """Followers that do not keep up lose the newest lines, not our memory."""
    for follower in log.followers:
        with suppress(asyncio.QueueFull):
            for line in lines:
                follower.put_nowait(line)


def _newest(file: Path, since: float, limit: int, version: str) -> list[LogLine]:
    found: deque[LogLine] = deque(maxlen=limit)
    for each in (_older(file), file):
        with suppress(FileNotFoundError), each.open("rb") as lines:
            for raw in lines:
                with suppress(msgspec.DecodeError):  # the last line of a killed runner
                    line = _decoder.decode(raw)
                    if line.at >= since and _concerns(line, version):
                        found.append(line)
    return list(found)


def _concerns(line: LogLine, version: str) -> bool:
    return not version or line.urn in ("", version)


def _older(file: Path) -> Path:
    return file.with_suffix(".1.jsonl")
