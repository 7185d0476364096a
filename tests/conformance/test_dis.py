"""The dis kind: over a service in memory that speaks the real protocol, and over moto's Kinesis."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from sluice.event import Record
from sluice.ledger import Claim
from sluice.outcome import Outcome
from sluice.push import Serve
from sluice.trigger import Intake, Trigger
from sluice_dis import KIND
from sluice_dis.shard_reader import OFFERS, READ_RECORDS
from tests.conformance.bench import BINDING, Bench, Window
from tests.conformance.dis_fake import HOUR_MS, FakeKinesis
from tests.conformance.suite import TriggerConformance
from tests.kinesis import Producer
from tests.servers import Moto, free_port_run

EXAMPLE: dict[str, Any] = {
    "stream_name": "clicks",
    "sharditerator_type": "LATEST",
    "batch_size": 10,
    "max_fetch_bytes": 1024 * 1024,
    "polling_interval": 20,
    "polling_unit": "ms",
    "is_serial": "false",
    "endpoint": "http://127.0.0.1:4566",
    "access_key": "sluice",
    "secret_key": "sluice-secret",
}


class DisBench(Bench):
    """A reader confirms nothing at the source: what counts as confirmed is what its offers were told to be accepted."""

    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    window = Window(OFFERS * READ_RECORDS, OFFERS * 1024 * 1024)
    patience_s = 0.3
    empty = (b"",)

    def __init__(self) -> None:
        self.accepted = 0

    def made(self, **settings: object) -> Trigger:
        return Counting(KIND.build(BINDING, msgspec.json.decode(json.dumps(EXAMPLE | settings), type=KIND.settings)), self)

    async def confirmed(self) -> int:
        return self.accepted

    async def now_ms(self) -> int:
        return int(time.time() * 1000)


class Counting:
    """The trigger, and how many of its records were accepted in order."""

    def __init__(self, trigger: Trigger, bench: DisBench) -> None:
        self.trigger = trigger
        self.bench = bench

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await self.trigger.run(CountingIntake(intake, self.bench), ready)


class CountingIntake:
    def __init__(self, intake: Intake, bench: DisBench) -> None:
        self.intake = intake
        self.bench = bench

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        return await self.intake.claim(source, assigned=assigned)

    def release(self, claim: Claim) -> None:
        self.intake.release(claim)

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        await self.intake.offer(claim, records, to)
        self.bench.accepted += len(records)

    async def deliver(self, record: Record) -> Outcome:
        raise AssertionError("a shard has positions")

    def serve(self, answer: Serve, *topics: str) -> None:
        raise AssertionError("a stream does not call")

    def rest(self, until: float) -> None:
        self.intake.rest(until)

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        self.intake.plan(claim, records, to, at)

    def lag(self, source: str, records: int) -> None:
        self.intake.lag(source, records)


class FakeDisBench(DisBench):
    def __init__(self, kinesis: FakeKinesis) -> None:
        super().__init__()
        self.kinesis = kinesis
        kinesis.create("clicks")

    def trigger(self, **settings: object) -> Trigger:
        return self.made(endpoint=self.kinesis.endpoint, **settings)

    async def produce(self, *values: bytes | None) -> None:
        self.kinesis.put("clicks", *(value or b"" for value in values))

    async def lose_connection(self) -> None:
        await asyncio.to_thread(self.kinesis.kill)

    async def leave_gap(self) -> None:
        """Reads that give nothing, although there is more."""
        self.kinesis.streams["clicks"].shards["shardId-000000000000"].holes = 2

    async def end(self) -> str:
        last = self.kinesis.streams["clicks"].shards["shardId-000000000000"].records[-1]
        return f"{last.sequence}@{last.at_ms}"

    async def lose_position(self) -> tuple[str, str]:
        await self.produce(b"1")
        lost = await self.end()
        self.kinesis.ahead_ms += 30 * HOUR_MS
        await self.produce(b"2", b"3")
        self.kinesis.forget("clicks", "shardId-000000000000", 1)
        return self.kinesis.source("clicks"), lost


class Door:
    """In front of a server that others use too: it can be shut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, back}
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
        self._open -= {writer, back}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


class MotoDisBench(DisBench):
    """A stream of its own on the session's server, behind a door of its own."""

    deadline_s = 60.0
    patience_s = 1.0

    def __init__(self, moto: Moto, port: int, door: Door) -> None:
        super().__init__()
        self.door = door
        self.endpoint = f"http://127.0.0.1:{port}"
        self.producer = Producer(moto)

    def trigger(self, **settings: object) -> Trigger:
        return self.made(**self.producer.settings(sharditerator_type="LATEST", endpoint=self.endpoint) | settings)

    async def produce(self, *values: bytes | None) -> None:
        await asyncio.to_thread(self.producer.put, *(value or b"" for value in values))

    async def lose_connection(self) -> None:
        await self.door.shut()

    async def leave_gap(self) -> None:
        """Sequence numbers have gaps by their nature."""

    async def end(self) -> str:
        sequence, at_ms = await asyncio.to_thread(self.producer.last)
        return f"{sequence}@{at_ms}"

    async def lose_position(self) -> tuple[str, str]:
        """The server never forgets a record: a position of the day before yesterday that it never had, and what came since."""
        await self.produce(b"1", b"2")
        source = await asyncio.to_thread(self.producer.source)
        return source, f"0@{await self.now_ms() - 48 * HOUR_MS}"


class TestFake(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        kinesis = FakeKinesis(free_port_run(1))
        kinesis.start()
        yield FakeDisBench(kinesis)
        await asyncio.to_thread(kinesis.kill)


class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, moto: Moto) -> AsyncIterator[Bench]:
        door = Door(moto.port)
        yield MotoDisBench(moto, await door.start(), door)
        await door.shut()
