"""The mongo kind: over a server of our own that speaks the protocol, and over the stand-in."""

import asyncio
import gc
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest
from bson import Timestamp, json_util
from pymongo import AsyncMongoClient

from sluice.event import GAP, Record
from sluice.ledger import Claim
from sluice.outcome import Outcome
from sluice.trigger import Intake, Trigger
from sluice_mongo import KIND
from sluice_mongo.changes_pymongo import CHUNK_BYTES, PymongoChanges
from sluice_mongo.follower import READ_RECORDS
from sluice_mongo.offers import MOST_BYTES, MOST_RECORDS
from sluice_mongo.position import Position, Time, time_of
from sluice_mongo.settings import MongoSettings
from sluice_mongo.shape import DOCUMENT, document_of
from sluice_mongo.trigger import MongoTrigger
from tests.conformance.bench import Bench, Window
from tests.conformance.mongo_fake import FakeMongo, fake_mongo
from tests.conformance.suite import TriggerConformance
from tests.servers import Mongo

# The driver forgets the socket of a connection that it was about to make when its client is closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

EXAMPLE = {
    "instance_addrs": ["127.0.0.1:27017"],
    "db_name": "shop",
    "collection_name": "orders",
    "db_password": "sluice-secret",
    "batch_size": 100,
    "instance_id": "i-1",
}
POLICIES = {"stop": "stop", "earliest": "start_at_time", "latest": "start_after"}
"""What the suite calls them, and what they are called here."""
LARGEST = 256 * 1024
"""Of the values that the suite produces."""


class MongoBench(Bench):
    """A produced value is the field `v` of an inserted document; None is a document without it."""

    deadline_s = 30.0
    kind = KIND
    example = json.dumps(EXAMPLE).encode()
    window = Window(MOST_RECORDS + READ_RECORDS, MOST_BYTES + CHUNK_BYTES + 2 * LARGEST)

    def __init__(self, address: str, collection: str) -> None:
        self.address = address
        self.collection = collection
        self.accepted = 0
        self.produced = 0

    def trigger(self, **settings: Any) -> Trigger:
        own = {"instance_addrs": [self.address], "collection_name": self.collection, "db_password": ""}
        given = EXAMPLE | own | {name: POLICIES[value] if name == "position_lost" else value for name, value in settings.items()}
        chosen = msgspec.convert(given, MongoSettings)
        return Unwrapping(MongoTrigger(chosen, PymongoChanges(chosen), idle_s=0.01), self)

    def documents(self, values: Sequence[bytes | None]) -> list[dict[str, Any]]:
        numbers = range(self.produced, self.produced + len(values))
        self.produced += len(values)
        return [{"_id": number} | ({} if value is None else {"v": value}) for number, value in zip(numbers, values, strict=True)]

    async def confirmed(self) -> int:
        """A change stream is told nothing: the ledger's position is all there is."""
        return self.accepted

    async def now_ms(self) -> int:
        return int(time.time() * 1000)


class Unwrapping:
    """The trigger, and on its records the values that were put into the documents."""

    def __init__(self, trigger: Trigger, bench: MongoBench) -> None:
        self.trigger = trigger
        self.bench = bench

    async def run(self, intake: Intake, ready: Callable[[], None]) -> None:
        await self.trigger.run(UnwrappingIntake(intake, self.bench), ready)


class UnwrappingIntake:
    def __init__(self, intake: Intake, bench: MongoBench) -> None:
        self.intake = intake
        self.bench = bench

    async def claim(self, source: str, *, assigned: bool = False) -> Claim:
        return await self.intake.claim(source, assigned=assigned)

    def release(self, claim: Claim) -> None:
        self.intake.release(claim)

    async def offer(self, claim: Claim, records: Sequence[Record], to: str) -> None:
        await self.intake.offer(claim, [unwrapped(record) for record in records], to)
        self.bench.accepted += len(records)

    async def deliver(self, record: Record) -> Outcome:
        raise AssertionError("a change stream has positions")

    def serve(self, answer: Any, *topics: str) -> None:
        raise AssertionError("a change stream is not pushed")

    def rest(self, until: float) -> None:
        self.intake.rest(until)

    def plan(self, claim: Claim, records: Sequence[Record], to: str, at: float) -> None:
        self.intake.plan(claim, records, to, at)

    def lag(self, source: str, records: int) -> None:
        self.intake.lag(source, records)


