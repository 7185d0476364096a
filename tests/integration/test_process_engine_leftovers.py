"""A runner that is killed leaves nothing that outlives it, or else nothing that its successor does not remove."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.errors import AlreadyRunning
from sluice_runner import engine_lock, leftovers
from sluice_runner.cgroups import ROOT
from sluice_runner.engine_process import ProcessEngine
from tests.contracts.engine import ECHO, EngineBench, ask, tell
from tests.waiting import until

DIGEST = "e" * 128
MODES = [pytest.param("root", marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root")), "user", "port"]
RUNNER = """
import asyncio, sys
from pathlib import Path
from sluice_runner.engine_process import ProcessEngine
from tests.contracts.engine import EngineBench, ask

async def main():
    data, isolation = Path(sys.argv[1]), sys.argv[2]
    async with ProcessEngine(data, isolation=isolation) as engine:
        bench = EngineBench(engine, data, data / "runner" / "code" / ("e" * 128))
        instance = await bench.start()
        await ask(instance, {"do": "fork"})
        print("READY", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-", dir="/tmp"))
    code = folder / "runner" / "code" / DIGEST
    shutil.copytree(ECHO, code)
    code.chmod(0o755)
    yield folder
    leftovers.kill(identity(folder))
    shutil.rmtree(folder)


def identity(data: Path) -> str:
    return hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:8]


def mine(data: Path) -> list[int]:
    """Processes of instances of this data directory."""
    return leftovers.find(identity(data))


def a_runner(data: Path, isolation: str) -> "subprocess.Popen[bytes]":
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(data), isolation], stdout=subprocess.PIPE)
    assert runner.stdout is not None
    assert runner.stdout.readline() == b"READY\n"
    return runner


def a_process_marked(mark: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "600"], env={"SLUICE_INSTANCE": mark})


def kill(runner: "subprocess.Popen[bytes]") -> None:
    runner.kill()
    runner.wait()
    assert runner.stdout is not None
    runner.stdout.close()


def on_the_machine(data: Path) -> list[str]:
    """Control groups and devices; the packet rules go in the same step as the groups."""
    groups = [str(path) for path in ROOT.glob(f"*/sluice-{identity(data)}")]
    return groups + [name for _, name in socket.if_nameindex() if name.startswith(f"sl{identity(data)[:6]}")]


def fork_server_of(process: int) -> int:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return next(int(child) for child in children if b"sluice_runner.forkserver" in Path(f"/proc/{child}/cmdline").read_bytes())


@pytest.mark.parametrize("isolation", MODES)
async def test_a_killed_runner_takes_its_instances_along(data: Path, isolation: str) -> None:
    runner = a_runner(data, isolation)
    assert mine(data)
    kill(runner)
    await until(lambda: not mine(data) and not on_the_machine(data))


@pytest.mark.parametrize("isolation", MODES)
async def test_a_killed_fork_server_takes_its_instances_along(data: Path, isolation: str) -> None:
    runner = a_runner(data, isolation)
    try:
        assert mine(data)
        os.kill(fork_server_of(runner.pid), signal.SIGKILL)
        await until(lambda: not mine(data))
    finally:
        kill(runner)


@pytest.mark.parametrize("isolation", MODES)
async def test_a_runner_removes_what_a_killed_one_left(data: Path, isolation: str) -> None:
    runner = a_runner(data, isolation)
    os.kill(fork_server_of(runner.pid), signal.SIGKILL)
    kill(runner)
    orphan = a_process_marked(f"{identity(data)}/orphan")
    async with ProcessEngine(data, isolation=isolation) as engine:
        assert orphan.wait(5) == -signal.SIGKILL
        assert mine(data) == []
        bench = EngineBench(engine, data, data / "runner" / "code" / DIGEST)
        assert (await tell(await bench.start()))["path"] == "/invoke"
    assert not list(ROOT.glob(f"*/sluice-{identity(data)}"))
    assert mine(data) == []


@pytest.mark.parametrize("isolation", MODES)
async def test_a_lost_fork_server_is_replaced_and_its_instances_are_told_ended(data: Path, isolation: str) -> None:
    async with ProcessEngine(data, isolation=isolation) as engine:
        bench = EngineBench(engine, data, data / "runner" / "code" / DIGEST)
        instance = await bench.start()
        await ask(instance, {"do": "fork"})
        os.kill(fork_server_of(os.getpid()), signal.SIGKILL)
        await bench.seen.until_end(instance.name)
        assert mine(data) == []
        await engine.stop(instance.name)
        await until(lambda: engine.ready)
        assert (await tell(await bench.start()))["path"] == "/invoke"


async def test_two_runners_of_one_data_directory_exclude_each_other(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_lock, "LOCK_WITHIN_S", 0.1)
    async with ProcessEngine(data):
        with pytest.raises(AlreadyRunning, match="another runner"):
            await ProcessEngine(data).__aenter__()
    async with ProcessEngine(data):
        pass


@pytest.mark.timeout(30)
def test_another_data_directorys_instances_are_left_alone(data: Path) -> None:
    other = a_process_marked("00000000/other")
    try:
        deadline = time.monotonic() + 5
        while not leftovers.find("00000000") and time.monotonic() < deadline:
            time.sleep(0.002)
        leftovers.kill(identity(data))
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
