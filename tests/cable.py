"""A connection to a server that can be cut and mended, for servers that forget everything when they are killed."""

import asyncio
import threading
from typing import Any, Self
from urllib.parse import urlsplit

from tests.servers import free_port_run

CHUNK = 65_536


class Cable:
    """Passes on what comes to `endpoint`, from a thread of its own. Use it as a context manager."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        self._target = (address.hostname, address.port)
        self._port = free_port_run(1)
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Every connection breaks, and nobody gets a new one."""
        self._do(self._cut())

    def mend(self) -> None:
        self._do(self._mend())

    def _do(self, what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _mend(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in self._ends:
            end.transport.abort()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ends = [writer]
        self._ends.add(writer)
        try:
            onward, back = await asyncio.open_connection(*self._target)
            ends.append(back)
            self._ends.add(back)
            if self._server is not None:  # else it was cut meanwhile
                await asyncio.gather(_pass_on(reader, back), _pass_on(onward, writer))
        except OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()
            self._ends.difference_update(ends)
            self._tasks.discard(task)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side is done: then the other one is told."""
    try:
        while some := await reader.read(CHUNK):
            writer.write(some)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
