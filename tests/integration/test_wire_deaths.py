"""What each end of the wire makes of the other's death, and of its standing still."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sluice.errors import Unavailable
from sluice.event import Event, random_id
from sluice.ledger import Slice
from sluice.outcome import FailureKind, Reply, Verdict
from sluice.runner import Call
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.dispatch_server import DispatcherService
from sluice.wire.peer import Peer
from sluice.wire.runner_client import RemoteRunner
from sluice.wire.runner_server import RunnerService
from sluice.wire.server import WireServer
from tests.integration.wire_process import FUNCTION, KEY, PACE
from tests.unit.sluice.wire.fake_dispatch import STUCK, FakeDispatch
from tests.unit.sluice.wire.fake_runner import FakeRunner
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SOON_S = 10.0

Spawn = Callable[[str, str], Awaitable["Process"]]


class Process:
    """One end of the wire in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), SOON_S)).decode().strip()

    def write(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.send(signal.SIGKILL)
        await self.process.communicate()


@pytest.fixture
async def spawn() -> AsyncIterator[Spawn]:
    processes: list[Process] = []

    async def start(role: str, address: str) -> Process:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "tests.integration.wire_process", role, address)
        process = Process(await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe))
        processes.append(process)
        return process

    yield start
    for process in processes:
        await process.kill()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/wire"


def piece(start: str | None, to: str, epoch: int = 1) -> Slice:
    return Slice(KEY, epoch, start, to, [Event(random_id(), b"{}")])


def called(body: bytes) -> Call:
    return Call(random_id(), FUNCTION, body)


async def test_a_killed_dispatcher_ends_the_claims_and_the_next_one_is_claimed_from(spawn: Spawn, address: str) -> None:
    first = await spawn("dispatcher", address)
    await first.line()
    async with RemoteDispatch(Peer(address), PACE) as dispatch:
        session = dispatch.session("kafka")
        await session.claim(KEY)
        pushed = dispatch.push(STUCK, Event(random_id(), b"{}"))
        running = dispatch.call(STUCK, Event(random_id(), b"{}"), 30)
        assert (await dispatch.push("t-1", Event(random_id(), b"{}"))).verdict is Verdict.DONE
        assert (await dispatch.call("t-1", Event(random_id(), b"{}"), 30)).verdict is Verdict.DONE
        await first.kill()
        assert (await asyncio.wait_for(pushed, SOON_S)).verdict is Verdict.RETRY
        lost = (await asyncio.wait_for(running, SOON_S)).reply
        assert lost is not None
        assert lost.failure is not None
        assert lost.failure.kind is FailureKind.LOST
        with pytest.raises(Unavailable):
            await session.accept(piece(None, "1"))
        claiming = asyncio.ensure_future(session.claim(KEY))
        second = await spawn("dispatcher", address)
        await second.line()
        claim = await asyncio.wait_for(claiming, SOON_S)
        await session.accept(piece(None, "1", claim.epoch))


async def test_a_stopped_dispatcher_is_noticed(spawn: Spawn, address: str) -> None:
    process = await spawn("dispatcher", address)
    await process.line()
    async with RemoteDispatch(Peer(address), PACE) as dispatch:
        session = dispatch.session("kafka")
        await session.claim(KEY)
        await session.accept(piece(None, "1"))
        process.send(signal.SIGSTOP)
        with pytest.raises(Unavailable, match="sign of life"):
            await asyncio.wait_for(session.accept(piece("1", "2")), SOON_S)
        claiming = asyncio.ensure_future(session.claim(KEY))
        process.send(signal.SIGCONT)
        assert (await asyncio.wait_for(claiming, SOON_S)).position in ("1", "2")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_claims_of_a_dead_or_stopped_trigger_service_are_free(spawn: Spawn, address: str, number: signal.Signals) -> None:
    fake = FakeDispatch()
    async with WireServer(address, [DispatcherService(fake, kind_of=lambda _trigger: "", pace=PACE)]):
        trigger = await spawn("trigger", address)
        assert await trigger.line() == "claimed 1 None"
        await until(lambda: len(fake.accepted) > 3)
        async with RemoteDispatch(Peer(address), PACE) as dispatch:
            session = dispatch.session("kafka")
            claiming = asyncio.ensure_future(session.claim(KEY))
            trigger.send(number)
            claim = await asyncio.wait_for(claiming, SOON_S)
            assert claim.position == fake.positions[KEY]
            await session.accept(piece(claim.position, "1000000", claim.epoch))
            if number is signal.SIGSTOP:
                trigger.send(signal.SIGCONT)
                assert await trigger.line() in ("lost Unavailable", "lost ClaimLost")
            assert fake.positions[KEY] == "1000000"


async def test_a_killed_runner_loses_what_it_ran(spawn: Spawn, address: str) -> None:
    first = await spawn("runner", address)
    await first.line()
    replies: dict[bytes, Reply] = {}
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as remote:
        held, quick = called(b"hold"), called(b"quick")
        for each in (held, quick):
            remote.submit(each, lambda call, reply: replies.update({call.body: reply}))
        await until(lambda: b"quick" in replies)
        await first.kill()
        await until(lambda: not remote.connected)
        assert list(replies) == [b"quick"]
        second = await spawn("runner", address)
        await second.line()
        await until(lambda: b"hold" in replies)
        failure = replies[b"hold"].failure
        assert failure is not None
        assert failure.kind is FailureKind.LOST


async def test_a_stopped_runner_goes_on_where_it_was(spawn: Spawn, address: str) -> None:
    process = await spawn("runner", address)
    await process.line()
    replies: list[tuple[bytes, int]] = []
    async with RemoteRunner(Peer(address), "ledger", 1, PACE) as remote:
        held, late = called(b"hold"), called(b"late")
        for each in (held, late):
            if each is late:
                process.send(signal.SIGSTOP)
            remote.submit(each, lambda call, reply: replies.append((call.body, reply.status)))
            if each is held:
                assert await process.line() == f"begun {held.id.hex()} 1"
        await until(lambda: not remote.connected)
        process.write("finish\n")
        process.send(signal.SIGCONT)
        await until(lambda: len(replies) == 2)
        assert sorted(replies) == [(b"hold", 200), (b"late", 200)]
        assert await process.line() == f"begun {late.id.hex()} 1"
        process.send(signal.SIGKILL)
        assert await process.line() == ""


async def test_a_dispatcher_that_was_stopped_past_its_lease_is_fenced(spawn: Spawn, address: str) -> None:
    fake = FakeRunner(hold=True)
    replies: list[int] = []
    async with WireServer(address, [RunnerService(fake, fake, PACE)]):
        owner = await spawn("owner", address)
        await until(lambda: fake.begun)
        owner.send(signal.SIGSTOP)
        async with RemoteRunner(Peer(address), "ledger", 2, PACE) as remote:
            remote.submit(Call(b"o" * 16, FUNCTION, b"hold", 2), lambda _call, reply: replies.append(reply.status))
            await until(lambda: remote.connected)
            owner.send(signal.SIGCONT)
            assert await owner.line() == "told lost"
            fake.finish(b"o" * 16)
            await until(lambda: replies == [200])
    assert len(fake.begun) == 1
