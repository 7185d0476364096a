import asyncio
import os
from collections.abc import Iterator

import pytest

from sluice_runner import pipes
from sluice_runner.pipes import Pipe
from tests.waiting import until


class Ends:
    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.heard = b""

    def open(self) -> Pipe:
        pipe = Pipe(asyncio.get_running_loop(), "stdout", self.reader)
        pipe.start(self.hear)
        return pipe

    def hear(self, stream: str, data: bytes) -> None:
        assert stream == "stdout"
        self.heard += data


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    os.close(made.writer)


async def test_what_is_written_is_heard(ends: Ends) -> None:
    pipe = ends.open()
    os.write(ends.writer, b"hello")
    await until(lambda: ends.heard == b"hello")
    pipe.close()


async def test_draining_hears_what_is_there_now(ends: Ends) -> None:
    pipe = ends.open()
    os.write(ends.writer, b"now")
    pipe.drain()
    assert ends.heard == b"now"
    pipe.close()
    pipe.drain()


async def test_closing_hears_what_is_left(ends: Ends) -> None:
    pipe = ends.open()
    os.write(ends.writer, b"last")
    pipe.close()
    assert ends.heard == b"last"


async def test_a_flood_is_read_at_a_bounded_rate_and_goes_on(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "_BURST_BYTES", 100_000)
    os.set_blocking(ends.writer, False)
    pipe = ends.open()
    loop = asyncio.get_running_loop()
    began, written = loop.time(), 0
    while loop.time() < began + 0.3:
        try:
            written += os.write(ends.writer, b"x" * 65_536)
        except BlockingIOError:
            await asyncio.sleep(0.001)
    elapsed = loop.time() - began
    assert 100_000 < len(ends.heard) < 200_000 + (elapsed + 0.2) * pipes._BYTES_PER_S
    assert written - len(ends.heard) <= 65_536 * 2
    pipe.close()
