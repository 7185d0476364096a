"""The platform's servers of handlers, in real interpreters under the process engine: what an author may rely on in each language."""

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sluice.clock import SystemClock
from sluice.engine import EndCause, Instance, Start, StartFailed
from sluice.event import random_id
from sluice.function import Function
from sluice.outcome import Reply
from sluice.runner import Call
from sluice_runner.engine_process import ProcessEngine
from sluice_runner.environment import environment
from sluice_runner.service import RunnerOptions, RunnerService
from tests.contracts.engine import Seen
from tests.e2e.driver import zipped
from tests.servers import require_runtime

CUSTOM = Path(__file__).resolve().parents[1] / "functions" / "custom"
HANDLED = Path(__file__).resolve().parents[1] / "functions" / "handled"
URN = "urn:fss:region:project:function:package:handled:latest"
RUNTIMES = ("Python3.9", "Node.js16.17")
DIGEST = "d" * 128
WITHIN_S = 20.0


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-", dir="/tmp"))
    code = shutil.copytree(HANDLED, folder / "runner" / "code" / DIGEST)
    code.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class Bench:
    """An engine, and instances of the functions in tests/functions/handled."""

    def __init__(self, engine: ProcessEngine, data: Path) -> None:
        self.engine = engine
        self.code = data / "runner" / "code" / DIGEST
        self.seen = Seen()
        self._clients: list[Client] = []
        engine.watch(self.seen)

    def client(self, instance: Instance) -> "Client":
        self._clients.append(Client(instance))
        return self._clients[-1]

    async def close(self) -> None:
        for client in self._clients:
            await client.close()

    async def start(self, runtime: str, handler: str = "index.handler", **settings: Any) -> Instance:
        require_runtime(runtime)
        function = msgspec.structs.replace(Function(URN, runtime=runtime, handler=handler, timeout_s=30), **settings)
        return await self.engine.start(Start("handled-1", function, environment(function), self.code, WITHIN_S))

    def printed(self, stream: str = "stdout") -> str:
        return self.seen.printed_by.get(("handled-1", stream), b"").decode()


@pytest.fixture(params=["root", "user", "port"] if os.geteuid() == 0 else ["user", "port"])
async def bench(request: pytest.FixtureRequest, data: Path) -> AsyncIterator[Bench]:
    async with ProcessEngine(data, isolation=request.param, warm=0) as engine:
        bench = Bench(engine, data)
        yield bench
        await bench.close()


@pytest.fixture
async def port(data: Path) -> AsyncIterator[Bench]:
    """In the isolation that makes no difference to what is asked here."""
    async with ProcessEngine(data, isolation="port", warm=0) as engine:
        bench = Bench(engine, data)
        yield bench
        await bench.close()


