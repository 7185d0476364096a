"""The Docker engine under the engine contract, on a real daemon; and what is special to containers, to the daemon and to its end."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
import pytest

from sluice.engine import EndCause, Start, StartFailed
from sluice.errors import ConfigurationError
from sluice.function import Function
from sluice_runner.engine_docker import DockerEngine
from tests.contracts.engine import ECHO, URN, EngineBench, EngineContract, ask, marked_processes, tell
from tests.registry import Registry
from tests.servers import Docker
from tests.waiting import until

DIGEST = "e" * 128
OWN = frozenset({"HOSTNAME", "HOST", "HOME"})
"""Variables of a container that nobody gave it; and HOST, which has the function listen where a container is reached."""
HEARD_WITHIN_S = 10.0


class DockerBench(EngineBench):
    """Its functions listen on all addresses."""

    def __init__(self, engine: DockerEngine, data: Path) -> None:
        super().__init__(engine, data, code_in(data), own=OWN, heard_within_s=HEARD_WITHIN_S)

    def order(self, *, timeout_s: float, memory_mb: int, code: Path | None, environment: Mapping[str, str]) -> Start:
        return super().order(timeout_s=timeout_s, memory_mb=memory_mb, code=code, environment={"HOST": "0.0.0.0", **environment})

    async def start_image(self, image: str) -> dict[str, Any]:
        """What the function of an image tells of itself."""
        return await tell(await self.engine.start(Start(f"image-{image}", Function(URN, image=image), {"HOST": "0.0.0.0"}, None, 20.0)))


def code_in(data: Path) -> Path:
    return data / "runner" / "code" / DIGEST


@pytest.fixture
def data(tmp_path: Path) -> Path:
    shutil.copytree(ECHO, code_in(tmp_path))
    code_in(tmp_path).chmod(0o755)
    return tmp_path


@pytest.fixture
async def bench(data: Path, docker: Docker) -> AsyncIterator[DockerBench]:
    before = len(os.listdir("/proc/self/fd"))
    async with DockerEngine(data, docker.address, docker.python, pull=False) as engine:
        yield DockerBench(engine, data)
    assert await containers(docker) == []
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before)


@pytest.fixture
async def published(data: Path, docker: Docker) -> AsyncIterator[DockerBench]:
    """Its instances are reached as those of a daemon in a virtual machine are."""
    async with DockerEngine(data, docker.address, docker.python, published=True) as engine:
        yield DockerBench(engine, data)


@asynccontextmanager
async def client_of(docker: Docker) -> AsyncIterator[aiodocker.Docker]:
    connector = aiohttp.UnixConnector(docker.address.removeprefix("unix://"))
    async with connector, aiodocker.Docker("unix://localhost", connector=connector) as client:
        yield client


async def containers(docker: Docker) -> list[dict[str, Any]]:
    """All that the daemon has, as it describes them."""
    async with client_of(docker) as client:
        return [await container.show() for container in await client.containers.list(all=1)]


async def load(docker: Docker, image: bytes) -> None:
    async with client_of(docker) as client:
        await client.images.import_image(image)


async def exported(docker: Docker, name: str) -> bytes:
    async with client_of(docker) as client, client.images.export_image(name) as content:
        archived: bytes = await content.read()
        return archived


def archive(name: str, architecture: str) -> bytes:
    """An image of nothing, as `docker load` takes it."""
    layer = bytes(10_240)
    configuration = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/nothing"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [f"{name}:latest"], "Layers": ["layer.tar"]}]
    files = {"layer.tar": layer, "config.json": json.dumps(configuration).encode(), "manifest.json": json.dumps(manifest).encode()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


class TestDockerEngine(EngineContract):
    pass


async def test_on_the_daemons_machine_instances_are_reached_directly_and_no_port_is_published(bench: DockerBench, docker: Docker) -> None:
    assert bench.engine.describe().mode == "bridge"
    await bench.start()
    (container,) = await containers(docker)
    assert container["NetworkSettings"]["Ports"] == {}


async def test_a_container_has_user_1003_its_code_read_only_and_a_tmp_of_its_own(bench: DockerBench) -> None:
    instance = await bench.start()
    told = await tell(instance)
    assert (told["uid"], told["folder"]) == (1003, "/opt/function/code")
    assert await ask(instance, {"do": "write", "path": "/opt/function/code/x"}) == b"Read-only file system"
    mounts = (await ask(instance, {"do": "read", "path": "/proc/self/mounts"})).decode().splitlines()
    assert next(line for line in mounts if line.split()[1] == "/").split()[3].startswith("ro,")
    assert json.loads(await ask(instance, {"do": "read", "path": "/tmp"})) == []
    assert await ask(instance, {"do": "write", "path": "/tmp/x"}) == b"written"


async def test_a_container_has_no_capability_no_new_privileges_and_the_limits_of_functiongraph(bench: DockerBench) -> None:
    instance = await bench.start(memory_mb=256)
    status = dict(line.split(":", 1) for line in (await ask(instance, {"do": "read", "path": "/proc/self/status"})).decode().splitlines())
    assert {status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    limits = (await ask(instance, {"do": "read", "path": "/proc/self/limits"})).decode()
    assert [line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files")] == [["2048", "2048"]]
    mounts = (await ask(instance, {"do": "read", "path": "/proc/self/mounts"})).decode()
    assert "size=524288k" in next(line for line in mounts.splitlines() if line.split()[1] == "/tmp")


async def test_the_kernel_keeps_memory_processes_and_processor_time(bench: DockerBench, docker: Docker) -> None:
    await bench.start(memory_mb=256)
    limits = (await containers(docker))[0]["HostConfig"]
    assert (limits["Memory"], limits["MemorySwap"], limits["PidsLimit"]) == (256 << 20, 256 << 20, 1024)
    assert limits["NanoCpus"] == 300_000_000
    assert bench.engine.describe().memory_limit == "cgroup"


async def test_an_image_brings_its_own_server(bench: DockerBench, docker: Docker) -> None:
    docker.make_image("sluice-test-echo", ECHO, "./bootstrap")
    told = await bench.start_image("sluice-test-echo")
    assert (told["path"], told["uid"]) == ("/invoke", 1003)


async def test_an_image_that_is_not_there_is_named(bench: DockerBench) -> None:
    with pytest.raises(StartFailed, match=r"the image sluice-test-none is not on this machine: docker pull sluice-test-none"):
        await bench.start_image("sluice-test-none")
    assert await bench.engine.list() == []


async def test_an_image_that_is_not_there_is_pulled_once_where_that_is_allowed(data: Path, docker: Docker) -> None:
    docker.make_image("sluice-test-echo", ECHO, "./bootstrap")
    with Registry(await exported(docker, "sluice-test-echo")) as registry:
        async with DockerEngine(data, docker.address) as engine:
            bench = DockerBench(engine, data)
            assert (await bench.start_image(registry.image))["path"] == "/invoke"
            asked = len(registry.asked)
            assert asked
            await engine.stop(f"image-{registry.image}")
            assert (await bench.start_image(registry.image))["path"] == "/invoke"
            assert len(registry.asked) == asked
            with pytest.raises(StartFailed, match=r"echo:2 cannot be pulled: .*manifest unknown"):
                await bench.start_image(registry.image.replace("echo:1", "echo:2"))


async def test_an_image_for_another_machine_is_named(bench: DockerBench, docker: Docker) -> None:
    await load(docker, archive("sluice-test-foreign", "arm64"))
    with pytest.raises(StartFailed, match="sluice-test-foreign is for arm64, and this machine is amd64"):
        await bench.start_image("sluice-test-foreign")


async def test_a_program_that_is_not_in_the_image_is_named(bench: DockerBench, docker: Docker) -> None:
    docker.make_image("sluice-test-lost", ECHO, "/bin/nothing")
    with pytest.raises(StartFailed, match=r"exit code 127 \(its program was not found\)"):
        await bench.start_image("sluice-test-lost")


async def test_what_the_engine_cannot_run_is_refused_by_name(bench: DockerBench, docker: Docker, tmp_path: Path) -> None:
    handled = Start("handled", Function(URN, runtime="Python3.10", handler="index.handler"), {}, bench.code)
    with pytest.raises(StartFailed, match=r"not the runtime Python3\.10"):
        await bench.engine.start(handled)
    async with DockerEngine(tmp_path / "other", docker.address) as other:
        with pytest.raises(StartFailed, match="docker_base_image"):
            await DockerBench(other, bench.data).start(code=bench.code)


async def test_a_published_port_is_open_on_loopback_only(published: DockerBench, docker: Docker) -> None:
    instance = await published.start()
    assert (await tell(instance))["path"] == "/invoke"
    (port,) = (await containers(docker))[0]["NetworkSettings"]["Ports"]["8000/tcp"]
    assert (port["HostIp"], instance.address) == ("127.0.0.1", f"127.0.0.1:{port['HostPort']}")


async def test_behind_a_published_port_the_proxys_accepting_is_not_taken_for_the_functions(published: DockerBench) -> None:
    with pytest.raises(StartFailed, match="did not open"):
        await published.start(timeout_s=1.5, START="hang")
    with pytest.raises(StartFailed, match="exit code 1"):
        await published.start(START="exit")


async def test_a_container_that_somebody_removes_is_told_as_ended(bench: DockerBench, docker: Docker) -> None:
    instance = await bench.start()
    async with client_of(docker) as client:
        await (await client.containers.list())[0].delete(force=True)
    end = await bench.seen.until_end(instance.name)
    assert end.cause is EndCause.EXITED
    assert await bench.engine.list() == []


async def test_what_ended_with_the_daemon_is_told_when_it_is_back(bench: DockerBench, docker: Docker) -> None:
    """A daemon that begins anew ends the containers that its predecessor left; until then they are called as before."""
    instance = await bench.start()
    docker.kill_daemon()
    try:
        assert (await tell(instance))["path"] == "/invoke"
        with pytest.raises(StartFailed, match="the Docker daemon cannot be reached"):
            await bench.start(timeout_s=0.5)
        assert instance.memory_mb() >= 0
        assert instance.name not in bench.seen.ends
    finally:
        docker.start()
    assert (await bench.seen.until_end(instance.name)).cause is EndCause.EXITED
    assert (await tell(await bench.start()))["path"] == "/invoke"


async def test_a_stop_without_a_daemon_ends_when_it_is_back(bench: DockerBench, docker: Docker) -> None:
    instance = await bench.start()
    docker.kill_daemon()
    try:
        stopping = asyncio.ensure_future(bench.engine.stop(instance.name))
        await asyncio.wait([stopping], timeout=0.5)
        assert not stopping.done()
    finally:
        docker.start()
    await asyncio.wait_for(stopping, 20)
    assert bench.seen.ends[instance.name].cause is EndCause.STOPPED
    assert marked_processes(f"/{instance.name}") == []


RUNNER = """
import asyncio, sys
from pathlib import Path
from tests.integration.test_docker_engine import DockerBench, DockerEngine

