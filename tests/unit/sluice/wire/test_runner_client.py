"""One contract of the runner's port, for the object itself and for the same object over gRPC; and what only a link can do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from sluice.event import random_id
from sluice.function import Function
from sluice.outcome import FailureKind, Reply
from sluice.runner import Call, Runner
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.runner_client import RemoteRunner
from sluice.wire.runner_server import RunnerService
from sluice.wire.server import WireServer
from tests.unit.sluice.wire.fake_runner import FakeRunner, reply_to
from tests.waiting import until

PACE = Pace(beat_s=0.1, patience_s=0.5, keep_s=60)
URN = "urn:fss:here:p:function:default:f:1"
FUNCTION = Function(URN, 3, environment={"A": "1"}, secrets={"B": "2"}, timeout_s=1.5, max_instances=-1)


@pytest.fixture
async def fake() -> FakeRunner:
    return FakeRunner()


@pytest.fixture(params=["local", "wire"])
async def runner(request: pytest.FixtureRequest, fake: FakeRunner, tmp_path: Path) -> AsyncIterator[Runner]:
    if request.param == "local":
        yield fake
        return
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(WireServer(f"unix:{tmp_path}/r", [RunnerService(fake, fake, PACE)]))
        remote = await stack.enter_async_context(RemoteRunner(Peer(server.address), "ledger", 1, PACE))
        await until(lambda: remote.connected)
        yield remote


class Replies:
    """Gathers what `done` is told; each call exactly once."""

    def __init__(self) -> None:
        self.by_key: dict[tuple[bytes, int], Reply] = {}

    def done(self, call: Call, reply: Reply) -> None:
        assert (call.id, call.attempt) not in self.by_key
        self.by_key[(call.id, call.attempt)] = reply

    async def all(self, calls: list[Call]) -> list[Reply]:
        await until(lambda: len(self.by_key) >= len(calls))
        return [self.by_key[(call.id, call.attempt)] for call in calls]


def call(body: bytes = b"{}", *, attempt: int = 1, function: Function = FUNCTION, log: bool = False) -> Call:
    return Call(random_id(), function, body, attempt, "async", "latest", "00-1", log, 0.25)


async def test_a_call_arrives_as_it_was_handed_over_and_so_does_its_reply(runner: Runner, fake: FakeRunner) -> None:
    replies, given = Replies(), [call(b"\xff\x00", attempt=2, log=True), call(b"fail"), call(b"")]
    for each in given:
        runner.submit(each, replies.done)
    assert replies.by_key == {}
    assert await replies.all(given) == [reply_to(each) for each in given]
    assert fake.begun == given


async def test_what_changes_of_a_function_without_a_new_generation_arrives_too(runner: Runner, fake: FakeRunner) -> None:
    replies, disabled = Replies(), msgspec.structs.replace(FUNCTION, max_instances=0)
    given = [call(), call(function=disabled), call(function=msgspec.structs.replace(disabled))]
    for each in given:
        runner.submit(each, replies.done)
    await replies.all(given)
    assert [each.function.max_instances for each in fake.begun] == [-1, 0, 0]


async def test_many_calls_of_several_functions_are_answered_each_once(runner: Runner, fake: FakeRunner) -> None:
    functions = [FUNCTION, Function(URN, 4), Function(URN.replace(":f:", ":g:"))]
    given = [call(b"x" * (number % 50), attempt=1 + number % 3, function=functions[number % 3]) for number in range(3_000)]
    replies = Replies()
    for each in given:
        runner.submit(each, replies.done)
    assert await replies.all(given) == [reply_to(each) for each in given]
    assert {each.id: each.function for each in fake.begun} == {each.id: each.function for each in given}


async def test_a_large_body_travels_both_ways(runner: Runner) -> None:
    given, replies = [call(b"z" * 7_000_000), call(b"small")], Replies()
    for each in given:
        runner.submit(each, replies.done)
    assert [len(reply.body) for reply in await replies.all(given)] == [7_000_000, 5]


async def test_credit_counts_what_was_handed_over_and_grows_again(runner: Runner, fake: FakeRunner) -> None:
    fake.room, fake.hold = 3, True
    grown: list[str] = []
    runner.on_credit(grown.append)
    runner.credit(FUNCTION)
    await until(lambda: runner.credit(FUNCTION) == 3)
    given, replies = [call() for _ in range(3)], Replies()
    for each in given:
        runner.submit(each, replies.done)
    assert runner.credit(FUNCTION) == 0
    await until(lambda: len(fake.begun) == 3)
    assert runner.credit(FUNCTION) == 0
    grown.clear()
    fake.finish(given[0].id)
    await until(lambda: grown == [URN])
    assert runner.credit(FUNCTION) == 1
    fake.room = 10
    fake.tell(URN)
    await until(lambda: runner.credit(FUNCTION) == 8)


async def test_a_call_is_cancelled_where_it_runs(runner: Runner, fake: FakeRunner) -> None:
    fake.hold = True
    given, replies = call(), Replies()
    runner.submit(given, replies.done)
    await until(lambda: fake.begun)
    assert runner.cancel(given.id)
    assert not runner.cancel(random_id())
    [reply] = await replies.all([given])
    assert reply.failure is not None
    assert reply.failure.kind is FailureKind.CANCELLED


async def test_a_call_that_no_instance_has_is_told_from_one_that_runs(runner: Runner, fake: FakeRunner) -> None:
    fake.hold = True
    given, replies = call(), Replies()
    runner.submit(given, replies.done)
    await until(lambda: fake.begun)
    assert await runner.unstarted() == frozenset()
    fake.waits = frozenset({given.id})
    assert await runner.unstarted() == {given.id}
    runner.cancel(given.id, force=False)
    await until(lambda: fake.asked_back == [given.id])
    fake.finish(given.id)
    await replies.all([given])


async def test_without_a_runner_a_call_gets_no_capacity_after_a_while(tmp_path: Path) -> None:
    async with RemoteRunner(Peer(f"unix:{tmp_path}/nobody"), "ledger", 1, PACE) as remote:
        given, replies = call(), Replies()
        assert remote.credit(FUNCTION) == 0
        remote.submit(given, replies.done)
        [reply] = await replies.all([given])
        assert reply.failure is not None
        assert reply.failure.kind is FailureKind.NO_CAPACITY


async def test_calls_and_replies_survive_a_reconnect_exactly_once(tmp_path: Path) -> None:
    fake = FakeRunner(hold=True)
    service = RunnerService(fake, fake, PACE)
    address = f"unix:{tmp_path}/r"
    replies, given = Replies(), [call(b"%d" % number) for number in range(300)]
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as remote:
        async with WireServer(address, [service]):
            for each in given[:200]:
                remote.submit(each, replies.done)
            await until(lambda: len(fake.begun) == 200)
        await until(lambda: not remote.connected)
        for each in given[:100]:
            fake.finish(each.id)
        async with WireServer(address, [service]):
            await until(lambda: len(replies.by_key) == 100)
            for each in given[200:]:
                remote.submit(each, replies.done)
            await until(lambda: len(fake.begun) == 300)
            for each in given[100:]:
                fake.finish(each.id)
            assert await replies.all(given) == [reply_to(each) for each in given]
            remote.settled(given)
            await until(lambda: len(service.holdings) == 0)
    assert [each.id for each in fake.begun] == [each.id for each in given]


async def test_the_end_of_the_runners_process_loses_what_was_sent_and_nothing_else(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/r"
    sent, later, replies = call(), call(), Replies()
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as remote:
        first = FakeRunner(hold=True)
        async with WireServer(address, [RunnerService(first, first, PACE)]):
            remote.submit(sent, replies.done)
            await until(lambda: first.begun)
        await until(lambda: not remote.connected)
        remote.submit(later, replies.done)
        second = FakeRunner()
        async with WireServer(address, [RunnerService(second, second, PACE)]):
            lost, answered = await replies.all([sent, later])
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.LOST
    assert answered == reply_to(later)
    assert [each.id for each in second.begun] == [later.id]


@pytest.fixture
async def held(tmp_path: Path) -> AsyncIterator[tuple[str, FakeRunner, RunnerService]]:
    fake = FakeRunner(hold=True)
    service = RunnerService(fake, fake, PACE)
    async with WireServer(f"unix:{tmp_path}/r", [service]) as server:
        yield server.address, fake, service


async def test_the_next_dispatcher_takes_over_what_runs_and_what_ended(held: tuple[str, FakeRunner, RunnerService]) -> None:
    address, fake, service = held
    running, ended = call(b"running"), call(b"ended")
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as first:
        for each in (running, ended):
            first.submit(each, Replies().done)
        await until(lambda: len(fake.begun) == 2)
    fake.finish(ended.id)
    again = [Call(running.id, FUNCTION, running.body, 2), Call(ended.id, FUNCTION, ended.body, 1)]
    replies = Replies()
    async with RemoteRunner(Peer(address), "ledger", 2, PACE) as second:
        await until(lambda: second.connected)
        for each in again:
            second.submit(each, replies.done)
        await until(lambda: (ended.id, 1) in replies.by_key)
        fake.finish(running.id)
        assert await replies.all(again) == [reply_to(running), reply_to(ended)]
        second.settled(again)
        await until(lambda: len(service.holdings) == 0)
    assert len(fake.begun) == 2


async def test_a_reply_is_kept_until_it_is_settled_over_any_time_and_reconnects(tmp_path: Path) -> None:
    fake, replies, given = FakeRunner(), Replies(), [call(b"%d" % number) for number in range(200)]
    service, address = RunnerService(fake, fake, PACE), f"unix:{tmp_path}/r"
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as remote:
        for _ in range(2):
            async with WireServer(address, [service]):
                await until(lambda: remote.connected)
                for each in given[len(replies.by_key) :][:100]:
                    remote.submit(each, replies.done)
                await until(lambda: len(replies.by_key) == len(fake.begun) in (100, 200))
            await until(lambda: not remote.connected)
        assert len(service.holdings) == 200
        async with WireServer(address, [service]):
            remote.settled(given[100:])
            await until(lambda: remote.connected)
            remote.settled(given[:99])
            await until(lambda: len(service.holdings) <= 101)
            remote.settled(given[99:100])
            await until(lambda: len(service.holdings) == 0)
    assert len(fake.begun) == 200


async def answered(remote: RemoteRunner, fake: FakeRunner, count: int) -> list[Call]:
    calls, replies = [call() for _ in range(count)], Replies()
    for each in calls:
        remote.submit(each, replies.done)
    await until(lambda: len(fake.running) == count)
    for each in calls:
        fake.finish(each.id)
    await replies.all(calls)
    return calls


async def test_a_dispatcher_killed_before_it_settled_does_not_run_the_call_again(held: tuple[str, FakeRunner, RunnerService]) -> None:
    address, fake, _ = held
    given, replies = call(), Replies()
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as first:
        first.submit(given, replies.done)
        await until(lambda: fake.begun)
        fake.finish(given.id)
        await replies.all([given])
        for number in range(5):  # what is said and settled meanwhile does not acknowledge it
            first.settled(await answered(first, fake, number + 1))
    taken = Replies()
    async with RemoteRunner(Peer(address), "ledger", 2, PACE) as second:
        second.submit(given, taken.done)
        assert await taken.all([given]) == [reply_to(given)]
    assert [each.id for each in fake.begun].count(given.id) == 1


async def test_a_later_attempt_runs_although_the_one_before_was_never_acknowledged(held: tuple[str, FakeRunner, RunnerService]) -> None:
    address, fake, _ = held
    given, replies = call(b"fail"), Replies()
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as first:
        first.submit(given, replies.done)
        await until(lambda: fake.begun)
        fake.finish(given.id)
        await replies.all([given])
    retry = Call(given.id, FUNCTION, b"fail", 2)
    async with RemoteRunner(Peer(address), "ledger", 2, PACE) as second:
        second.submit(retry, Replies().done)
        await until(lambda: len(fake.begun) == 2)


async def test_an_older_dispatcher_is_fenced(held: tuple[str, FakeRunner, RunnerService]) -> None:
    address, fake, _ = held
    given, replies = call(), Replies()
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as old:
        old.submit(given, replies.done)
        await until(lambda: fake.begun)
        async with RemoteRunner(Peer(address), "ledger", 2, PACE) as new:
            await until(lambda: new.connected)
            [lost] = await replies.all([given])
            assert lost.failure is not None
            assert lost.failure.kind is FailureKind.LOST
            assert old.fenced
            late = call()
            old.submit(late, replies.done)
            await until(lambda: len(replies.by_key) == 2)
            async with RemoteRunner(Peer(address), "ledger", 1, PACE) as zombie:
                await until(lambda: zombie.fenced)
            assert new.connected
    assert fake.begun == [given]


async def test_dispatchers_of_other_leases_do_not_disturb_each_other(held: tuple[str, FakeRunner, RunnerService]) -> None:
    address, fake, _ = held
    async with RemoteRunner(Peer(address), "one", 7, PACE) as one, RemoteRunner(Peer(address), "two", 1, PACE) as two:
        mine, yours, replies, others = call(), call(), Replies(), Replies()
        one.submit(mine, replies.done)
        two.submit(yours, others.done)
        await until(lambda: len(fake.begun) == 2)
        fake.finish(mine.id)
        fake.finish(yours.id)
        assert await replies.all([mine]) == [reply_to(mine)]
        assert await others.all([yours]) == [reply_to(yours)]
