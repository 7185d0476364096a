"""`sluice up --mesh`: the services as processes on this machine, connected by gRPC, each started again when it ends."""

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from sluice.errors import ConfigurationError
from sluice.host.directory_lock import DirectoryLock
from sluice.host.kinds import installed
from sluice.settings import Settings
from sluice_cli.listening import require_free

CORE = ("control", "dispatcher", "runner", "gateway")
LOCK_FILE = "mesh.lock"
AGAIN_S = 0.2
LONGEST_AGAIN_S = 10.0
STOP_WITHIN_S = 9.0
START_WITHIN_S = 60.0
POLL_S = 0.02

log = structlog.get_logger()

Announce = Callable[[Path, str], None]


async def run_mesh(settings: Settings, config: Path | None, stop: asyncio.Event, announce: Announce) -> None:
    """Run every service as a process until `stop` is set. Raises AlreadyRunning when another one works on the data directory."""
    lock = DirectoryLock(settings.data, LOCK_FILE)
    lock.take()
    require_free(settings.listen)
    if settings.listen.endswith(":0"):
        settings = msgspec.structs.replace(settings, listen=f"{settings.listen[:-2]}:{free_ports(1)[0]}")
    kinds = sorted({kind.name for kind in installed()} - set(CORE))
    fleet = Fleet(settings, config, (*CORE, *kinds))
    keepers = [asyncio.create_task(fleet.keep(service), name=service) for service in (*CORE, *kinds)]
    try:
        if await _ready_or_stopped(fleet, stop):
            announce(settings.data / "credentials.json", f"http://{settings.listen}")
        await stop.wait()
    finally:
        # what brings events in stops first, then what runs them
        for services in (("gateway", *kinds), ("dispatcher",), ("runner", "control")):
            await _end([task for task in keepers if task.get_name() in services])
        lock.release()


async def _ready_or_stopped(fleet: "Fleet", stop: asyncio.Event) -> bool:
    """Whether all services are ready; False when somebody asked to stop before. Raises ConfigurationError when it takes too long."""
    ready = asyncio.create_task(_all_ready(fleet))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({ready, stopping}, timeout=START_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    stopping.cancel()
    if not ready.done() and not stop.is_set():
        raise ConfigurationError(f"not every service was ready within {START_WITHIN_S:g} s; their logs say why")
    return ready.done()


async def _all_ready(fleet: "Fleet") -> bool:
    await asyncio.gather(*(_until_ready(address) for address in fleet.probes.values()))
    return True


async def _until_ready(address: str) -> None:
    """Until the service whose probes answer at `address` says that it is ready."""
    host, _, port = address.rpartition(":")
    for _ in range(int(START_WITHIN_S / POLL_S)):
        if await _is_ready(host, int(port)):
            return
        await asyncio.sleep(POLL_S)


async def _is_ready(host: str, port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        status = await reader.readline()
        writer.close()
    except OSError:
        return False
    return b" 200 " in status


async def _end(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


class Fleet:
    """The processes of one mesh on one data directory."""

    def __init__(self, settings: Settings, config: Path | None, services: Sequence[str]) -> None:
        self._settings = settings
        self._config = config
        self._secret = settings.mesh_secret.reveal() or kept_secret(settings.data / "mesh.secret")
        self._addresses = {name: f"127.0.0.1:{port}" for name, port in zip(_ADDRESSES, free_ports(len(_ADDRESSES)), strict=True)}
        self.probes = {name: f"127.0.0.1:{port}" for name, port in zip(services, free_ports(len(services)), strict=True)}
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def keep(self, service: str) -> None:
        """Start the service, and again whenever it ends, until cancelled; then stop it."""
        pause = AGAIN_S
        while True:
            began = asyncio.get_running_loop().time()
            process = self.processes[service] = await self._start(service)
            self._note()
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await stop_process(process)
                raise
            pause = AGAIN_S if asyncio.get_running_loop().time() - began > LONGEST_AGAIN_S else min(LONGEST_AGAIN_S, pause * 2)
            log.warning("service ended", service=service, code=code, again_in_s=pause)
            await asyncio.sleep(pause)

    async def _start(self, service: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "sluice_cli.member", service, str(self._settings.data)]
        if self._config is not None:
            command.append(str(self._config))
        environment = {**os.environ, **self._environment(service)}
        return await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=asyncio.subprocess.DEVNULL, preexec_fn=leave_interrupts
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


_ADDRESSES = ("control", "control_api", "dispatcher", "runner")


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
    """Ports of loopback that nothing listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


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