async def main(data, address, image):
    async with DockerEngine(Path(data), address, image) as engine:
        await DockerBench(engine, Path(data)).start()
        print("started", flush=True)
        await asyncio.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_a_killed_runner_left_is_removed_by_the_next_and_nothing_else(data: Path, docker: Docker, tmp_path: Path) -> None:
    async with DockerEngine(tmp_path / "other", docker.address, docker.python) as other:
        own = await DockerBench(other, data).start()
        command = [sys.executable, "-c", RUNNER, str(data), docker.address, docker.python]
        runner = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert runner.stdout is not None
        assert await runner.stdout.readline() == b"started\n"
        runner.kill()
        await runner.wait()
        assert len(await containers(docker)) == 2
        async with DockerEngine(data, docker.address, docker.python):
            assert len(await containers(docker)) == 1
            assert (await tell(own))["path"] == "/invoke"


NEIGHBOURS = """
import asyncio, sys
from pathlib import Path
from tests.contracts.engine import ask
from tests.integration.test_docker_engine import DockerBench, DockerEngine

async def main(data, address, image):
    async with DockerEngine(Path(data), address, image) as engine:
        bench = DockerBench(engine, Path(data))
        one, other = await bench.start(), await bench.start()
        for instance in (one, other):
            host = instance.address.partition(":")[0]
            print((await ask(one, {"do": "connect", "host": host, "port": 8000, "timeout": 1})).decode())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_instances_do_not_reach_each_other_where_the_daemon_keeps_packet_rules(
    data: Path, tmp_path_factory: pytest.TempPathFactory, docker: Docker
) -> None:
    """In a network of its own, because the rules are for the whole machine. `docker` is asked for, to have said what is missing."""
    apart = Docker(tmp_path_factory.mktemp("apart"), apart=True)  # a short path, for the sockets in it
    apart.start()
    try:
        command = apart.inside(sys.executable, "-c", NEIGHBOURS, str(data), apart.address, apart.python)
        asking = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert (await asking.communicate())[0].decode().split() == ["connected", "timed", "out"]
    finally:
        apart.kill()


async def test_without_a_daemon_the_engine_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"unix:///nowhere/docker\.sock: the Docker daemon cannot be reached"):
        await DockerEngine(tmp_path, "unix:///nowhere/docker.sock").__aenter__()
