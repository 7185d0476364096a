"""The engine contract: what every engine that runs code packages promises. A bench supplies the engine and its data directory.

The function is tests/functions/echo, which does what its event says.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sluice.engine import EndCause, Ended, Engine, Instance, Start, StartFailed
from sluice.function import Function

ECHO = Path(__file__).resolve().parents[1] / "functions" / "echo"
URN = "urn:fss:region:project:function:default:echo:latest"


class Seen:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.ends: dict[str, Ended] = {}
        self.printed_by: dict[tuple[str, str], bytes] = {}
        self.happened = asyncio.Event()

    def ended(self, end: Ended) -> None:
        assert end.name not in self.ends, "an end is told once"
        self.ends[end.name] = end
        self.happened.set()

    def printed(self, name: str, stream: str, data: bytes) -> None:
        self.printed_by[name, stream] = self.printed_by.get((name, stream), b"") + data
        self.happened.set()

    async def until_end(self, name: str, within_s: float = 10.0) -> Ended:
        async with asyncio.timeout(within_s):
            while name not in self.ends:
                self.happened.clear()
                await self.happened.wait()
        return self.ends[name]

    async def until_printed(self, name: str, stream: str, data: bytes, within_s: float) -> None:
        """With 0 it must have come already."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while data not in self.printed_by.get((name, stream), b""):
                    self.happened.clear()
                    await self.happened.wait()
        assert data in self.printed_by.get((name, stream), b"")


class EngineBench:
    """An engine that has been entered. `code` is where it finds the unpacked folder of the echo function, `own` are the variables that it
    cannot help adding, and `heard_within_s` is how long what was printed may take to the watcher."""

    def __init__(self, engine: Engine, data: Path, code: Path, *, own: frozenset[str] = frozenset(), heard_within_s: float = 0.0) -> None:
        self.engine = engine
        self.own = own
        self.heard_within_s = heard_within_s
        self.data = data
        self.code = code
        self.seen = Seen()
        self._names = 0
        engine.watch(self.seen)

    async def start(self, *, timeout_s: float = 20.0, memory_mb: int = 128, code: Path | None = None, **environment: str) -> Instance:
        return await self.engine.start(self.order(timeout_s=timeout_s, memory_mb=memory_mb, code=code, environment=environment))

    def order(self, *, timeout_s: float, memory_mb: int, code: Path | None, environment: Mapping[str, str]) -> Start:
        self._names += 1
        full = {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment}
        return Start(f"echo-{self._names}", Function(URN, memory_mb=memory_mb), full, code or self.code, timeout_s)

    @property
    def last_name(self) -> str:
        return f"echo-{self._names}"