def unwrapped(record: Record) -> Record:
    """The document goes where it would be if a filter had the value."""
    if record.attributes[0][0] == GAP:
        return record
    document = document_of(record)
    value = json_util.loads(document).get("v")
    attributes = (*record.attributes, (DOCUMENT, document.decode()))
    return msgspec.structs.replace(record, value=None if value is None else bytes(value), attributes=attributes)


class FakeMongoBench(MongoBench):
    def __init__(self, fake: FakeMongo) -> None:
        super().__init__(fake.address, "orders")
        self.fake = fake

    async def produce(self, *values: bytes | None) -> None:
        self.fake.insert("shop.orders", *self.documents(values))

    async def lose_connection(self) -> None:
        await self.fake.stop()

    async def leave_gap(self) -> None:
        self.fake.pass_by()

    async def end(self) -> str:
        return Position(time_of(self.fake.token, Time(0, 0)), self.fake.token).text()

    async def lose_position(self) -> tuple[str, str]:
        await self.produce(b"1", b"2", b"3")
        token = {"_data": self.fake.tokens()[0]}
        self.fake.truncate(keep=1)
        return "shop.orders", Position(time_of(token, Time(0, 0)), token).text()


class StandInBench(MongoBench):
    """A collection of its own. The stand-in tells no token while idle, so a gap is a change that is not wanted: a deletion."""

    patience_s = 1.5

    def __init__(self, mongo: Mongo) -> None:
        super().__init__(mongo.address, f"orders-{secrets.token_hex(4)}")
        self.mongo = mongo
        self.killed = False
        self.client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo.address, serverSelectionTimeoutMS=3000)

    def trigger(self, **settings: Any) -> Trigger:
        return super().trigger(operations=["insert"], **settings)

    async def produce(self, *values: bytes | None) -> None:
        documents = self.documents(values)
        for start in range(0, len(documents), 100):
            await self.client.shop[self.collection].insert_many(documents[start : start + 100])

    async def lose_connection(self) -> None:
        self.killed = True
        await asyncio.to_thread(self.mongo.kill)

    async def leave_gap(self) -> None:
        await self.client.shop[self.collection].delete_one({"_id": 0})

    async def end(self) -> str:
        return self._position((await self._log())[-1])

    async def lose_position(self) -> tuple[str, str]:
        await self.produce(b"1", b"2", b"3")
        moments = await self._log()
        await self.client.local["oplog.rs"].delete_many({"ts": {"$lte": moments[1]}})
        return f"shop.{self.collection}", self._position(moments[0])

    async def _log(self) -> list[Timestamp]:
        entries = await self.client.local["oplog.rs"].find({"ns": f"shop.{self.collection}"}).to_list()
        return [entry["ts"] for entry in entries]

    def _position(self, moment: Timestamp) -> str:
        return Position(Time(moment.time, moment.inc), {"_data": f"{moment.time:08x}{moment.inc:08x}"}).text()

    async def close(self) -> None:
        await self.client.close()
        if self.killed:
            await asyncio.to_thread(self.mongo.start)
        gc.collect()


class TestFake(TriggerConformance):
    @pytest.fixture
    async def bench(self) -> AsyncIterator[Bench]:
        async with fake_mongo() as fake:
            yield FakeMongoBench(fake)
        gc.collect()


class TestReal(TriggerConformance):
    @pytest.fixture
    async def bench(self, mongo: Mongo) -> AsyncIterator[Bench]:
        bench = StandInBench(mongo)
        yield bench
        await bench.close()
