"""The process engine: instances are processes of this machine, started by a fork server, each watched by an agent."""

import os
import socket
from contextlib import suppress
from typing import Any, Self

from sluice.engine import Isolation, Start, StartFailed, Watcher
from sluice_runner.fork_link import ForkLink
from sluice_runner.process_instance import ProcessInstance

STOP_WITHIN_S = 5.0


class ProcessEngine:
    """Implements `sluice.engine.Engine`."""

    def __init__(self) -> None:
        self._mode = "port"
        self._link = ForkLink(self._reaped)
        self._watcher: Watcher
        self._agents: dict[int, ProcessInstance] = {}
        self._instances: dict[str, ProcessInstance] = {}

    async def __aenter__(self) -> Self:
        await self._link.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for instance in list(self._agents.values()):
            instance.ask_to_stop(0)
        await self._link.close()
        for instance in list(self._agents.values()):
            instance.reaped()

    def watch(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def start(self, order: Start) -> ProcessInstance:
        if order.code is None:
            raise StartFailed("the process engine runs code packages, not images")
        instance = await self._new_agent(order.name)
        self._instances[order.name] = instance
        try:
            await instance.start(self._launch(order, instance), self._watcher, order.timeout_s)
        except BaseException:
            await self.stop(order.name)
            raise
        return instance

    async def stop(self, name: str, *, grace_s: float = 0.0) -> None:
        instance = self._instances.get(name)
        if instance is None:
            return
        instance.ask_to_stop(grace_s)
        await instance.ended

    async def list(self) -> list[str]:
        return list(self._instances)

    def describe(self) -> Isolation:
        return Isolation("process", self._mode)

    async def _new_agent(self, name: str) -> ProcessInstance:
        instance = ProcessInstance(name, self._gone)
        out, err = instance.open_pipes()
        try:
            instance.process = await self._link.fork(self._mode, instance.agent_end, out, err, {})
            self._agents[instance.process] = instance
            await instance.prepared()
        finally:
            instance.agent_end.close()
            os.close(out)
            os.close(err)
        return instance

    def _launch(self, order: Start, instance: ProcessInstance) -> dict[str, Any]:
        port = _free_port()
        instance.address = f"127.0.0.1:{port}"
        return {
            "op": "start",
            "arguments": ["./bootstrap"],
            "environment": {**order.environment, "PORT": str(port), "RUNTIME_CODE_ROOT": str(order.code)},
            "folder": str(order.code),
            "port": port,
            "uid": None,
            "gid": None,
            "cgroups": [],
        }

    def _reaped(self, process: int) -> None:
        instance = self._agents.pop(process, None)
        if instance is not None:
            instance.reaped()

    def _gone(self, instance: ProcessInstance) -> None:
        with suppress(KeyError):
            del self._instances[instance.name]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
