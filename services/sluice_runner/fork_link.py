"""The engine's end of the fork server: begins it, asks it for agents, hears which have ended."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sluice.engine import StartFailed
from sluice_runner.forkserver import wire

_END_WITHIN_S = 10.0
_PROGRAM = """import sys
sys.path.insert(0, sys.argv[1])
from sluice_runner.forkserver import main
main.main(*sys.argv[2:])"""
SERVICES = Path(__file__).resolve().parent.parent


class ForkLink:
    """One fork server. Everything it started ends when this is closed, or when this process does, however it ends. `reaped` is called
    with each agent that is gone, `lost` when the server itself has ended though nobody closed it."""

    def __init__(self, reaped: Callable[[int], None], lost: Callable[[], None]) -> None:
        self._reaped = reaped
        self._lost = lost
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._asked: dict[int, asyncio.Future[int]] = {}
        self._slots = 0

    async def open(self, lock: int, user: int = 0, clean: str = "") -> None:
        """`lock`: a locked descriptor that the server holds until it and all agents have ended. `user`: root is given up for this one
        (0: not). `clean`: the identity whose traces on the machine the server removes at its end, however this process ends."""
        ours, theirs = wire.pair()
        ours.setblocking(False)
        self._server = subprocess.Popen(  # noqa: ASYNC220 - a moment, once, before there is anything to hold up
            [sys.executable, "-S", "-E", "-c", _PROGRAM, str(SERVICES), str(theirs.fileno()), str(lock), str(user), clean],
            pass_fds=[theirs.fileno(), lock],
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        self._control = ours
        ready = asyncio.get_running_loop().create_future()
        self._asked[0] = ready
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable, ours)
        await asyncio.wait_for(ready, _END_WITHIN_S)

    @property
    def connected(self) -> bool:
        return self._control is not None

    async def close(self) -> None:
        """Returns when the fork server and all it started are gone."""
        self._disconnect("the engine is closing")
        if self._server is not None:
            await asyncio.to_thread(self._await_end, self._server)
            self._server = None

    async def fork(self, mode: str, control: socket.socket, out: int, err: int, plan: wire.Message) -> int:
        """The process id of a new agent that holds the three descriptors. Raises StartFailed."""
        if self._control is None:
            raise StartFailed("the fork server has ended")
        self._slots += 1
        slot = self._slots
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked[slot] = answer
        try:
            wire.send(self._control, {"op": "fork", "slot": slot, "mode": mode, **plan}, [control.fileno(), out, err])
            return await answer
        except OSError as error:
            raise StartFailed(f"the fork server does not answer: {error.strerror}") from error
        finally:
            self._asked.pop(slot, None)

    def _readable(self, control: socket.socket) -> None:
        try:
            message, _ = wire.receive(control)
        except BlockingIOError:
            return
        except OSError:
            message = None
        if message is None:
            self._disconnect("the fork server has ended")
            self._lost()
        elif message["op"] == "reaped":
            self._reaped(message["process"])
        else:
            self._answer(message)

    def _answer(self, message: wire.Message) -> None:
        answer = self._asked.get(message.get("slot", 0))
        if answer is None or answer.done():
            return
        if message["op"] == "refused":
            answer.set_exception(StartFailed(f"no new process: {message['error']}"))
        else:
            answer.set_result(message.get("process", 0))

    def _disconnect(self, reason: str) -> None:
        if self._control is None:
            return
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        self._control = None
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(StartFailed(reason))

    @staticmethod
    def _await_end(server: "subprocess.Popen[bytes]") -> None:
        with suppress(subprocess.TimeoutExpired):
            server.wait(_END_WITHIN_S)
            return
        server.kill()
        server.wait()
