"""One instance of the Docker engine: the way into its container, what it prints and what it uses."""

import asyncio
import socket
from contextlib import suppress
from typing import Any

from sluice.engine import EndCause, Ended, StartFailed, Watcher
from sluice_runner.docker_daemon import Away, Daemon, Printed, Refused
from sluice_runner.environment import FUNCTION_PORT
from sluice_runner.pipes import Rate
from sluice_runner.tasks import Tasks

AGAIN_S = 0.2
_CONNECT_WITHIN_S = 5.0
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.005, 0.1
_LOOK_WITHIN_S = 1.0
_PROXY_CLOSES_WITHIN_S = 0.25
_MEASURE_EVERY_S = 1.0
_REST_WITHIN_S = 2.0
_EXECUTED = {126: " (its program cannot be executed)", 127: " (its program was not found)"}
"""What the init process of a container says when it cannot start the program."""


class DockerInstance:
    """Implements `sluice.engine.Instance`. `container` is its id, "" before there is one; `launched`: it may have run;
    `up`: it has."""

    def __init__(self, name: str, daemon: Daemon, watcher: Watcher, tasks: Tasks) -> None:
        self.name = name
        self.address = ""
        self.container = ""
        self.launched = False
        self.up = False
        self.stopped = False
        self.finishing = False
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.end_text = ""
        self._daemon = daemon
        self._watcher = watcher
        self._tasks = tasks
        self._target = ("", 0)
        self._by_proxy = False
        self._spare: socket.socket | None = None
        self._all_printed: asyncio.Future[None] = self._loop.create_future()
        self._rate = Rate(self._loop.time())
        self._measured_mb = 0.0
        self._measured_at = -_MEASURE_EVERY_S

    async def open_output(self) -> None:
        """Before it is launched, so that nothing it prints is missed. Raises Away and Refused."""
        self._tasks.spawn(self._read(await self._daemon.attach(self.container)))

    async def find(self, published: bool) -> None:
        """Learn where its port is. Raises Away. One that has ended has none, which `listening` tells."""
        with suppress(Refused, LookupError):
            settings = (await self._daemon.inspect(self.container))["NetworkSettings"]
            if published:
                port = settings["Ports"][f"{FUNCTION_PORT}/tcp"][0]
                self._target = (port["HostIp"], int(port["HostPort"]))
            elif address := next(iter(settings["Networks"].values()))["IPAddress"]:
                self._target = (address, FUNCTION_PORT)
        self._by_proxy = published
        self.address = f"{self._target[0]}:{self._target[1]}"

    async def listening(self, within_s: float) -> None:
        """Returns when its server listens. Raises StartFailed; the caller ends what is left."""
        try:
            async with asyncio.timeout(within_s):
                pause_s = _FIRST_LOOK_S
                while not await self._accepts():
                    await asyncio.wait([self.ended], timeout=pause_s)
                    if self.ended.done():
                        raise StartFailed(f"it ended before it listened on port {FUNCTION_PORT}: {self.end_text}")
                    pause_s = min(_LONGEST_LOOK_S, pause_s * 2)
        except TimeoutError:
            raise StartFailed(f"port {FUNCTION_PORT} did not open within {within_s:g} s") from None

    async def connect(self) -> socket.socket:
        """A new connection, or the one that found the server listening: one that serves them in turn waits for its request."""
        if self.finishing or not self._target[1]:
            raise ConnectionRefusedError(f"{self.name} has ended")
        if self._spare is not None:
            connection, self._spare = self._spare, None
            return connection
        connection = socket.socket()
        connection.setblocking(False)
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_S):
                await self._loop.sock_connect(connection, self._target)
        except BaseException:
            connection.close()
            raise
        return connection

    def memory_mb(self) -> float:
        """As it was when it was asked for the last time, a second ago or more: the daemon's answer is not waited for."""
        if self._loop.time() - self._measured_at > _MEASURE_EVERY_S and not self.ended.done():
            self._measured_at = self._loop.time()
            self._tasks.spawn(self._measure())
        return self._measured_mb

    def drain(self) -> None:
        """What was printed comes through the daemon, a moment later; there is nothing here that could be read on."""

    async def rest(self) -> None:
        """Returns when what it printed was passed on, after it has ended."""
        if self.launched:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._all_printed), _REST_WITHIN_S)

    def finish(self, state: dict[str, Any]) -> None:
        """Nothing of it is left; `state` is Docker's last word of it."""
        if self._spare is not None:
            self._spare.close()
        cause, self.end_text = end_of(state, stopped=self.stopped)
        self.ended.set_result(None)
        if self.launched:
            self._watcher.ended(Ended(self.name, cause, self.end_text))

    async def _accepts(self) -> bool:
        """Whether somebody in the container accepts."""
        try:
            async with asyncio.timeout(_LOOK_WITHIN_S):
                connection = await self.connect()
        except OSError:
            return False
        self._spare = connection
        if self._by_proxy and await self._closes(connection):
            self._spare = None
            connection.close()
            return False
        return True

    async def _closes(self, connection: socket.socket) -> bool:
        """Docker's proxy accepts in the function's place, and closes at once if nobody listens there."""
        try:
            async with asyncio.timeout(_PROXY_CLOSES_WITHIN_S):
                return await self._loop.sock_recv(connection, 1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    async def _read(self, printed: Printed | None) -> None:
        """Until it has ended, also over a restart of the daemon that leaves it running."""
        try:
            while printed is not None:
                await self._pass_on(printed)
                printed = await self._attached_again()
        finally:
            if not self._all_printed.done():
                self._all_printed.set_result(None)

    async def _pass_on(self, printed: Printed) -> None:
        try:
            while read := await printed.read():
                self._watcher.printed(self.name, *read)
                self._rate.take(len(read[1]))
                pause_s = self._rate.pause_s(self._loop.time())
                if pause_s and not self.finishing:
                    await asyncio.sleep(pause_s)
        except Away:
            pass
        finally:
            await printed.close()

    async def _attached_again(self) -> Printed | None:
        while not self.finishing:
            await asyncio.wait([self.ended], timeout=AGAIN_S)
            try:
                if not self.finishing and (await self._daemon.inspect(self.container))["State"]["Running"]:
                    return await self._daemon.attach(self.container)
            except Away:
                continue
            except Refused:
                return None
        return None

    async def _measure(self) -> None:
        with suppress(Away, Refused):
            self._measured_mb = await self._daemon.memory_mb(self.container)


def end_of(state: dict[str, Any], *, stopped: bool) -> tuple[EndCause, str]:
    """Why it ended, in our word and for people; `state` is Docker's, or empty if nothing of the container is left."""
    if not state:
        return EndCause.STOPPED if stopped else EndCause.EXITED, "its container was removed"
    code = state["ExitCode"]
    text = f"exit code {code}{_EXECUTED.get(code, '')}"
    if state["OOMKilled"]:
        return EndCause.OUT_OF_MEMORY, text
    return EndCause.STOPPED if stopped else EndCause.EXITED, text
