"""The processes of one mesh on this machine: started, started again when they end, and stopped."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import structlog

from sluice.errors import ConfigurationError
from sluice.settings import Settings
from sluice_cli.refusal import HELD, REFUSED

AGAIN_S = 0.2
LONGEST_AGAIN_S = 10.0
STOP_WITHIN_S = 9.0
HELD_TWICE = 2
"""So often in a row another process must be in a service's way before that counts: the one before it may still be ending."""

log = structlog.get_logger()


_FIRST_PORT, _LAST_PORT = 10_000, 32_000
_TRIES = 10_000
_ADDRESSES = ("control", "control_api", "dispatcher", "runner")


class Fleet:
    """The processes of one mesh on one data directory."""

    def __init__(self, settings: Settings, config: Path | None, services: Sequence[str], pushed: Sequence[str] = ()) -> None:
        """`pushed` are those of the services that the gateway passes requests on to."""
        self._settings = settings
        self._config = config
        self._secret = settings.mesh_secret.reveal() or kept_secret(settings.data / "mesh.secret")
        self._addresses = {name: f"127.0.0.1:{port}" for name, port in zip(_ADDRESSES, free_ports(len(_ADDRESSES)), strict=True)}
        doors = {name: f"127.0.0.1:{port}" for name, port in zip(pushed, free_ports(len(pushed)), strict=True)} | settings.door_addresses
        self._addresses["doors"] = ",".join(f"{name}={address}" for name, address in doors.items())
        self.probes = {name: f"127.0.0.1:{port}" for name, port in zip(services, free_ports(len(services)), strict=True)}
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.refusals: dict[str, str] = {}
        """What services said that could not start, and will not before somebody has changed something."""
        self.refused = asyncio.Event()

    async def keep(self, service: str) -> None:
        """Start the service, and again whenever it ends, until cancelled; then stop it."""
        pause, held = AGAIN_S, 0
        while True:
            began = asyncio.get_running_loop().time()
            with tempfile.TemporaryFile() as said:
                process = self.processes[service] = await self._start(service, said)
                self._note()
                try:
                    code = await process.wait()
                except asyncio.CancelledError:
                    await stop_process(process)
                    raise
                held = held + 1 if code == HELD else 0
                if code == REFUSED or held >= HELD_TWICE:
                    self._refused(service, said)
            pause = AGAIN_S if asyncio.get_running_loop().time() - began > LONGEST_AGAIN_S else min(LONGEST_AGAIN_S, pause * 2)
            log.warning("service ended", service=service, code=code, again_in_s=pause)
            await asyncio.sleep(pause)

    def _refused(self, service: str, said: IO[bytes]) -> None:
        said.seek(0)
        self.refusals[service] = said.read().decode(errors="replace").strip()
        self.refused.set()

    async def _start(self, service: str, said: IO[bytes]) -> asyncio.subprocess.Process:
        """`said` takes its standard output; a pipe would have to be read all the time."""
        command = [sys.executable, "-m", "sluice_cli.member", service, str(self._settings.data)]
        if self._config is not None:
            command.append(str(self._config))
        environment = {**os.environ, **self._environment(service)}
        return await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=said, preexec_fn=leave_interrupts
        )

    def _environment(self, service: str) -> dict[str, str]:
        """In the environment and not among the arguments: arguments can be read by everybody on the machine."""
        addresses = {f"SLUICE_{name.upper()}": address for name, address in self._addresses.items()}
        own = {"SLUICE_LISTEN": self._settings.listen, "SLUICE_MESH_SECRET": self._secret, "SLUICE_PROBES": self.probes[service]}
        return {**addresses, **own}

    def _note(self) -> None:
        """DATA/mesh.json: the process and the probes' address of each service, for operators and their tools."""
        members = {name: {"pid": process.pid, "probes": self.probes[name]} for name, process in self.processes.items()}
        new = self._settings.data / "mesh.json.new"
        new.write_text(json.dumps(members, indent=2) + "\n")
        new.replace(self._settings.data / "mesh.json")


def kept_secret(file: Path) -> str:
    """The secret that signs the services' tokens, made at the first start and kept for the owner only."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        secret = secrets.token_urlsafe(32)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secret + "\n")
        return secret


def free_ports(number: int) -> list[int]:
    """Ports of loopback that nothing listens on now. They lie below those that the system hands out for outgoing connections, so that none
    of these takes one before its service listens."""
    taken: list[socket.socket] = []
    try:
        for _ in range(_TRIES):
            if len(taken) == number:
                break
            with suppress(OSError):
                taken.append(socket.create_server(("127.0.0.1", _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT))))
        else:
            raise ConfigurationError(f"no {number} ports of 127.0.0.1 are free between {_FIRST_PORT} and {_LAST_PORT}")
        return [listener.getsockname()[1] for listener in taken]
    finally:
        for listener in taken:
            listener.close()


def leave_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal. The mesh alone answers it: it stops its services, in their order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


async def stop_process(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop; kill it if it does not."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
