"""The process engine under the engine contract, in every isolation that this machine has, and what is special to each."""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sluice_runner.engine_process import ProcessEngine
from tests.contracts.engine import ECHO, EngineBench, EngineContract, ask, tell
from tests.waiting import until

MODES = ("root", "user", "port")
DIGEST = "e" * 128

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces without a user namespace")


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that other users reach, as /var/lib/sluice is; pytest's own is closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-", dir="/tmp"))
    code = folder / "runner" / "code" / DIGEST
    shutil.copytree(ECHO, code)
    code.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def traces(data: Path) -> list[str]:
    """What an engine of the data directory has on the machine: devices, control groups, processes."""
    identity = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:8]
    devices = [name for _, name in socket.if_nameindex() if name.startswith(f"sl{identity[:6]}")]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/sluice-{identity}")]
    mark = f"SLUICE_INSTANCE={identity}/".encode()
    processes = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                processes.append(path.parent.name)
        except OSError:
            continue
    return devices + groups + processes


@pytest.fixture(params=[pytest.param("root", marks=needs_root), "user", "port"])
async def bench(request: pytest.FixtureRequest, data: Path) -> AsyncIterator[EngineBench]:
    before = len(os.listdir("/proc/self/fd"))
    async with ProcessEngine(data, isolation=request.param) as engine:
        yield EngineBench(engine, data, data / "runner" / "code" / DIGEST)
    await until(lambda: not traces(data))
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before)


class TestProcessEngine(EngineContract):
    pass


@pytest.fixture
async def root(data: Path) -> AsyncIterator[EngineBench]:
    async with ProcessEngine(data, isolation="root") as engine:
        yield EngineBench(engine, data, data / "runner" / "code" / DIGEST)


@needs_root
async def test_as_root_each_instance_has_user_1003_and_port_8000_to_itself(root: EngineBench) -> None:
    told = [await tell(await root.start()) for _ in range(2)]
    assert [each["uid"] for each in told] == [1003, 1003]
    assert all("PORT" not in each["environment"] for each in told)
    assert [each["folder"] for each in told] == ["/opt/function/code"] * 2


@needs_root
async def test_as_root_a_function_cannot_write_its_code_and_has_its_own_tmp(root: EngineBench) -> None:
    instance = await root.start()
    assert json.loads(await ask(instance, {"do": "read", "path": "/tmp"})) == []
    assert await ask(instance, {"do": "write", "path": "/opt/function/code/x"}) == b"Read-only file system"
    assert await ask(instance, {"do": "write", "path": "/tmp/x"}) == b"written"


@needs_root
async def test_as_root_a_function_has_a_way_out_of_its_network(root: EngineBench) -> None:
    """To a server on this machine's own address, as to any other; the function's address is hidden behind ours."""
    if not root.engine.describe().way_out:
        pytest.skip(f"this machine gives no way out: {root.engine.describe().notes}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; asks which address would be used
        own = probe.getsockname()[0]
    async with await asyncio.start_server(lambda _, writer: writer.close(), own, 0) as server:
        port = server.sockets[0].getsockname()[1]
        instance = await root.start()
        assert await ask(instance, {"do": "connect", "host": own, "port": port}) == b"connected"


@needs_root
async def test_as_root_instances_do_not_reach_each_other(root: EngineBench) -> None:
    instances = [await root.start() for _ in range(2)]
    addresses = [(await tell(instance, do="address"))["address"] for instance in instances]
    assert await ask(instances[0], {"do": "connect", "host": addresses[1], "port": 8000, "timeout": 0.5}) != b"connected"


@needs_root
async def test_as_root_a_function_sees_no_process_of_the_machine(root: EngineBench) -> None:
    listed = json.loads(await ask(await root.start(), {"do": "read", "path": "/proc"}))
    assert len([name for name in listed if name.isdigit()]) <= 4


async def test_automatic_isolation_is_the_strongest_that_works(data: Path) -> None:
    async with ProcessEngine(data) as engine:
        isolation = engine.describe()
        assert isolation.mode == ("root" if os.geteuid() == 0 else "user")
        assert isolation.data_hidden
        assert isolation.own_network