async def ask(instance: Instance, event: Mapping[str, Any], within_s: float = 10.0) -> bytes:
    """One POST /invoke on a connection of its own; b"" if it closes without an answer."""
    connection = await instance.connect()
    reader, writer = await asyncio.open_connection(sock=connection)
    body = json.dumps(event).encode()
    writer.write(b"POST /invoke HTTP/1.1\r\nHost: f\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    try:
        async with asyncio.timeout(within_s):
            with suppress(ConnectionError):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                return await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return b""


async def tell(instance: Instance, **event: Any) -> dict[str, Any]:
    """What the function knows of itself."""
    told: dict[str, Any] = json.loads(await ask(instance, event))
    return told


class EngineContract:
    """Inherit and supply a fixture `bench`."""

    async def test_start_returns_when_the_server_accepts(self, bench: EngineBench) -> None:
        instance = await bench.start()
        assert (await tell(instance))["path"] == "/invoke"
        assert await bench.engine.list() == [instance.name]

    async def test_many_instances_of_one_function_live_side_by_side(self, bench: EngineBench) -> None:
        instances = [await bench.start(WHICH=str(number)) for number in range(3)]
        told = [await tell(instance) for instance in instances]
        assert [each["environment"]["WHICH"] for each in told] == ["0", "1", "2"]

    async def test_the_environment_is_the_given_one_and_nothing_inherited(
        self, bench: EngineBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLUICE_SECRET_KEY", "not for functions")
        told = await tell(await bench.start(OWN="mine"))
        assert told["environment"]["OWN"] == "mine"
        assert told["environment"]["RUNTIME_CODE_ROOT"] == told["folder"]
        known = {"OWN", "PATH", "PORT", "RUNTIME_CODE_ROOT", "SLUICE_INSTANCE", "LC_CTYPE"}
        assert set(told["environment"]) - bench.own <= known

    async def test_the_working_directory_is_the_code(self, bench: EngineBench) -> None:
        told = await tell(await bench.start())
        listed = json.loads(await ask(await bench.start(), {"do": "read", "path": told["folder"]}))
        assert "bootstrap" in listed

    async def test_a_function_never_runs_as_root(self, bench: EngineBench) -> None:
        assert (await tell(await bench.start()))["uid"] != 0

    async def test_what_the_data_directory_holds_is_unreadable(self, bench: EngineBench) -> None:
        secret = bench.data / "secret"
        secret.write_text("secret")
        secret.chmod(0o600)
        instance = await bench.start()
        assert b"secret" not in await ask(instance, {"do": "read", "path": str(secret)})
        assert await ask(instance, {"do": "read", "path": str(bench.data)}) in (b"Permission denied", b"No such file or directory", b"[]")

    async def test_stdout_and_stderr_are_told_to_the_watcher(self, bench: EngineBench) -> None:
        instance = await bench.start()
        await ask(instance, {"do": "print", "text": "grüße"})
        instance.drain()
        for stream in ("stdout", "stderr"):
            await bench.seen.until_printed(instance.name, stream, "grüße\n".encode(), bench.heard_within_s)

    async def test_printing_without_end_neither_blocks_the_loop_nor_floods_the_watcher(self, bench: EngineBench) -> None:
        instance = await bench.start()
        asking = asyncio.ensure_future(ask(instance, {"do": "shout", "kib": 1_000_000}, within_s=60))
        loop = asyncio.get_running_loop()
        began = loop.time()
        longest = 0.0
        while (now := loop.time()) < began + 0.5:
            await asyncio.sleep(0.005)
            longest = max(longest, loop.time() - now)
        assert longest < 0.25
        assert len(bench.seen.printed_by[instance.name, "stdout"]) < 8 * 1024 * 1024
        await bench.engine.stop(instance.name)
        await asyncio.wait_for(asking, 10)

    async def test_an_exit_is_told_with_its_code(self, bench: EngineBench) -> None:
        instance = await bench.start()
        await ask(instance, {"do": "exit", "code": 7})
        end = await bench.seen.until_end(instance.name)
        assert (end.cause, end.message) == (EndCause.EXITED, "exit code 7")
        assert await bench.engine.list() == []
        with pytest.raises(OSError, match=r"."):
            await instance.connect()

    async def test_a_stop_is_told_as_one_and_may_be_repeated(self, bench: EngineBench) -> None:
        instance = await bench.start()
        await bench.engine.stop(instance.name)
        assert bench.seen.ends[instance.name].cause is EndCause.STOPPED
        await bench.engine.stop(instance.name)
        await bench.engine.stop("unknown")

    async def test_a_stop_with_grace_lets_the_function_end(self, bench: EngineBench) -> None:
        instance = await bench.start()
        began = asyncio.get_running_loop().time()
        await bench.engine.stop(instance.name, grace_s=20)
        assert asyncio.get_running_loop().time() - began < 10

    async def test_a_stop_ends_every_process_of_the_instance(self, bench: EngineBench) -> None:
        instance = await bench.start()
        assert await ask(instance, {"do": "fork"}) == b"forked"
        await bench.engine.stop(instance.name)
        assert marked_processes(f"/{instance.name}") == []

    async def test_an_exit_ends_every_process_of_the_instance(self, bench: EngineBench) -> None:
        instance = await bench.start()
        await ask(instance, {"do": "fork"})
        await ask(instance, {"do": "exit", "code": 0})
        await bench.seen.until_end(instance.name)
        assert marked_processes(f"/{instance.name}") == []

    async def test_over_its_memory_it_is_killed_and_named(self, bench: EngineBench) -> None:
        instance = await bench.start(memory_mb=128)
        await ask(instance, {"do": "eat", "mib": 300})
        end = await bench.seen.until_end(instance.name)
        assert end.cause is EndCause.OUT_OF_MEMORY

    async def test_within_its_memory_it_lives_and_its_use_is_measured(self, bench: EngineBench) -> None:
        instance = await bench.start(memory_mb=256)
        await ask(instance, {"do": "eat", "mib": 60})
        async with asyncio.timeout(5):
            while not 60 < instance.memory_mb() < 256:  # noqa: ASYNC110 - measured once in a while
                await asyncio.sleep(0.02)

    async def test_a_function_that_never_listens_fails_to_start_in_time_and_leaves_nothing(self, bench: EngineBench) -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(StartFailed, match="did not open"):
            await bench.start(timeout_s=0.5, START="hang")
        assert asyncio.get_running_loop().time() - began < 5
        assert await bench.engine.list() == []
        assert marked_processes(f"/{bench.last_name}") == []
        assert bench.last_name in bench.seen.ends

    async def test_a_function_that_ends_before_it_listens_fails_to_start_with_the_reason(self, bench: EngineBench) -> None:
        with pytest.raises(StartFailed, match="exit code 1"):
            await bench.start(START="exit")
        assert b"no start" in bench.seen.printed_by[bench.last_name, "stderr"]

    async def test_code_without_a_bootstrap_fails_to_start_with_the_reason(self, bench: EngineBench) -> None:
        empty = bench.code.parent / ("0" * 128)
        empty.mkdir()
        with pytest.raises(StartFailed, match="bootstrap"):
            await bench.start(code=empty)

    async def test_a_cancelled_start_leaves_nothing(self, bench: EngineBench) -> None:
        starting = asyncio.ensure_future(bench.start(START="hang"))
        await asyncio.sleep(0.3)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert await bench.engine.list() == []
        assert marked_processes(f"/{bench.last_name}") == []


def marked_processes(mark: str) -> list[int]:
    """Processes whose environment says that they are of an instance with this mark."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                entries = (process / "environ").read_bytes().split(b"\0")
                if any(entry.startswith(b"SLUICE_INSTANCE=") and entry.endswith(mark.encode()) for entry in entries):
                    found.append(int(process.name))
    return found
