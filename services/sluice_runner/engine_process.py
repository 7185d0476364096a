"""The process engine: instances are processes of this machine, started by a fork server, each watched by an agent.

How far they are kept apart depends on what this process may do: `root`, `user` or `port` (see `forkserver.sandbox`); `describe` says which
it is and what is missing.
"""

import asyncio
import hashlib
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import structlog

from sluice.engine import Isolation, Start, StartFailed, Watcher
from sluice_runner import leftovers
from sluice_runner.cgroups import Cgroup, Cgroups
from sluice_runner.engine_lock import lock
from sluice_runner.environment import FUNCTION_PORT
from sluice_runner.fork_link import ForkLink
from sluice_runner.forkserver.sandbox import CODE_FOLDER, FUNCTION_USER
from sluice_runner.host_network import HostNetwork
from sluice_runner.memory_watch import MemoryWatch
from sluice_runner.process_instance import ProcessInstance
from sluice_runner.programs import program
from sluice_runner.resolver import name_servers
from sluice_runner.tasks import Tasks

MODES = ("root", "user", "port")
WARM_AGENTS = 2

_log = structlog.get_logger()


class ProcessEngine:
    """Implements `sluice.engine.Engine`. `data` is hidden from functions; `isolation` is `auto` or one of MODES; `warm` agents are kept
    ready, so that a start is little more than an exec."""

    def __init__(self, data: Path, *, isolation: str = "auto", warm: int = WARM_AGENTS) -> None:
        self._data = data.resolve()
        self._identity = hashlib.sha256(str(self._data).encode()).hexdigest()[:8]
        self._wanted = isolation
        self._warm_wanted = warm
        self._lock = -1
        self._mode = ""
        self._notes: list[str] = []
        self._link = ForkLink(self._reaped, self._server_lost)
        self._network: HostNetwork | None = None
        self._cgroups: Cgroups | None = None
        self._watcher: Watcher
        self._agents: dict[int, ProcessInstance] = {}
        self._instances: dict[str, ProcessInstance] = {}
        self._warm: list[ProcessInstance] = []
        self._warming = 0
        self._closing = False
        self._tasks = Tasks()
        self._memory = MemoryWatch(self._over_memory)

    async def __aenter__(self) -> Self:
        self._code.mkdir(parents=True, exist_ok=True)
        self._lock = await asyncio.to_thread(lock, self._data)
        await asyncio.to_thread(leftovers.kill, self._identity)
        try:
            await self._choose()
        except BaseException:
            await self.__aexit__()
            raise
        if self._cgroups is None:
            self._memory.start()
        self._keep_warm()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        await self._tasks.close()
        self._memory.stop()
        await self._teardown()
        os.close(self._lock)

    def watch(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def start(self, order: Start) -> ProcessInstance:
        if order.code is None:
            raise StartFailed("the process engine runs code packages, not images")
        instance = self._warm.pop() if self._warm else await self._new_agent()
        self._keep_warm()
        instance.name = order.name
        self._instances[order.name] = instance
        try:
            self._limit(instance, order)
            await instance.start(self._launch(order, instance), self._watcher, order.timeout_s)
        except OSError as error:
            await self.stop(order.name)
            raise StartFailed(f"no memory limit: {error}") from error
        except BaseException:
            await self.stop(order.name)
            raise
        return instance

    async def stop(self, name: str, *, grace_s: float = 0.0) -> None:
        instance = self._instances.get(name)
        if instance is None:
            return
        instance.ask_to_stop(grace_s)
        await asyncio.shield(instance.ended)

    async def list(self) -> list[str]:
        return list(self._instances)

    def describe(self) -> Isolation:
        apart = self._mode != "port"
        return Isolation(
            engine="process",
            mode=self._mode,
            own_network=apart,
            way_out=self._mode == "port" or self._network is not None,
            data_hidden=apart,
            memory_limit="cgroup" if self._cgroups else "watched",
            notes=tuple(self._notes),
        )

    @property
    def ready(self) -> bool:
        """Whether instances can be started now; false for a moment after the fork server was lost."""
        return self._link.connected

    # Which isolation.

    async def _choose(self) -> None:
        """The strongest mode that works here, or the one that was asked for. Raises StartFailed."""
        root = os.geteuid() == 0
        modes = [self._wanted] if self._wanted != "auto" else [mode for mode in MODES if root or mode != "root"]
        for mode in modes:
            try:
                await self._try(mode)
            except (StartFailed, OSError) as error:
                self._notes.append(f"{mode}: {error}")
                await self._teardown()
            else:
                return
        raise StartFailed(f"no isolation works here: {'; '.join(self._notes)}")

    async def _try(self, mode: str) -> None:
        self._mode = mode
        as_root = os.geteuid() == 0
        if mode == "root":
            await asyncio.to_thread(self._open_root)
        if as_root and mode != "root":
            await asyncio.to_thread(self._let_functions_pass)
        await self._open_link()
        self._warm.append(await self._new_agent())

    async def _open_link(self) -> None:
        drops_root = os.geteuid() == 0 and self._mode == "user"
        clean = self._identity if self._mode == "root" else ""
        await self._link.open(self._lock, FUNCTION_USER if drops_root else 0, clean)

    def _open_root(self) -> None:
        """What of the machine is prepared for all instances. What fails is noted and done without."""
        network = HostNetwork(self._identity)
        try:
            network.open()
            self._network = network
        except OSError as error:
            self._notes.append(f"no way out for functions: {error}")
        try:
            cgroups = Cgroups(f"sluice-{self._identity}")
            cgroups.open()
            self._cgroups = cgroups
        except OSError as error:
            self._notes.append(f"memory is watched, not limited by the kernel: {error}")

    def _let_functions_pass(self) -> None:
        """Functions under another user reach their code through DATA, and nothing else in it: its folders are closed by mode."""
        for folder in (self._data, self._data / "runner", self._code):
            folder.chmod(folder.stat().st_mode | 0o011)
        closed = [str(folder) for folder in self._data.parents if not folder.stat().st_mode & 0o001]
        if closed:
            self._notes.append(f"functions run as user {FUNCTION_USER} and cannot reach their code through {closed[0]}")

    async def _teardown(self) -> None:
        for instance in list(self._agents.values()):
            instance.ask_to_stop(0)
        await self._link.close()
        for instance in list(self._agents.values()):
            instance.reaped()
        self._agents.clear()
        self._warm.clear()
        await asyncio.to_thread(self._close_root)

    def _close_root(self) -> None:
        if self._network is not None:
            with suppress(OSError):
                self._network.close()
            self._network = None
        if self._cgroups is not None:
            self._cgroups.close()
            self._cgroups = None

    # Agents and instances.

    @property
    def _code(self) -> Path:
        return self._data / "runner" / "code"

    def _keep_warm(self) -> None:
        for _ in range(self._warm_wanted - len(self._warm) - self._warming):
            self._warming += 1
            self._tasks.spawn(self._warm_one())

    async def _warm_one(self) -> None:
        try:
            agent = await self._new_agent()
        except StartFailed:
            return  # the next start meets the same reason and says it
        finally:
            self._warming -= 1
        self._warm.append(agent)

    async def _new_agent(self) -> ProcessInstance:
        instance = ProcessInstance(self._gone, await self._new_cgroup())
        out, err = instance.open_pipes()
        try:
            instance.process = await self._link.fork(self._mode, instance.agent_end, out, err, self._plan(instance))
            self._agents[instance.process] = instance
            instance.agent_end.close()
            await instance.prepared()
        except BaseException:
            instance.discard()
            raise
        finally:
            instance.agent_end.close()
            os.close(out)
            os.close(err)
        return instance

    async def _new_cgroup(self) -> Cgroup | None:
        if self._cgroups is None:
            return None
        try:
            return await asyncio.to_thread(self._cgroups.new)
        except OSError as error:
            raise StartFailed(f"no memory limit: {error}") from error

    def _plan(self, instance: ProcessInstance) -> dict[str, Any]:
        as_root = os.geteuid() == 0
        return {
            "hidden": [str(self._data)],
            "code": str(self._code),
            "members": instance.cgroup.members if instance.cgroup else [],
            "resolver": name_servers() if self._network else "",
            "network": self._network.plan() if self._network else None,
            "uid": FUNCTION_USER if as_root else os.geteuid(),
            "gid": FUNCTION_USER if as_root else os.getegid(),
        }

    def _limit(self, instance: ProcessInstance, order: Start) -> None:
        if instance.cgroup is not None:
            instance.cgroup.limit(order.function.memory_mb)
        else:
            self._memory.add(instance, order.function.memory_mb)

    def _launch(self, order: Start, instance: ProcessInstance) -> dict[str, Any]:
        own_port = self._mode == "port"
        port = _free_port() if own_port else FUNCTION_PORT
        instance.address = f"127.0.0.1:{port}"
        environment = {
            **order.environment,
            "RUNTIME_CODE_ROOT": str(order.code) if own_port else CODE_FOLDER,
            leftovers.MARK: f"{self._identity}/{order.name}",
            **({"PORT": str(port)} if own_port else {}),
        }
        other_user = os.geteuid() == 0 and self._mode != "user"
        executed = program(order.function)
        return {
            "op": "start",
            "arguments": executed.arguments,
            "given": executed.given,
            "environment": environment,
            "folder": str(order.code),
            "port": port,
            "uid": FUNCTION_USER if other_user else None,
            "gid": FUNCTION_USER if other_user else None,
        }

    def _over_memory(self, instance: ProcessInstance) -> None:
        instance.kill_for_memory()

    def _reaped(self, process: int) -> None:
        instance = self._agents.pop(process, None)
        if instance is not None:
            instance.reaped()

    def _server_lost(self) -> None:
        if not self._closing:
            _log.error("fork_server_lost", instances=len(self._instances))
            self._tasks.spawn(self._replace_server())

    async def _replace_server(self) -> None:
        """The agents die with the fork server. What they could not end is ended here before any of it is called gone."""
        await self._link.close()
        await asyncio.to_thread(leftovers.kill, self._identity)
        self._warm.clear()
        for instance in list(self._agents.values()):
            instance.reaped()
        self._agents.clear()
        await self._open_link()
        self._keep_warm()

    def _gone(self, instance: ProcessInstance) -> None:
        """Nothing of the instance runs any more."""
        self._instances.pop(instance.name, None)
        self._memory.remove(instance)
        if instance in self._warm:
            self._warm.remove(instance)
        if instance.cgroup is not None:
            instance.cgroup.close()
            if not self._closing:  # then all are removed at once
                self._tasks.spawn(asyncio.to_thread(instance.cgroup.remove))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
