"""One instance of the process engine, seen from the runner: its agent's socket, its pipes, and sockets into its network."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sluice.engine import EndCause, Ended, StartFailed, Watcher
from sluice_runner.cgroups import Cgroup
from sluice_runner.forkserver import wire
from sluice_runner.pipes import Pipe

_SOCKETS_AT_ONCE = 4
_MEASURE_EVERY_S = 0.1


class ProcessInstance:
    """An agent, idle at first; `start` makes it an instance. Implements `sluice.engine.Instance`."""

    def __init__(self, gone: Callable[["ProcessInstance"], None], cgroup: Cgroup | None) -> None:
        self.name = ""
        self.address = ""
        self.process = 0
        self.cgroup = cgroup
        self.measured_mb = 0.0
        self.reason = EndCause.EXITED
        self._gone = gone
        self._measured_at = 0.0
        self._port = 0
        self._watcher: Watcher | None = None
        self._pipes: list[Pipe] = []
        self._spare: list[socket.socket] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._loop = asyncio.get_running_loop()
        self._prepared: asyncio.Future[None] = self._loop.create_future()
        self._listening: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._control, self.agent_end = wire.pair()
        self._control.setblocking(False)
        self._loop.add_reader(self._control.fileno(), self._readable)

    def open_pipes(self) -> tuple[int, int]:
        """The write ends for the agent; the caller closes its copies."""
        out, err = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        self._pipes = [Pipe(self._loop, "stdout", out[0]), Pipe(self._loop, "stderr", err[0])]
        return out[1], err[1]

    async def prepared(self) -> None:
        """Returns when the surroundings are made. Raises StartFailed."""
        await asyncio.shield(self._prepared)

    async def start(self, order: Mapping[str, Any], watcher: Watcher, timeout_s: float) -> None:
        """Start the function and wait until it listens. Raises StartFailed; the caller stops what is left."""
        self._watcher = watcher
        self._port = order["port"]
        for pipe in self._pipes:
            pipe.start(lambda stream, data: watcher.printed(self.name, stream, data))
        self._send(dict(order))
        try:
            await asyncio.wait_for(asyncio.shield(self._listening), timeout_s)
        except TimeoutError:
            raise StartFailed(f"port {self._port} did not open within {timeout_s:g} s") from None

    async def connect(self) -> socket.socket:
        """A new connection, or the one that found the server listening."""
        while not self._spare:
            await self._more_sockets()
        connection = self._spare.pop()
        if _connected(connection):
            return connection
        try:
            await self._loop.sock_connect(connection, ("127.0.0.1", self._port))
        except BaseException:
            connection.close()
            raise
        return connection

    def memory_mb(self) -> float:
        now = self._loop.time()
        if self.cgroup is not None and now - self._measured_at > _MEASURE_EVERY_S:
            self._measured_at = now
            self.measured_mb = self.cgroup.memory_mb()
        return self.measured_mb

    def drain(self) -> None:
        for pipe in self._pipes:
            pipe.drain()

    def ask_to_stop(self, grace_s: float) -> None:
        if self.reason is EndCause.EXITED:
            self.reason = EndCause.STOPPED
        self._send({"op": "stop", "grace_s": grace_s})

    def kill_for_memory(self) -> None:
        self.reason = EndCause.OUT_OF_MEMORY
        self.ask_to_stop(0)

    def discard(self) -> None:
        """It never became an instance: let everything go; the agent ends by that."""
        self._finish(None, "it was not used")

    def reaped(self) -> None:
        """The agent is gone, and everything below it: the end, if the agent did not live to say so."""
        self._finish(None, "its agent was killed")

    async def _more_sockets(self) -> None:
        if self.ended.done():
            raise ConnectionRefusedError(f"{self.name} has ended")
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(waiter)
        self._send({"op": "sockets", "count": _SOCKETS_AT_ONCE})
        await waiter

    def _send(self, message: dict[str, Any]) -> None:
        with suppress(OSError):
            wire.send(self._control, message)

    def _readable(self) -> None:
        try:
            message, descriptors = wire.receive(self._control)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = None, []
        self._spare += [_non_blocking(descriptor) for descriptor in descriptors]
        if message is None:
            self._loop.remove_reader(self._control.fileno())
            return
        self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        match message["op"]:
            case "prepared":
                _settle(self._prepared)
            case "listening":
                _settle(self._listening)
            case "sockets":
                self._wake_waiting()
            case "unprepared":
                _settle(self._prepared, StartFailed(message["error"]))
            case "unstarted":
                _settle(self._listening, StartFailed(message["error"]))
            case "ended":
                self._finish(message["status"], "")

    def _finish(self, status: int | None, message: str) -> None:
        if self.ended.done():
            return
        self.ended.set_result(None)
        if self.cgroup is not None and self.cgroup.out_of_memory():
            self.reason = EndCause.OUT_OF_MEMORY
        text = message or _describe(status)
        _settle(self._prepared, StartFailed(text))
        _settle(self._listening, StartFailed(f"it ended before it listened on port {self._port}: {text}"))
        self._wake_waiting()
        for pipe in self._pipes:
            pipe.close()
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        for spare in self._spare:
            spare.close()
        self._spare.clear()
        self._gone(self)
        if self._watcher is not None:
            self._watcher.ended(Ended(self.name, self.reason, text))

    def _wake_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            _settle(waiter)


def _settle(future: "asyncio.Future[None]", error: Exception | None = None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
        future.exception()  # seen: not everybody waits for it


def _non_blocking(descriptor: int) -> socket.socket:
    taken = socket.socket(fileno=descriptor)
    taken.setblocking(False)
    return taken


def _connected(connection: socket.socket) -> bool:
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


def _describe(status: int | None) -> str:
    if status is None:
        return "stopped"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"signal {number} ({signal.Signals(number).name})"
    return f"exit code {os.WEXITSTATUS(status)}"
