"""The runner with real processes: packages by digest, calls, what becomes of bad functions, and what they print."""

import asyncio
import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.catalog import FunctionGone
from sluice.clock import SystemClock
from sluice.event import id_text, random_id
from sluice.function import Function
from sluice.outcome import FailureKind, Reply
from sluice.runner import Call, LogLine
from sluice_runner.engine_process import ProcessEngine
from sluice_runner.service import RunnerOptions, RunnerService
from tests.contracts.engine import ECHO


def packed() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.write(ECHO / "bootstrap", "bootstrap")
    return buffer.getvalue()


PACKAGE = packed()
DIGEST = hashlib.sha512(PACKAGE).hexdigest()


async def fetch(digest: str) -> AsyncIterator[bytes]:
    if digest != DIGEST:
        raise FunctionGone(digest)
    yield PACKAGE


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def service(data: Path) -> AsyncIterator[RunnerService]:
    options = RunnerOptions(memory_budget_mb=4096, start_within_s=2)
    async with RunnerService(data, ProcessEngine(data), fetch, SystemClock(), options) as running:
        yield running


def echo(**fields: Any) -> Function:
    return Function("urn:fss:region:project:function:default:echo:latest", **{"code": DIGEST, **fields})


async def call(service: RunnerService, function: Function, event: dict[str, Any], **fields: Any) -> Reply:
    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    body = json.dumps(event).encode()
    service.runner.submit(Call(fields.pop("id", None) or random_id(), function, body, **fields), lambda _, reply: answer.set_result(reply))
    return await asyncio.wait_for(answer, 30)


def kind_of(reply: Reply) -> FailureKind | None:
    return reply.failure.kind if reply.failure else None


async def test_a_package_becomes_an_instance_initialised_once_that_answers(service: RunnerService) -> None:
    function = echo(initialize=True, environment={"OWN": "1"}, instance_concurrency=4)
    event = random_id()
    first = json.loads((await call(service, function, {"n": 1}, id=event)).body)
    told = [json.loads((await call(service, function, {"n": number})).body) for number in range(5)]
    assert first["headers"]["x-cff-request-id"] == id_text(event)
    assert first["environment"]["OWN"] == "1"
    assert {each["initialised"] for each in told} == {1}


async def test_calls_spread_over_no_more_instances_than_allowed(service: RunnerService) -> None:
    function = echo(max_instances=2, instance_concurrency=1, timeout_s=30)
    replies = await asyncio.gather(*(call(service, function, {"do": "sleep", "seconds": 0.05}) for _ in range(12)))
    assert {kind_of(reply) for reply in replies} == {None}
    assert len({reply.instance for reply in replies}) <= 2


@pytest.mark.parametrize(
    ("event", "fields", "kind"),
    [
        ({"do": "exit", "code": 3}, {}, FailureKind.CRASHED),
        ({"do": "sleep", "seconds": 60}, {"timeout_s": 0.3}, FailureKind.TIMEOUT),
        ({"do": "eat", "mib": 400}, {"timeout_s": 20}, FailureKind.OUT_OF_MEMORY),
        ({"do": "large", "bytes": 7 << 20}, {}, FailureKind.ANSWER_TOO_LARGE),
        ({"do": "large", "bytes": 1 << 30}, {"timeout_s": 20, "memory_mb": 2048}, FailureKind.ANSWER_TOO_LARGE),
        ({"do": "status", "status": 500}, {}, FailureKind.FUNCTION_ERROR),
        ({"n": 1}, {"environment": {"START": "exit"}}, FailureKind.START_FAILED),
        ({"n": 1}, {"environment": {"START": "hang"}}, FailureKind.START_FAILED),
        ({"n": 1}, {"environment": {"INIT_STATUS": "500"}, "initialize": True}, FailureKind.INIT_FAILED),
        ({"n": 1}, {"code": "0" * 128}, FailureKind.START_FAILED),
    ],
)
async def test_what_a_bad_function_does_is_named_and_others_are_not_touched(
    service: RunnerService, event: dict[str, Any], fields: dict[str, Any], kind: FailureKind
) -> None:
    good = Function("urn:fss:region:project:function:default:good:latest", code=DIGEST, memory_mb=128)
    assert kind_of(await call(service, good, {"n": 1})) is None
    assert kind_of(await call(service, echo(**fields), event)) is kind
    reply = await call(service, good, {"n": 2})
    assert (kind_of(reply), reply.cold) == (None, False)


async def test_logs_hold_what_was_printed_and_the_brackets_of_the_call(service: RunnerService) -> None:
    event = random_id()
    reply = await call(service, echo(), {"do": "print", "text": "out and err"}, id=event, log=True)
    assert reply.log.count("out and err") == 2
    read: list[LogLine] = [line async for line in service.logs(echo().urn, since=0, limit=100, follow=False)]
    said = [line for line in read if line.event == id_text(event)]
    assert [line.stream for line in said] == ["platform", "stdout", "stderr", "platform"]
    assert "Start invoke request" in said[0].text
    assert "Finish invoke request" in said[-1].text
    assert {line.instance for line in said} == {reply.instance}


async def test_a_start_that_failed_says_why_in_the_logs(service: RunnerService) -> None:
    await call(service, echo(environment={"START": "exit"}), {"n": 1})
    texts = [line.text async for line in service.logs(echo().urn, since=0, limit=100, follow=False)]
    assert "no start" in texts
    assert any("Instance not started" in text and "exit code 1" in text for text in texts)


async def test_instances_of_a_project_are_shown_to_it_alone(service: RunnerService) -> None:
    await call(service, echo(), {"n": 1})
    (shown,) = await service.instances("project")
    assert (shown.state, shown.calls) == ("ready", 1)
    assert shown.memory_mb > 0
    assert await service.instances("other") == []


async def test_a_drain_waits_for_the_calls_under_way(service: RunnerService) -> None:
    slow = asyncio.ensure_future(call(service, echo(timeout_s=30), {"do": "sleep", "seconds": 0.5}))
    await asyncio.sleep(0)
    assert not await service.drain(0.05)
    assert await service.drain(10)
    assert kind_of(await slow) is None
