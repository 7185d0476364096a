"""Connections that are cut in the middle of whatever was under way: nothing is lost, nothing happens twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from sluice.errors import SluiceError
from sluice.event import Event, random_id
from sluice.function import Function
from sluice.ledger import Slice, SourceKey
from sluice.outcome import Reply
from sluice.runner import Call
from sluice.wire.dispatch_client import RemoteDispatch
from sluice.wire.dispatch_server import DispatcherService
from sluice.wire.pace import Pace
from sluice.wire.peer import Peer
from sluice.wire.runner_client import RemoteRunner
from sluice.wire.runner_server import RunnerService
from sluice.wire.server import WireServer
from sluice.wire.session_client import RemoteSession
from tests.unit.sluice.wire.fake_dispatch import FakeDispatch
from tests.unit.sluice.wire.fake_runner import FakeRunner
from tests.waiting import until

PACE = Pace(beat_s=0.2, patience_s=60)
CUTS = 8


class Cutter:
    """Passes bytes between two unix sockets until it is told to cut every connection."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self.passed = 0

    async def serve(self, path: str) -> asyncio.Server:
        return await asyncio.start_unix_server(self._connected, path)

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self.passed = 0

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}
            writer.close()
            far_writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@pytest.fixture
async def cutter(tmp_path: Path) -> AsyncIterator[Cutter]:
    cutter = Cutter(f"{tmp_path}/far")
    async with await cutter.serve(f"{tmp_path}/near"):
        yield cutter
        cutter.cut()


async def keep_cutting(cutter: Cutter) -> None:
    for number in range(CUTS):
        await until(lambda: cutter.passed > 200_000, 20)
        await asyncio.sleep(0.001 * number)  # each cut falls somewhere else in what is under way
        cutter.cut()


async def test_every_call_is_run_once_and_answered_once(cutter: Cutter, tmp_path: Path) -> None:
    fake = FakeRunner()
    service = RunnerService(fake, fake, PACE)
    function = Function("urn:fss:here:p:function:default:f:1")
    answered: dict[bytes, int] = {}
    sent: list[bytes] = []

    async with (
        WireServer(f"unix:{tmp_path}/far", [service]),
        RemoteRunner(Peer(f"unix:{tmp_path}/near"), "ledger", 1, PACE) as remote,
    ):

        def done(call: Call, reply: Reply) -> None:
            assert reply.status == 200
            answered[call.id] = answered.get(call.id, 0) + 1
            asyncio.get_running_loop().call_later(len(sent) % 7 / 100, remote.settled, (call,))
            submit()

        def submit() -> None:
            if not cutting.done():
                sent.append(random_id())
                remote.submit(Call(sent[-1], function, b"x" * 1_000, len(sent) % 3 + 1), done)

        cutting = asyncio.ensure_future(keep_cutting(cutter))
        for _ in range(300):
            submit()
        await asyncio.wait_for(cutting, 60)
        await until(lambda: len(answered) == len(sent))
        await until(lambda: len(service.holdings) == 0)
    assert set(answered.values()) == {1}
    assert sorted(call.id for call in fake.begun) == sorted(sent)


async def test_every_record_is_accepted_once_and_in_order(cutter: Cutter, tmp_path: Path) -> None:
    fake = FakeDispatch()
    service = DispatcherService(fake, kind_of=lambda _trigger: "", pace=PACE)
    key = SourceKey("t-1", "1", "orders/0")

    async with (
        WireServer(f"unix:{tmp_path}/far", [service]),
        RemoteDispatch(Peer(f"unix:{tmp_path}/near"), PACE) as remote,
    ):
        session = remote.session("kafka")
        cutting = asyncio.ensure_future(keep_cutting(cutter))
        claims = 0
        while not cutting.done():
            claim = await asyncio.wait_for(session.claim(key), 20)
            claims += 1
            with suppress(SluiceError):
                await read_on(session, key, claim.epoch, int(claim.position or 0), cutting)
    numbers = [int(event.body.split(b" ")[0]) for event in fake.events]
    assert numbers == list(range(len(numbers)))
    assert claims > CUTS // 2


async def read_on(session: RemoteSession, key: SourceKey, epoch: int, position: int, until_done: "asyncio.Future[None]") -> None:
    """Offer slices of 1 to 7 records, several at a time, until one is not accepted."""
    while not until_done.done():
        accepting = []
        for size in range(1, 8):
            events = [Event(random_id(), b"%d " % number + b"y" * 1_000) for number in range(position, position + size)]
            start = str(position) if position else None
            accepting.append(session.accept(Slice(key, epoch, start, str(position + size), events)))
            position += size
        results = await asyncio.gather(*accepting, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
