import asyncio
import base64
import json
from pathlib import Path

import pytest

from sluice.engine import EndCause
from sluice.event import id_text, random_id
from sluice.function import Function
from sluice.outcome import FailureKind, Reply
from tests.contracts.fake_engine import OK, FakeEngine, FakeInstance
from tests.unit.sluice_runner.bench import LIMITS, function, running
from tests.waiting import until


def kind_of(reply: Reply) -> FailureKind | None:
    return reply.failure.kind if reply.failure else None


def with_status(status: int, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\nX-Own: 1\r\n\r\n%b" % (status, len(body), body)


class Doing:
    """Answers as the body of the request says; `hang` is released by `let_go`."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.engine: FakeEngine

    async def __call__(self, instance: FakeInstance, line: str, body: bytes) -> bytes:
        match body:
            case b"hang":
                await self.let_go.wait()
            case b"close":
                return b""
            case b"exit":
                asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self.engine.end(instance.name)))
                await asyncio.sleep(60)
            case b"eat":
                end = self.engine.end(instance.name, EndCause.OUT_OF_MEMORY, "")
                asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(end))
                await asyncio.sleep(60)
            case b"garbage":
                return b"no http\r\n\r\n"
            case b"500":
                return with_status(500, b"oh")
        return OK


def doing() -> tuple[FakeEngine, Doing]:
    behaviour = Doing()
    behaviour.engine = FakeEngine(behaviour)
    return behaviour.engine, behaviour


async def test_a_call_is_a_post_to_invoke_and_its_answer_the_reply(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        event = random_id()
        reply = await bench.call(function(), b'{"a":1}', id=event, attempt=3, mode="async", qualifier="!prod", trace="00-aa-bb-01")
        assert (reply.status, reply.body, reply.failure, reply.cold, reply.memory_mb) == (200, b"{}", None, True, 12.5)
        ((line, head, body),) = bench.engine.seen[0].requests
        assert (line, body) == ("POST /invoke HTTP/1.1", b'{"a":1}')
        for expected in (
            f"X-Cff-Request-Id: {id_text(event)}",
            "X-Sluice-Attempt: 3",
            "X-Cff-Invoke-Type: async",
            "X-Cff-Origin-Version-Tag: !prod",
            "traceparent: 00-aa-bb-01",
            "Content-Type: application/json",
        ):
            assert f"\r\n{expected}\r\n".encode() in head


async def test_only_the_first_call_of_an_instance_is_cold(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        assert [(await bench.call(function())).cold for _ in range(3)] == [True, False, False]
        assert len(bench.engine.orders) == 1


async def test_a_status_other_than_2xx_is_the_functions_error_with_its_body_kept(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function(), b"500")
        assert (reply.status, reply.body, kind_of(reply)) == (500, b"oh", FailureKind.FUNCTION_ERROR)
        assert len(engine.instances) == 1


async def test_init_runs_once_before_any_invoke(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await asyncio.gather(*(bench.call(function(initialize=True, instance_concurrency=4)) for _ in range(8)))
        for instance in bench.engine.seen:
            lines = [line for line, _, _ in instance.requests]
            assert lines[0] == "POST /init HTTP/1.1"
            assert set(lines[1:]) == {"POST /invoke HTTP/1.1"}


async def test_without_initialisation_there_is_no_init(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await bench.call(function())
        assert [line for line, _, _ in bench.engine.seen[0].requests] == ["POST /invoke HTTP/1.1"]


async def test_a_failed_init_moves_the_call_to_three_other_instances_then_it_fails(tmp_path: Path) -> None:
    async def failing(instance: FakeInstance, line: str, body: bytes) -> bytes:
        return with_status(500)

    async with running(tmp_path, FakeEngine(failing)) as bench:
        reply = await bench.call(function(initialize=True))
        assert kind_of(reply) is FailureKind.INIT_FAILED
        assert [instance.requests[0][0] for instance in bench.engine.seen] == ["POST /init HTTP/1.1"] * 4
        assert bench.engine.instances == {}


async def test_a_call_runs_on_the_instance_whose_init_succeeds(tmp_path: Path) -> None:
    engine = FakeEngine()

    async def second_time(instance: FakeInstance, line: str, body: bytes) -> bytes:
        return with_status(500) if len(engine.seen) < 3 else OK

    engine.answer = second_time
    async with running(tmp_path, engine) as bench:
        assert (await bench.call(function(initialize=True))).failure is None
        assert len(engine.seen) == 3


async def test_an_init_that_does_not_answer_in_time_has_failed(tmp_path: Path) -> None:
    async def silent(instance: FakeInstance, line: str, body: bytes) -> bytes:
        await asyncio.sleep(60)
        return OK

    async with running(tmp_path, FakeEngine(silent)) as bench:
        reply = await bench.call(function(initialize=True, init_timeout_s=0.05))
        assert kind_of(reply) is FailureKind.INIT_FAILED


@pytest.mark.parametrize(("printed", "hinted"), [(b"", False), (b"password=hush\n", True)])
async def test_a_failed_start_points_to_the_log_and_does_not_quote_it(tmp_path: Path, printed: bytes, hinted: bool) -> None:
    engine = FakeEngine()
    engine.fail_starts = 1
    engine.last_words = printed
    async with running(tmp_path, engine) as bench:
        failure = (await bench.call(function())).failure
        assert failure is not None
        assert ("sluice logs" in failure.message) is hinted
        assert "hush" not in failure.message


async def test_a_failed_start_is_named(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.fail_starts = 1
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function())
        assert kind_of(reply) is FailureKind.START_FAILED
        assert reply.failure is not None
        assert "told to fail" in reply.failure.message


async def test_a_call_past_its_timeout_kills_its_instance_before_it_is_answered(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function(timeout_s=0.1), b"hang")
        assert kind_of(reply) is FailureKind.TIMEOUT
        assert reply.duration_ms >= 100
        assert engine.stopped == [reply.instance]
        assert engine.instances == {}
        assert (await bench.call(function(timeout_s=0.1))).failure is None


async def test_a_caller_with_less_time_shortens_the_deadline(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function(timeout_s=60), b"hang", timeout_s=0.1)
        assert kind_of(reply) is FailureKind.TIMEOUT


async def test_calls_beside_one_that_timed_out_are_lost_and_told(tmp_path: Path) -> None:
    engine, _ = doing()
    wide = function(timeout_s=60, instance_concurrency=2)
    async with running(tmp_path, engine) as bench:
        await bench.call(wide)
        beside = bench.submit(wide, b"hang")
        late = await bench.call(wide, b"hang", timeout_s=0.1)
        assert kind_of(late) is FailureKind.TIMEOUT
        assert kind_of(await beside) is FailureKind.LOST


async def test_an_exit_in_the_call_is_a_crash_and_the_instance_replaced(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function(), b"exit")
        assert kind_of(reply) is FailureKind.CRASHED
        assert reply.failure is not None
        assert "exit code 1" in reply.failure.message
        assert (await bench.call(function())).failure is None
        assert len(engine.seen) == 2


async def test_an_exit_on_a_reused_connection_is_a_crash_too(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        await bench.call(function())
        assert kind_of(await bench.call(function(), b"exit")) is FailureKind.CRASHED


async def test_a_kill_for_memory_is_named(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function(), b"eat")
        assert kind_of(reply) is FailureKind.OUT_OF_MEMORY
        assert reply.failure is not None
        assert reply.failure.message == "runtime memory limit exceeded"


async def test_a_fresh_connection_closed_without_an_answer_is_a_crash_and_its_instance_killed(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function(), b"close")
        assert kind_of(reply) is FailureKind.CRASHED
        assert engine.stopped == [reply.instance]


async def test_a_reused_connection_closed_without_an_answer_is_a_reset_and_its_instance_lives(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        await bench.call(function())
        reply = await bench.call(function(), b"close")
        assert kind_of(reply) is FailureKind.CONNECTION_RESET
        assert (await bench.call(function())).failure is None
        assert len(engine.seen) == 1


async def test_an_answer_that_is_not_http_is_named_and_its_instance_killed(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = await bench.call(function(), b"garbage")
        assert kind_of(reply) is FailureKind.BAD_ANSWER
        assert engine.stopped == [reply.instance]


async def test_an_answer_over_the_limit_is_named_and_its_instance_lives(tmp_path: Path) -> None:
    async def large(instance: FakeInstance, line: str, body: bytes) -> bytes:
        return with_status(200, bytes(6291457)) if body == b"large" else OK

    async with running(tmp_path, FakeEngine(large)) as bench:
        assert kind_of(await bench.call(function(), b"large")) is FailureKind.ANSWER_TOO_LARGE
        assert (await bench.call(function())).failure is None
        assert len(bench.engine.seen) == 1


async def test_instances_that_keep_ending_are_a_crash_loop_by_name(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        kinds = [kind_of(await bench.call(function(), b"exit")) for _ in range(4)]
        assert kinds == [FailureKind.CRASHED] * 3 + [FailureKind.CRASH_LOOP]
        assert bench.runner.credit(function()) == 0


async def test_the_listener_hears_when_a_function_is_no_longer_held_back(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.fail_starts = 1
    async with running(tmp_path, engine) as bench:
        await bench.call(function())
        assert bench.runner.credit(function()) == 0
        heard: list[str] = []
        bench.runner.on_credit(heard.append)
        heard.clear()
        await until(lambda: function().urn in heard and bench.runner.credit(function()) > 0)


async def test_an_instance_takes_no_more_calls_at_once_than_its_concurrency(tmp_path: Path) -> None:
    async def slow(instance: FakeInstance, line: str, body: bytes) -> bytes:
        await asyncio.sleep(0.002)
        return OK

    async with running(tmp_path, FakeEngine(slow)) as bench:
        which = function(instance_concurrency=3, max_instances=2)
        replies = await asyncio.gather(*(bench.call(which) for _ in range(60)))
        assert all(reply.failure is None for reply in replies)
        assert all(instance.most_at_once <= 3 for instance in bench.engine.seen)
        assert len(bench.engine.seen) <= 2
        assert bench.replies == 60


async def test_a_held_call_gets_no_capacity_after_its_wait(tmp_path: Path) -> None:
    engine, behaviour = doing()
    single = function(max_instances=1, timeout_s=60)
    async with running(tmp_path, engine, LIMITS._replace(hold_s=0.2)) as bench:
        busy = bench.submit(single, b"hang")
        assert kind_of(await bench.call(single)) is FailureKind.NO_CAPACITY
        behaviour.let_go.set()
        assert (await busy).failure is None


async def test_a_disabled_function_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        assert kind_of(await bench.call(function(max_instances=0))) is FailureKind.DISABLED


async def test_a_running_call_is_cancelled_by_killing_its_instance(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        event = random_id()
        reply = bench.submit(function(timeout_s=60), b"hang", id=event)
        await until(lambda: engine.seen and engine.seen[0].requests)
        assert not bench.runner.cancel(event, force=False)
        assert await bench.runner.unstarted() == frozenset()
        assert bench.runner.cancel(event)
        assert kind_of(await reply) is FailureKind.CANCELLED
        assert (await reply).instance
        assert engine.instances == {}
        assert not bench.runner.cancel(event)


async def test_the_calls_beside_a_cancelled_one_are_cancelled_with_it(tmp_path: Path) -> None:
    engine, _ = doing()
    shared = function(max_instances=1, instance_concurrency=2, timeout_s=60)
    async with running(tmp_path, engine) as bench:
        asked, beside = random_id(), random_id()
        replies = [bench.submit(shared, b"hang", id=event) for event in (asked, beside)]
        await until(lambda: engine.seen and len(engine.seen[0].requests) == 2)
        assert bench.runner.cancel(asked)
        for reply in replies:
            assert kind_of(await reply) is FailureKind.CANCELLED
            assert (await reply).instance


async def test_a_held_call_is_cancelled_without_harm(tmp_path: Path) -> None:
    engine, behaviour = doing()
    single = function(max_instances=1, timeout_s=60)
    async with running(tmp_path, engine) as bench:
        busy = bench.submit(single, b"hang")
        event = random_id()
        held = bench.submit(single, id=event)
        await until(lambda: engine.seen and engine.seen[0].requests)
        assert await bench.runner.unstarted() == {event}
        assert bench.runner.cancel(event, force=False)
        assert kind_of(await held) is FailureKind.CANCELLED
        assert not (await held).instance
        behaviour.let_go.set()
        assert (await busy).failure is None


async def test_a_newer_generation_runs_on_new_instances(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        first = await bench.call(function())
        second = await bench.call(function(generation=2))
        assert first.instance != second.instance
        await until(lambda: list(bench.engine.instances) == [second.instance])


async def test_an_idle_instance_goes(tmp_path: Path) -> None:
    async with running(tmp_path, limits=LIMITS._replace(idle_s=0.0)) as bench:
        await bench.call(function())
        await until(lambda: not bench.engine.instances)
        assert (await bench.call(function())).cold


async def test_leaving_the_runner_answers_every_call_and_ends_every_instance(tmp_path: Path) -> None:
    engine, _ = doing()
    async with running(tmp_path, engine) as bench:
        reply = bench.submit(function(timeout_s=60), b"hang")
        await until(lambda: engine.seen and engine.seen[0].requests)
    assert kind_of(await reply) is FailureKind.LOST
    assert engine.instances == {}


async def test_idle_is_told_when_the_last_call_has_ended(tmp_path: Path) -> None:
    engine, behaviour = doing()
    async with running(tmp_path, engine) as bench:
        await bench.runner.idle()
        reply = bench.submit(function(timeout_s=60), b"hang")
        waiting = asyncio.ensure_future(bench.runner.idle())
        await until(lambda: engine.seen and engine.seen[0].requests)
        assert not waiting.done()
        behaviour.let_go.set()
        await asyncio.wait_for(waiting, 5)
        assert reply.done()


async def test_what_is_printed_during_a_call_comes_with_its_reply_if_asked_for(tmp_path: Path) -> None:
    engine = FakeEngine()

    async def talking(instance: FakeInstance, line: str, body: bytes) -> bytes:
        engine.prints(instance.name, "x" * 5000 + "end\n")
        return OK

    engine.answer = talking
    async with running(tmp_path, engine) as bench:
        assert (await bench.call(function())).log == ""
        tail = (await bench.call(function(), log=True)).log
        assert len(tail) == 4096
        assert "xend\n" in tail
        assert tail.rpartition("end\n")[2].partition(" ")[2].startswith("Finish invoke request")


def http_function() -> Function:
    return function("web", runtime="http")


def apig(body: bytes = b"", **fields: object) -> bytes:
    event = {"httpMethod": "GET", "path": "/", "headers": {}, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return json.dumps({**event, **fields}).encode()


async def test_an_http_function_gets_the_original_request_and_its_answer_is_the_reply(tmp_path: Path) -> None:
    async def teapot(instance: FakeInstance, line: str, body: bytes) -> bytes:
        return with_status(418, b"tea")

    async with running(tmp_path, FakeEngine(teapot)) as bench:
        event = apig(
            b"\x00raw", httpMethod="PUT", path="/a b", queryStringParameters={"q": ["1", "2"]}, headers={"x-a": "1", "host": "h.org"}
        )
        reply = await bench.call(http_function(), event)
        assert (reply.status, reply.body, reply.failure) == (418, b"tea", None)
        assert ("X-Own", "1") in reply.headers
        ((line, head, body),) = bench.engine.seen[0].requests
        assert (line, body) == ("PUT /a%20b?q=1&q=2 HTTP/1.1", b"\x00raw")
        assert b"\r\nHost: h.org\r\n" in head
        assert b"\r\nx-a: 1\r\n" in head


async def test_a_head_to_an_http_function_ends(tmp_path: Path) -> None:
    async def head_only(instance: FakeInstance, line: str, body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

    async with running(tmp_path, FakeEngine(head_only)) as bench:
        for _ in range(2):
            reply = await bench.call(http_function(), apig(httpMethod="HEAD"))
            assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize("body", [b"not json", b"[]", apig(httpMethod="GET x"), apig(body=b"x", isBase64Encoded=True)[:-3] + b"}}"])
async def test_an_http_function_refuses_what_is_no_apig_event_and_goes_on(tmp_path: Path, body: bytes) -> None:
    async with running(tmp_path) as bench:
        reply = await bench.call(http_function(), body)
        assert kind_of(reply) is FailureKind.REFUSED
        assert (await bench.call(http_function(), apig())).failure is None
        assert len(bench.engine.seen) == 1