class Client:
    """One connection that is kept open, as the runner's are."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(sock=await self._instance.connect(), limit=1 << 24)
        reader, writer = self._streams
        fields = {"Host": "function", "Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        async with asyncio.timeout(WITHIN_S):
            while (answered := (await reader.readuntil(b"\r\n\r\n"))).startswith(b"HTTP/1.1 100 "):
                pass
            line, *told = answered.decode().lower().split("\r\n")
            size = next(int(field.partition(":")[2]) for field in told if field.startswith("content-length:"))
            return int(line.split()[1]), await reader.readexactly(size)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with suppress(ConnectionError):
                await self._streams[1].wait_closed()

    async def invoke(self, event: object, headers: Mapping[str, str] | None = None) -> Any:
        status, answer = await self.post("/invoke", json.dumps(event).encode(), headers)
        assert status == 200, answer
        return json.loads(answer)


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_handler_is_called_with_an_event_and_a_context(bench: Bench, runtime: str) -> None:
    settings: dict[str, Any] = {"environment": {"COLOUR": "blue"}, "initialize": True, "initializer": "index.initializer", "memory_mb": 256}
    client = bench.client(await bench.start(runtime, **settings))
    assert await client.post("/init", b"{}", {"X-Cff-Request-Id": "the-start"}) == (200, b"")
    headers = {
        "X-Cff-Request-Id": "a-request",
        "X-Cff-Origin-Version-Tag": "!live",
        "X-Cff-Security-Access-Key": "ak",
        "X-Cff-Security-Secret-Key": "sk",
        "X-Cff-Security-Token": "st",
        "X-Cff-Auth-Token": "null",
    }
    told = await client.invoke({"do": "tell"}, headers)
    assert 25_000 < told.pop("remaining") <= 30_000
    assert told == {
        "request": "a-request",
        "timeout": 30,
        "function": "handled",
        "version": "latest",
        "alias": "live",
        "package": "package",
        "project": "project",
        "memory": 256,
        "cpu": 300,
        "user": "blue",
        "none": None,
        "default": "grey",
        "keys": ["ak", "sk", "st", ""],
        "old_keys": ["", ""],
        "started": ["the-start"],
    }


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_events_and_answers_of_every_kind_pass(port: Bench, runtime: str) -> None:
    client = port.client(await port.start(runtime))
    assert await client.invoke({"a": "☃\u2028\x00"}) == {"got": {"a": "☃\u2028\x00"}}
    large = {"large": "ä" * 2_900_000}
    assert await client.invoke(large) == {"got": large}
    assert await client.post("/invoke") == (200, _compact({"got": None}, runtime))
    assert json.loads((await client.post("/invoke", b"no JSON"))[1]) == {"got": "no JSON"}
    assert await client.post("/invoke", b'{"do": "text"}') == (200, b"a text")
    assert await client.post("/invoke", b'{"do": "log"}') == (200, b"null")
    assert (await client.post("/any"))[0] == 404


def _compact(content: object, runtime: str) -> bytes:
    return json.dumps(content, separators=(",", ":") if runtime.startswith("Node") else None).encode()


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_what_a_handler_raises_is_told_and_the_next_call_goes_on(port: Bench, runtime: str) -> None:
    client = port.client(await port.start(runtime))
    status, answer = await client.post("/invoke", b'{"do": "fail"}')
    told = json.loads(answer)
    assert (status, told["errorMessage"], told["errorType"]) == (500, "it fails: ☃", "ValueError")
    assert any("index" in line for line in told["stackTrace"])
    status, answer = await client.post("/invoke", b'{"do": "odd"}')
    assert (status, json.loads(answer)["errorType"]) == (500, "TypeError")
    assert await client.invoke(1) == {"got": 1}
    assert "ValueError: it fails: ☃" in port.printed("stderr")


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_what_is_printed_and_logged_is_there_when_the_answer_is(port: Bench, runtime: str) -> None:
    instance = await port.start(runtime)
    await port.client(instance).invoke({"do": "log"}, {"X-Cff-Request-Id": "a-request"})
    instance.drain()
    first, second = port.printed().splitlines()
    assert first == "printed ☃"
    assert second.endswith("Z a-request INFO logged ☃")


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_an_initializer_that_fails_is_told(port: Bench, runtime: str) -> None:
    settings: dict[str, Any] = {"environment": {"FAIL_INIT": "1"}, "initialize": True, "initializer": "index.initializer"}
    status, answer = await port.client(await port.start(runtime, **settings)).post("/init", b"{}")
    assert (status, json.loads(answer)["errorMessage"]) == (500, "the initializer fails")


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_before_an_instance_ends_its_pre_stop_hook_is_called(bench: Bench, runtime: str) -> None:
    instance = await bench.start(runtime, pre_stop="index.pre_stop")
    await bench.client(instance).invoke(1)
    await bench.engine.stop(instance.name, grace_s=WITHIN_S)
    assert bench.printed().splitlines() == ["stopping handled"]


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_a_handler_that_leaves_ends_its_instance(port: Bench, runtime: str) -> None:
    instance = await port.start(runtime)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await port.client(instance).post("/invoke", b'{"do": "leave"}')
    assert "exit code 3" in (await port.seen.until_end(instance.name)).message


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_as_many_calls_run_at_once_as_the_function_allows(port: Bench, runtime: str) -> None:
    instance = await port.start(runtime, instance_concurrency=3)
    spans = await asyncio.gather(*(port.client(instance).invoke({"do": "sleep", "s": 0.5}) for _ in range(3)))
    assert max(began for began, _ in spans) < min(ended for _, ended in spans)


async def test_one_call_at_a_time_is_run_by_the_main_thread(port: Bench) -> None:
    instance = await port.start("Python3.9")
    spans = sorted(await asyncio.gather(*(port.client(instance).invoke({"do": "sleep", "s": 0.1}) for _ in range(3))))
    assert all(ended <= began for (_, ended), (began, _) in pairwise(spans))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("handler", ["index.nobody", "nowhere.handler"])
async def test_a_handler_that_is_not_there_is_named(port: Bench, runtime: str, handler: str) -> None:
    with pytest.raises(StartFailed, match="exit code 1"):
        await port.start(runtime, handler)
    assert handler in port.printed("stderr")


async def test_a_handler_may_lie_in_a_folder(port: Bench) -> None:
    (port.code / "src").mkdir()
    shutil.copy(HANDLED / "index.py", port.code / "src" / "orders.py")
    assert await port.client(await port.start("Python3.12", "src/orders.handler")).invoke(1) == {"got": 1}


async def test_a_file_named_like_a_module_of_the_library_does_no_harm(port: Bench) -> None:
    for name in ("queue.py", "socket.py", "types.py", "signal.py"):
        (port.code / name).write_text("raise RuntimeError('not the one of the library')\n")
    assert await port.client(await port.start("Python3.9")).invoke(1) == {"got": 1}


async def test_node_knows_callbacks_and_modules(port: Bench) -> None:
    instance = await port.start("Node.js20.15", "index.called_back")
    assert await port.client(instance).invoke({"a": 1}) == {"got": {"a": 1}}
    status, answer = await port.client(instance).post("/invoke", b'{"fail": true}')
    assert (status, json.loads(answer)["errorType"]) == (500, "TypeError")
    await port.engine.stop(instance.name)
    assert await port.client(await port.start("Node.js20.15", "module.handler")).invoke(1) == {"module": 1}


@pytest.fixture
def custom(port: Bench) -> Bench:
    """Its code is a program that asks for its calls."""
    shutil.copy(CUSTOM / "bootstrap", port.code / "bootstrap")
    return port


async def test_a_custom_program_asks_for_its_calls_and_answers_them(custom: Bench) -> None:
    client = custom.client(await custom.start("Custom", "-"))
    for number in range(3):
        told = await client.invoke({"n": number}, {"X-Cff-Request-Id": f"request-{number}", "X-Cff-Invoke-Type": "sync", "Other": "1"})
        assert told["got"] == {"n": number}
        assert {"x-cff-request-id", "x-cff-invoke-type"} <= set(told["headers"])
        assert "other" not in told["headers"]
    assert await client.post("/invoke", b'{"do": "fail"}', {"X-Cff-Request-Id": "a"}) == (500, b'{"errorMessage": "it fails"}')
    assert await client.invoke({"do": "misdirect"}, {"X-Cff-Request-Id": "b"}) == 404
    assert (await client.invoke({"do": "stream"}, {"X-Cff-Request-Id": "c"}))["got"] == {"do": "stream"}
    assert await client.post("/init", b"{}") == (200, b"")
    assert (await client.post("/any"))[0] == 404
    assert "it fails" in custom.printed("stderr")


async def test_calls_wait_for_a_custom_program_that_works(custom: Bench) -> None:
    instance = await custom.start("Custom", "-", instance_concurrency=8)
    calls = (custom.client(instance).invoke({"n": number}, {"X-Cff-Request-Id": str(number)}) for number in range(8))
    assert [told["got"]["n"] for told in await asyncio.gather(*calls)] == list(range(8))


async def test_an_instance_ends_as_its_custom_program_does(custom: Bench) -> None:
    instance = await custom.start("Custom", "-")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await custom.client(instance).post("/invoke", b'{"do": "leave"}', {"X-Cff-Request-Id": "a"})
    assert "exit code 3" in (await custom.seen.until_end(instance.name)).message


async def test_a_custom_program_that_never_asks_is_no_instance(custom: Bench) -> None:
    function = Function(URN, runtime="Custom", environment={"NEVER_ASK": "1"})
    with pytest.raises(StartFailed, match="did not open within 1 s"):
        await custom.engine.start(Start("handled-1", function, environment(function), custom.code, 1.0))
    assert await custom.engine.list() == []


async def test_a_custom_program_is_asked_to_stop(custom: Bench) -> None:
    instance = await custom.start("Custom", "-")
    await custom.engine.stop(instance.name, grace_s=WITHIN_S)
    assert custom.seen.ends[instance.name].cause is EndCause.STOPPED


async def test_a_large_body_that_asks_leave_first_is_taken(port: Bench) -> None:
    client = port.client(await port.start("Python3.9"))
    assert await client.post("/invoke", b'"x"', {"Expect": "100-continue"}) == (200, b'{"got": "x"}')


async def test_a_runner_that_ends_lets_pre_stop_hooks_run(tmp_path: Path) -> None:
    package = zipped(HANDLED)

    async def fetch(digest: str) -> AsyncIterator[bytes]:
        yield package

    digest = hashlib.sha512(package).hexdigest()
    function = Function(URN, runtime="Python3.9", handler="index.handler", code=digest, pre_stop="index.pre_stop", pre_stop_timeout_s=30)
    answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    options = RunnerOptions(memory_budget_mb=1024)
    async with RunnerService(tmp_path, ProcessEngine(tmp_path), fetch, SystemClock(), options) as service:
        service.runner.submit(Call(random_id(), function, b"1"), lambda _, reply: answered.set_result(reply))
        assert (await asyncio.wait_for(answered, WITHIN_S)).body == b'{"got": 1}'
    async with RunnerService(tmp_path, ProcessEngine(tmp_path), fetch, SystemClock(), options) as service:
        assert "stopping handled" in [line.text async for line in service.logs(URN, since=0, limit=100, follow=False)]
