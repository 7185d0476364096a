"""The mongo trigger and a server that refuses, goes away, forgets, or ends what is read.

All but the last test meet a server of our own that speaks the protocol to the real driver: nothing that can be had here does these things.
"""

import asyncio
import contextlib
import gc
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bson import json_util
from pymongo import AsyncMongoClient
from structlog.testing import capture_logs

from sluice.errors import SourceLost, SourceRefused
from sluice.event import GAP, Record
from sluice_mongo.changes_pymongo import PymongoChanges
from sluice_mongo.position import Position, Time, position, time_of
from sluice_mongo.settings import MongoSettings
from sluice_mongo.shape import document_of
from sluice_mongo.trigger import MongoTrigger
from tests.certificates import Authority
from tests.conformance.intake import FakeIntake
from tests.conformance.mongo_fake import FakeMongo, fake_mongo
from tests.servers import Mongo
from tests.waiting import until

WITHIN_S = 30.0
ORDERS = "shop.orders"

# The driver forgets the socket of a connection that it was about to make when its client is closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _forgotten_sockets() -> Iterator[None]:
    """They are found here, and not in a test that comes later and knows nothing of them."""
    yield
    gc.collect()


class Source:
    """A server, settings that name it, and triggers that read it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def settings(self, **changes: Any) -> MongoSettings:
        least = {"instance_addrs": [self.address], "db_name": "shop", "collection_name": "orders"}
        return msgspec.convert(least | changes, MongoSettings)

    @contextlib.asynccontextmanager
    async def running(self, intake: FakeIntake, **changes: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """A trigger that is ready, or has ended."""
        ready = asyncio.Event()
        settings = self.settings(**changes)
        trigger = MongoTrigger(settings, PymongoChanges(settings), idle_s=0.01)
        task = asyncio.create_task(trigger.run(intake, ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
        waiting.cancel()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def ends(self, intake: FakeIntake | None = None, **changes: Any) -> BaseException | None:
        """What a run ends with by itself."""
        async with self.running(intake or FakeIntake(), **changes) as task:
            await asyncio.wait({task}, timeout=WITHIN_S)
            return task.exception()


@pytest.fixture
async def fake() -> AsyncIterator[FakeMongo]:
    async with fake_mongo() as server:
        yield server


@pytest.fixture
def source(fake: FakeMongo) -> Source:
    return Source(fake.address)


def told(intake: FakeIntake) -> list[tuple[str, Any]]:
    """Operation and `_id` of each record; a gap with how long it is."""
    return [_told(record) for record in intake.accepted]


def _told(record: Record) -> tuple[str, Any]:
    attributes = dict(record.attributes)
    if GAP in attributes:
        return "gap", json.loads(attributes[GAP])["to"] - json.loads(attributes[GAP])["from"]
    document = json_util.loads(document_of(record))
    return attributes["operation"], document and document["_id"]


async def until_told(intake: FakeIntake, *expected: tuple[str, Any]) -> None:
    await until(lambda: len(intake.accepted) >= len(expected), WITHIN_S)
    assert told(intake) == list(expected)


def at(token: str, seconds_earlier: int = 0) -> str:
    """The position after a token, with a time that may be earlier."""
    time = time_of({"_data": token}, Time(0, 0))
    return Position(Time(time.seconds - seconds_earlier, time.increment), {"_data": token}).text()


# who is let in


async def test_a_wrong_password_is_refused_by_the_settings_name() -> None:
    async with fake_mongo(password="sluice-secret") as server:
        source = Source(server.address)
        refused = await source.ends(db_password="wrong")
        assert isinstance(refused, SourceRefused)
        assert "db_password" in str(refused)
        assert "wrong" not in str(refused)
        intake = FakeIntake()
        async with source.running(intake, db_password="sluice-secret"):
            server.insert(ORDERS, {"_id": 1})
            await until_told(intake, ("insert", 1))


async def test_nobody_who_does_not_log_in_is_let_in() -> None:
    async with fake_mongo(password="sluice-secret") as server:
        refused = await Source(server.address).ends()
        assert isinstance(refused, SourceRefused)
        assert "Unauthorized (13)" in str(refused)


async def test_a_new_password_counts_from_the_next_run_on() -> None:
    async with fake_mongo(password="old") as server:
        source, intake = Source(server.address), FakeIntake()
        async with source.running(intake, db_password="old"):
            server.password = "new"
            server.insert(ORDERS, {"_id": 1})
            await until_told(intake, ("insert", 1))
        assert isinstance(await source.ends(db_password="old"), SourceRefused)
        async with source.running(intake, db_password="new"):
            server.insert(ORDERS, {"_id": 2})
            await until_told(intake, ("insert", 1), ("insert", 2))


async def test_a_server_that_belongs_to_no_replica_set_is_refused(fake: FakeMongo, source: Source) -> None:
    fake.is_replica_set = False
    refused = await source.ends()
    assert isinstance(refused, SourceRefused)
    assert "replica set" in str(refused)


async def test_a_replica_set_of_another_name_is_not_taken(source: Source) -> None:
    lost = await source.ends(replica_set="rs-other")
    assert isinstance(lost, SourceLost)


async def test_nobody_there_is_a_lost_source() -> None:
    lost = await Source("127.0.0.1:1").ends()
    assert isinstance(lost, SourceLost)
    assert "127.0.0.1:1" in str(lost)


async def test_an_option_that_the_driver_does_not_know_is_refused(source: Source) -> None:
    refused = await source.ends(instance_addrs=[], connection_string=f"mongodb://{source.address}/?replicaSet")
    assert isinstance(refused, SourceRefused)
    assert "connection_string" in str(refused)


def serving(folder: Path, authority: Authority, clients: Authority | None = None) -> ssl.SSLContext:
    """What a server shows, and whom it lets in."""
    issued = authority.issue("127.0.0.1")
    (folder / "server.key").write_bytes(issued.key)
    (folder / "server.pem").write_bytes(issued.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.certificate.decode())
    return context


async def test_a_server_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    authority, other = Authority(), Authority()
    async with fake_mongo(tls=serving(tmp_path, authority)) as server:
        source = Source(server.address)
        async with source.running(FakeIntake(), ssl_enable=True, tls_ca=authority.certificate.decode()) as task:
            assert not task.done()
        refused = await source.ends(ssl_enable=True, tls_ca=other.certificate.decode())
        assert isinstance(refused, SourceRefused)
        assert "TLS failed" in str(refused)
        refused = await source.ends(ssl_enable=True, tls_ca=str(tmp_path / "none.pem"))
        assert isinstance(refused, SourceRefused)
        assert "tls_ca" in str(refused)


async def test_files_of_certificates_are_read_anew_by_each_run(tmp_path: Path) -> None:
    authority, clients = Authority(), Authority()
    files = {"tls_ca": tmp_path / "ca.pem", "tls_certificate": tmp_path / "ours.pem", "tls_key": tmp_path / "ours.key"}
    settings: dict[str, Any] = {"ssl_enable": True, **{name: str(file) for name, file in files.items()}}

    def written(issuer: Authority) -> None:
        ours = issuer.issue("sluice")
        files["tls_ca"].write_bytes(authority.certificate)
        files["tls_certificate"].write_bytes(ours.certificate)
        files["tls_key"].write_bytes(ours.key)

    written(Authority())
    async with fake_mongo(tls=serving(tmp_path, authority, clients)) as server:
        source, intake = Source(server.address), FakeIntake()
        assert isinstance(await source.ends(**settings), SourceLost | SourceRefused)
        written(clients)
        async with source.running(intake, **settings):
            server.insert(ORDERS, {"_id": 1})
            await until_told(intake, ("insert", 1))


# what is read


async def test_what_is_read_of_a_database_is_every_collection(fake: FakeMongo, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, collection_name=""):
        fake.insert("shop.orders", {"_id": 1})
        fake.insert("other.orders", {"_id": 2})
        fake.insert("shop.returns", {"_id": 3})
        fake.drop("shop.returns")
        fake.insert("shop.returns", {"_id": 4})
        await until_told(intake, ("insert", 1), ("insert", 3), ("insert", 4))
    assert {record.source for record in intake.accepted} == {"shop"}


async def test_an_update_brings_its_document_and_with_metadata_what_was_there_before(fake: FakeMongo, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, metadata=True, full_document_before_change="whenAvailable"), client(fake) as orders:
        await orders.insert_one({"_id": 1, "n": 1})
        await orders.update_one({"_id": 1}, {"$set": {"n": 2}})
        await orders.replace_one({"_id": 1}, {"n": 3})
        await orders.delete_one({"_id": 1})
        await until_told(intake, ("insert", 1), ("update", 1), ("replace", 1), ("delete", None))
    metadata = [json.loads(dict(record.attributes)["metadata"]) for record in intake.accepted]
    assert [json_util.loads(each.get("full_document_before_change", "null")) for each in metadata] == [
        None,
        {"_id": 1, "n": 1},
        {"_id": 1, "n": 2},
        {"_id": 1, "n": 3},
    ]
    assert json.loads(metadata[1]["update_description"])["updatedFields"] == {"n": {"$numberInt": "2"}}
    assert {each["document_key"] for each in metadata} == {'{"_id":{"$numberInt":"1"}}'}


@contextlib.asynccontextmanager
async def client(fake: FakeMongo) -> AsyncIterator[Any]:
    """The collection as somebody else sees it."""
    connected: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(fake.address)
    try:
        yield connected.shop.orders
    finally:
        await connected.close()


async def test_what_is_not_wanted_moves_the_position(fake: FakeMongo, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, operations=["delete"]):
        fake.insert(ORDERS, {"_id": 1})
        await until(lambda: intake.positions[ORDERS] == at(fake.tokens()[-1]), WITHIN_S)
    assert not intake.accepted


# what is there


async def test_a_first_start_may_begin_with_what_is_there(fake: FakeMongo, source: Source) -> None:
    fake.insert(ORDERS, *({"_id": number} for number in (3, 1, 2)), {"_id": "b"}, {"_id": "a"})
    intake = FakeIntake()
    async with source.running(intake, start_position="snapshot", metadata=True):
        await until(lambda: len(intake.accepted) >= 5, WITHIN_S)
        fake.insert(ORDERS, {"_id": 4})
        await until(lambda: ("insert", 4) in told(intake), WITHIN_S)
    assert told(intake)[:5] == [("insert", 1), ("insert", 2), ("insert", 3), ("insert", "a"), ("insert", "b")]
    assert json.loads(dict(intake.accepted[0].attributes)["metadata"])["snapshot"] is True


async def test_a_snapshot_goes_on_after_the_last_document_that_was_accepted(fake: FakeMongo, source: Source) -> None:
    fake.insert("shop.orders", *({"_id": number} for number in range(1500)))
    fake.insert("shop.returns", *({"_id": number} for number in range(10)))
    intake = FakeIntake()
    intake.refuses = lambda record: len(intake.accepted) == 1000
    async with source.running(intake, collection_name="", start_position="snapshot"):
        await until(lambda: len(intake.accepted) >= 1000, WITHIN_S)
        intake.hold()
    kept = position(intake.positions["shop"] or "")
    again = FakeIntake({"shop": Position(kept.time, snapshot=kept.snapshot).text()})
    seen = len(intake.accepted) + len(intake.refused)
    async with source.running(again, collection_name="", start_position="snapshot"):
        await until(lambda: len(again.accepted) >= 1510 - seen, WITHIN_S)
    first = [record.position for record in intake.accepted + intake.refused]
    rest = [record.position for record in again.accepted[: 1510 - seen]]
    assert len(set(first + rest)) == 1510
    assert {record.source for record in again.accepted} == {"shop"}


async def test_a_first_start_may_begin_in_the_past(fake: FakeMongo, source: Source) -> None:
    fake.insert(ORDERS, {"_id": 1})
    intake = FakeIntake()
    async with source.running(intake, start_position="timestamp", start_timestamp=(fake.time.time - 60) * 1000):
        await until_told(intake, ("insert", 1))


# what is forgotten


async def test_a_log_that_was_cut_stops_the_trigger_and_says_when(fake: FakeMongo, source: Source) -> None:
    fake.insert(ORDERS, {"_id": 1}, {"_id": 2}, {"_id": 3})
    start = at(fake.tokens()[0])
    fake.truncate(keep=1)
    refused = await source.ends(FakeIntake({ORDERS: start}))
    assert isinstance(refused, SourceRefused)
    assert "ChangeStreamHistoryLost (286)" in str(refused)
    assert str(position(start).time.seconds) in str(refused)


async def test_what_the_log_still_holds_is_read_behind_the_gap(fake: FakeMongo, source: Source) -> None:
    fake.insert(ORDERS, {"_id": 1}, {"_id": 2}, {"_id": 3})
    fake.truncate(keep=1)
    old = Position(Time(fake.time.time - 3600, 1), {"_data": f"82{fake.time.time - 3600:08X}0000000100000000"})
    intake = FakeIntake({ORDERS: old.text()})
    async with source.running(intake, position_lost="start_at_time"):
        await until_told(intake, ("gap", 3600), ("insert", 3))


async def test_a_snapshot_fills_the_gap(fake: FakeMongo, source: Source) -> None:
    fake.insert(ORDERS, {"_id": 1}, {"_id": 2}, {"_id": 3})
    fake.truncate(keep=1)
    old = Position(Time(fake.time.time - 60, 1), {"_data": f"82{fake.time.time - 60:08X}0000000100000000"})
    intake = FakeIntake({ORDERS: old.text()})
    async with source.running(intake, position_lost="snapshot"):
        await until(lambda: len(intake.accepted) >= 4, WITHIN_S)
    assert told(intake)[:4] == [("gap", 60), ("insert", 1), ("insert", 2), ("insert", 3)]


async def test_a_bad_token_loses_and_repeats_nothing_while_the_log_is_whole(fake: FakeMongo, source: Source) -> None:
    fake.insert_together(ORDERS, {"_id": 1}, {"_id": 2}, {"_id": 3})
    fake.refuse("aggregate", 280, "ChangeStreamFatalError")
    intake = FakeIntake({ORDERS: at(fake.tokens()[0])})
    async with source.running(intake, position_lost="start_at_time"):
        fake.insert(ORDERS, {"_id": 4})
        await until_told(intake, ("insert", 2), ("insert", 3), ("insert", 4))


async def test_a_log_that_is_lost_while_it_is_read_follows_the_same_policy(fake: FakeMongo, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, position_lost="start_at_time"):
        fake.insert(ORDERS, {"_id": 1})
        await until_told(intake, ("insert", 1))
        fake.refuse("getMore", 286, "ChangeStreamHistoryLost")
        fake.insert(ORDERS, {"_id": 2})
        await until_told(intake, ("insert", 1), ("insert", 2))
    intake = FakeIntake()
    async with source.running(intake) as task:
        fake.refuse("getMore", 286, "ChangeStreamHistoryLost")
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceRefused)


async def test_a_log_that_holds_little_is_warned_of(fake: FakeMongo, source: Source) -> None:
    fake.insert(ORDERS, {"_id": 1})
    with capture_logs() as lines:
        async with source.running(FakeIntake()):
            await until(lambda: any(line["event"] == "oplog_window_short" for line in lines), WITHIN_S)
    (line,) = [line for line in lines if line["event"] == "oplog_window_short"]
    assert line["source"] == ORDERS
    assert line["headroom_s"] < line["oplog_alarm_s"] == 3600


# what ends


@pytest.mark.parametrize("end", ["drop", "rename", "dropDatabase"])
async def test_an_end_stops_the_trigger_and_another_policy_goes_on_with_nothing_lost(fake: FakeMongo, source: Source, end: str) -> None:
    intake = FakeIntake()
    async with source.running(intake) as task:
        fake.insert(ORDERS, {"_id": 1})
        act(fake, end)
        fake.insert(ORDERS, {"_id": 2})
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceRefused)
        assert end in str(task.exception())
    assert isinstance(await source.ends(intake), SourceRefused)
    assert told(intake) == [("insert", 1)]
    async with source.running(intake, position_lost="start_after"):
        await until_told(intake, ("insert", 1), ("insert", 2))


def act(fake: FakeMongo, end: str) -> None:
    match end:
        case "drop":
            fake.drop(ORDERS)
        case "rename":
            fake.rename(ORDERS, "old")
        case _:
            fake.drop("shop")


async def test_an_end_can_be_told_to_the_function(fake: FakeMongo, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake, position_lost="start_after", operations=["insert", "drop", "invalidate"]):
        fake.drop(ORDERS)
        fake.insert(ORDERS, {"_id": 1})
        await until_told(intake, ("drop", None), ("invalidate", None), ("insert", 1))
        assert position(intake.positions[ORDERS] or "").token == {"_data": fake.tokens()[-1]}


async def test_what_gets_the_name_is_read_where_a_snapshot_is_wanted(fake: FakeMongo, source: Source) -> None:
    fake.insert("shop.fresh", {"_id": 7})
    intake = FakeIntake()
    async with source.running(intake, position_lost="snapshot"):
        fake.drop(ORDERS)
        fake.rename("shop.fresh", "orders")
        await until(lambda: ("insert", 7) in told(intake), WITHIN_S)


# what is closed


@pytest.mark.parametrize(
    ("code", "name"), [(222, "CloseChangeStream"), (234, "RetryChangeStream"), (43, "CursorNotFound"), (11602, "Interrupted")]
)
async def test_a_stream_that_the_server_closes_is_opened_again_where_it_was(fake: FakeMongo, source: Source, code: int, name: str) -> None:
    intake = FakeIntake()
    async with source.running(intake) as task:
        fake.insert(ORDERS, {"_id": 1})
        await until_told(intake, ("insert", 1))
        fake.refuse("getMore", code, name, "ResumableChangeStreamError")
        fake.insert(ORDERS, {"_id": 2})
        await until_told(intake, ("insert", 1), ("insert", 2))
        assert not task.done()


async def test_a_change_that_is_too_large_to_be_told_is_an_error_that_names_the_setting(fake: FakeMongo, source: Source) -> None:
    async with source.running(FakeIntake()) as task:
        fake.refuse("getMore", 10334, "BSONObjectTooLarge")
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceRefused)
        assert "full_document" in str(task.exception())


async def test_a_server_that_goes_away_and_comes_back_loses_nothing(fake: FakeMongo, source: Source) -> None:
    intake = FakeIntake()
    async with source.running(intake) as task:
        fake.insert(ORDERS, {"_id": 1})
        await until_told(intake, ("insert", 1))
        await fake.stop()
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    fake.insert(ORDERS, {"_id": 2})
    await fake.start()
    async with source.running(intake):
        await until_told(intake, ("insert", 1), ("insert", 2))


async def test_the_stand_in_may_be_killed_and_come_back(mongo: Mongo) -> None:
    """In memory, so what it had is gone; but who follows it goes on."""
    source, intake = Source(mongo.address), FakeIntake()
    async with source.running(intake) as task:
        await asyncio.to_thread(mongo.kill)
        await asyncio.wait({task}, timeout=WITHIN_S)
        assert isinstance(task.exception(), SourceLost)
    await asyncio.to_thread(mongo.start)
    connected: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo.address)
    async with source.running(intake, position_lost="start_at_time"):
        await connected.shop.orders.insert_one({"_id": 1})
        await until(lambda: ("insert", 1) in told(intake), WITHIN_S)
    await connected.close()
