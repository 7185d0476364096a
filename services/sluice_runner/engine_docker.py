"""The Docker engine: instances are containers of a Docker daemon on this machine.

The daemon may go and come back. While it is away nothing can be started or ended, what runs is called as before, and what ended meanwhile
is told when it is back.
"""

import asyncio
import hashlib
import math
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog

from sluice.engine import Isolation, Start, StartFailed, Watcher
from sluice.errors import ConfigurationError
from sluice_runner.docker_container import DATA_LABEL, Surroundings, configuration, name_of
from sluice_runner.docker_daemon import Away, Daemon, Refused
from sluice_runner.docker_instance import AGAIN_S, DockerInstance
from sluice_runner.engine_lock import lock
from sluice_runner.tasks import Tasks

LEAVE_WITHIN_S = 20.0
_UNIX = "unix://"
_OVERLAP_S = 1.0
"""Events are asked for from a little before the stream begins: one that is told twice does no harm."""
_NOT_THERE = 404

T = TypeVar("T")

_log = structlog.get_logger()


class DockerEngine:
    """Implements `sluice.engine.Engine`. `address` is that of the daemon, `unix:///path`; `base_image` the one that code packages run in,
    "" if only images do; `pull`: whether an image that is not there is fetched from its registry. `published`: whether instances are
    reached through a published port; None: as this machine needs it."""

    def __init__(self, data: Path, address: str, base_image: str = "", *, pull: bool = True, published: bool | None = None) -> None:
        self._data = data.resolve()
        self._address = address
        self._base_image = base_image
        self._pull = pull
        self._published = published
        self._lock = -1
        self._tasks = Tasks()
        self._watcher: Watcher
        self._daemon: Daemon
        self._machine: dict[str, Any] = {}
        self._surroundings: Surroundings
        self._instances: dict[str, DockerInstance] = {}
        self._in_touch = asyncio.Event()
        """The ends of instances are heard, and none was missed."""

    async def __aenter__(self) -> Self:
        (self._data / "runner").mkdir(parents=True, exist_ok=True)
        self._lock = await asyncio.to_thread(lock, self._data)
        identity = identity_of(self._data)
        self._daemon = Daemon(self._address.removeprefix(_UNIX), f"{DATA_LABEL}={identity}")
        try:
            await self._prepare(identity)
        except (Away, Refused) as error:
            await self._close()
            raise ConfigurationError(f"docker: {self._address}: {error}") from None
        except BaseException:
            await self._close()
            raise
        self._tasks.keep(self._follow)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await asyncio.gather(*map(self.stop, list(self._instances)))
                await self._daemon.remove_network(self._surroundings.network)
        except (TimeoutError, Away, Refused) as error:
            # The next runner of the data directory removes it.
            _log.warning("docker_left_behind", instances=len(self._instances), reason=str(error))
        await self._tasks.close()
        await self._close()

    def watch(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def start(self, order: Start) -> DockerInstance:
        body = configuration(order, self._surroundings)
        instance = DockerInstance(order.name, self._daemon, self._watcher, self._tasks)
        self._instances[order.name] = instance
        try:
            await self._reach(order.timeout_s)
            await self._launch(instance, order, body)
            await instance.listening(order.timeout_s)
        except (Away, Refused) as error:
            await self.stop(order.name)
            raise StartFailed(_reason(error, body["Image"])) from None
        except BaseException:
            await self.stop(order.name)
            raise
        return instance

    async def stop(self, name: str, *, grace_s: float = 0.0) -> None:
        instance = self._instances.get(name)
        if instance is None:
            return
        if instance.launched and not instance.finishing:
            instance.stopped = True
            with suppress(Refused):  # the removal ends it
                await _surely(lambda: self._daemon.stop(instance.container, math.ceil(grace_s)))
        await self._finish(instance)

    async def list(self) -> list[str]:
        return list(self._instances)

    def describe(self) -> Isolation:
        return Isolation(
            engine="docker",
            mode="published" if self._surroundings.published else "bridge",
            own_network=True,
            way_out=True,
            data_hidden=True,
            memory_limit="cgroup" if self._machine["MemoryLimit"] else "none",
            notes=self._missing(),
        )

    # Surroundings.

    async def _prepare(self, identity: str) -> None:
        self._machine = await self._daemon.information()
        for container in await self._daemon.containers():
            await self._daemon.remove(container)
        name = f"sluice-{identity}"
        network = await self._daemon.network(name, _network(identity))
        if self._published is None:
            self._published = not _is_ours(network["IPAM"]["Config"][0].get("Gateway", ""))
        self._surroundings = Surroundings(
            identity, self._base_image, name, self._published, self._machine["NCPU"], bool(self._machine["PidsLimit"])
        )

    def _missing(self) -> tuple[str, ...]:
        limits = {"MemoryLimit": "memory is", "PidsLimit": "the number of processes is", "CpuCfsQuota": "processor time is"}
        return tuple(f"{what} not limited: the daemon's machine cannot" for key, what in limits.items() if not self._machine[key])

    async def _close(self) -> None:
        await self._daemon.close()
        os.close(self._lock)

    # Instances.

    async def _reach(self, within_s: float) -> None:
        """Nothing is started while ends may be missed: the address of an instance whose end is not known yet could be given to another."""
        try:
            await asyncio.wait_for(self._in_touch.wait(), within_s)
        except TimeoutError:
            raise StartFailed("the Docker daemon cannot be reached") from None

    async def _launch(self, instance: DockerInstance, order: Start, body: dict[str, Any]) -> None:
        """Returns when it runs. Raises Away, Refused and StartFailed."""
        await self._check_image(body["Image"])
        await self._create(instance, name_of(order, self._surroundings), body)
        await instance.open_output()
        instance.launched = True
        await self._daemon.start(instance.container)
        instance.up = True
        await instance.find(self._surroundings.published)

    async def _check_image(self, name: str) -> None:
        """Docker starts an image of another architecture, whose program then cannot be executed."""
        built_for = (await self._image(name))["Architecture"]
        if built_for != self._machine["Arch"]:
            raise StartFailed(f"the image {name} is for {built_for}, and this machine is {self._machine['Arch']}")

    async def _image(self, name: str) -> Mapping[str, Any]:
        """What the daemon says of it. Raises Away, Refused and StartFailed."""
        try:
            return await self._daemon.image(name)
        except Refused as error:
            if error.status != _NOT_THERE or not self._pull:
                raise
        _log.info("docker_pull", image=name)
        try:
            await self._daemon.pull(name)
        except (Away, Refused) as error:
            raise StartFailed(f"the image {name} cannot be pulled: {error}") from None
        return await self._daemon.image(name)

    async def _create(self, instance: DockerInstance, name: str, body: dict[str, Any]) -> None:
        """Not cut short in the middle, which would leave a container nobody knows of."""
        creating = asyncio.ensure_future(self._daemon.create(name, body))
        try:
            instance.container = await asyncio.shield(creating)
        except asyncio.CancelledError:
            with suppress(Away, Refused):
                instance.container = await creating
            raise

    async def _finish(self, instance: DockerInstance) -> None:
        """It does not run: returns when nothing of it is left, and its end was told."""
        if not instance.finishing:
            instance.finishing = True
            self._tasks.spawn(self._bury(instance))
        await asyncio.shield(instance.ended)

    async def _bury(self, instance: DockerInstance) -> None:
        state: dict[str, Any] = {}
        if instance.container:
            with suppress(Refused):  # somebody else removed it
                state = (await _surely(lambda: self._daemon.inspect(instance.container)))["State"]
            await instance.rest()
            with suppress(Refused):
                await _surely(lambda: self._daemon.remove(instance.container))
        self._instances.pop(instance.name, None)
        instance.finish(state)

    async def _follow(self) -> None:
        """Hear of the ends of instances, for as long as the engine is entered."""
        while True:
            since = time.time() - _OVERLAP_S
            try:
                await self._look()
                self._in_touch.set()
                async for container in self._daemon.deaths(since):
                    self._died(container)
            except (Away, Refused) as error:
                self._in_touch.clear()
                _log.warning("docker_events_lost", reason=str(error))
                await asyncio.sleep(AGAIN_S)

    async def _look(self) -> None:
        """For those that ended while nobody listened."""
        known = [instance.container for instance in self._instances.values() if instance.up]
        running = await self._daemon.containers()
        for container in known:
            if not running.get(container):
                self._died(container)

    def _died(self, container: str) -> None:
        for instance in list(self._instances.values()):
            if instance.container == container:
                self._tasks.spawn(self._finish(instance))


def identity_of(data: Path) -> str:
    """Names a data directory among all that use one daemon: a copy of it is another one, and so is the same path on another machine."""
    file = data / "runner" / "docker.identity"
    if not file.exists():
        file.write_text(secrets.token_hex(16))
    return hashlib.sha256(f"{file.read_text()} {data}".encode()).hexdigest()[:12]


def _network(identity: str) -> dict[str, Any]:
    """One of its own, in which instances do not reach each other."""
    return {
        "Driver": "bridge",
        "Labels": {DATA_LABEL: identity},
        "Options": {"com.docker.network.bridge.enable_icc": "false"},
    }


def _is_ours(address: str) -> bool:
    """Whether this machine has the address, so that the containers of its network are reached directly."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return address != ""


async def _surely(call: Callable[[], Awaitable[T]]) -> T:
    """As often as it takes until the daemon has answered."""
    while True:
        try:
            return await call()
        except Away:
            await asyncio.sleep(AGAIN_S)


def _reason(error: Away | Refused, image: str) -> str:
    if isinstance(error, Refused) and error.status == _NOT_THERE and "image" in str(error).lower():
        return f"the image {image} is not on this machine: docker pull {image}"
    return str(error)
