"""Docker's API, as far as the engine needs it: every call has an end, and aiodocker's exceptions become ours here.

What aiodocker has no method for (events since a moment, statistics without a second's wait) goes through its own request functions.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.stream import Stream

from sluice.errors import SluiceError, Unavailable

CALL_WITHIN_S = 30.0
"""A machine that starts many containers at once takes seconds for each."""
PULL_WITHIN_S = 600.0
LOOK_EVERY_S = 10.0
"""How long one stream of events is read; before the next one is, what may have been missed is looked up."""
_NO_CONNECTION = 900
_MIB = 1 << 20
_STREAMS = {1: "stdout", 2: "stderr"}


class Away(Unavailable):
    """The daemon cannot be reached, or did not answer in time; whether it did what was asked is not known."""


class Refused(SluiceError):
    """The daemon said no. `status` is that of HTTP: 404 for what is not there, 409 for what is not in the state for it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Daemon:
    """The one that listens on the UNIX socket `path`. `label` is carried by all containers that are ours."""

    def __init__(self, path: str, label: str) -> None:
        # One connection for each instance that prints, and no bound on them.
        self._connector = aiohttp.UnixConnector(path, limit=0)
        self._docker = aiodocker.Docker("unix://localhost", connector=self._connector, timeout=aiohttp.ClientTimeout(total=CALL_WITHIN_S))
        self._filters = json.dumps({"label": [label]})
        self._deaths = json.dumps({"label": [label], "type": ["container"], "event": ["die"]})

    async def close(self) -> None:
        await self._docker.close()
        await self._connector.close()

    async def information(self) -> dict[str, Any]:
        """Of the machine: what of limits it can keep, its processors, its architecture."""
        with _translated():
            return {**await self._docker.system.info(), "Arch": (await self._docker.version())["Arch"]}

    async def image(self, name: str) -> Mapping[str, Any]:
        with _translated():
            return await self._docker.images.inspect(name)

    async def pull(self, name: str) -> None:
        """From the registry that the name says, which must ask for no login."""
        try:
            async with asyncio.timeout(PULL_WITHIN_S):
                with _translated():
                    await self._docker.images.pull(name)
        except TimeoutError:
            raise Away(f"the image did not come within {PULL_WITHIN_S:g} s") from None

    async def network(self, name: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """The network of this name, made if it is not there."""
        with _translated():
            found = await self._docker.networks.list(filters={"name": name})
            if not any(each["Name"] == name for each in found):
                await self._docker.networks.create({"Name": name, "CheckDuplicate": True, **configuration})
            answer: dict[str, Any] = await (await self._docker.networks.get(name)).show()
            return answer

    async def remove_network(self, name: str) -> None:
        with _translated():
            await (await self._docker.networks.get(name)).delete()

    async def containers(self) -> dict[str, bool]:
        """Ours: by id, whether it runs."""
        with _translated():
            listed = await self._docker.containers.list(all=1, filters=self._filters)
            return {each.id: each["State"] == "running" for each in listed}

    async def create(self, name: str, configuration: Mapping[str, Any]) -> str:
        with _translated():
            return (await self._docker.containers.create(dict(configuration), name=name)).id

    async def start(self, container: str) -> None:
        with _translated():
            await self._of(container).start()

    async def inspect(self, container: str) -> dict[str, Any]:
        with _translated():
            return await self._of(container).show()

    async def stop(self, container: str, grace_s: int) -> None:
        """Returns when it has ended: by itself after SIGTERM, or by SIGKILL after the grace. One that does not run is left as it is."""
        with _translated(harmless=(304, 404, 409)):
            if grace_s:
                await self._of(container).stop(t=grace_s, timeout=aiohttp.ClientTimeout(total=grace_s + CALL_WITHIN_S))
            else:
                await self._of(container).kill()

    async def remove(self, container: str) -> None:
        """Whether it runs or not. Harmless if it is gone, or just being removed."""
        with _translated(harmless=(404, 409)):
            await self._of(container).delete(force=True, v=True)

    async def memory_mb(self, container: str) -> float:
        """Without the pages of files that the kernel may drop."""
        with _translated():
            path, parameters = f"containers/{container}/stats", {"stream": "false", "one-shot": "true"}
            memory = (await self._docker._query_json(path, params=parameters)).get("memory_stats", {})
        counters = memory.get("stats", {})
        inactive = counters.get("total_inactive_file", counters.get("inactive_file", 0))
        return float(max(0, memory.get("usage", 0) - inactive)) / _MIB

    async def attach(self, container: str) -> "Printed":
        """What it prints from now on."""
        with _translated():
            stream = self._of(container).attach(stdout=True, stderr=True)
            await stream.__aenter__()
            return Printed(stream)

    async def deaths(self, since: float) -> AsyncIterator[str]:
        """Ids of containers of ours that ended, from a moment (seconds since 1970) on; for a while. Raises Away when the daemon goes."""
        parameters = {"since": f"{since:.6f}", "filters": self._deaths}
        with _translated():
            events = self._docker._query("events", params=parameters, timeout=aiohttp.ClientTimeout(total=LOOK_EVERY_S))
            try:
                async with events as response:
                    with closing(response):  # which aiodocker would leave open
                        async for line in response.content:
                            yield json.loads(line)["Actor"]["ID"]
            except TimeoutError:
                return
        raise Away("the daemon ended its events")

    def _of(self, container: str) -> DockerContainer:
        return self._docker.containers.container(container)


class Printed:
    """What a container prints, to be closed. A container whose output is not read waits in its own write."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def read(self) -> tuple[str, bytes] | None:
        """The name of the stream and bytes as they came; None at the end. Raises Away."""
        with _translated():
            message = await self._stream.read_out()
        return (_STREAMS[message.stream], message.data) if message else None

    async def close(self) -> None:
        await self._stream.close()


@contextmanager
def _translated(harmless: tuple[int, ...] = ()) -> Iterator[None]:
    try:
        yield
    except aiodocker.DockerError as error:
        if error.status in harmless:
            return
        if error.status == _NO_CONNECTION:
            raise Away(f"the Docker daemon cannot be reached: {error.message}") from None
        raise Refused(error.status, error.message) from None
    except TimeoutError:
        raise Away(f"the Docker daemon did not answer within {CALL_WITHIN_S:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Away(f"the Docker daemon cannot be reached: {error}") from None
