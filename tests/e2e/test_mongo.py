"""Changes of a MongoDB to a real function in batches, with everything killed on the way, and the sums.

The stand-in keeps nothing when it is killed, so what has to be found again comes from a server of our own, tests/conformance/mongo_fake.py,
in a process that keeps its log on disk and speaks the protocol to the real driver. The example meets the stand-in.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import BulkWriteError, PyMongoError

from tests.e2e.bursts import assert_small, await_open, begin_small, set_instances
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.records import overlaps
from tests.e2e.shell import commands, shell
from tests.servers import Mongo, free_port_run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "people"
CHANGES = 100_000
BATCH = 1_000
CHUNK = 1_000
A_SECOND = 8_000
BURST = 50_000
WITHIN_S = 60.0
DUPLICATE = 11000
NUMBER = re.compile(r'\\"_id\\":\{\\"\$numberInt\\":\\"(\d+)\\"')
IN_FLIGHT = {"everything": 1, "runner": 1}
"""Calls that may run twice after a kill: one at a time runs."""

MakeFunction = Callable[..., str]


class Server:
    """A MongoDB of our own in a process of its own; its log stays on disk."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port_run(1)
        self.address = f"127.0.0.1:{self.port}"
        self._journal = folder / "journal"
        self._process: subprocess.Popen[str] | None = None

    def start(self, password: str = "") -> None:
        command = [sys.executable, "-m", "tests.conformance.mongo_fake", str(self.port), str(self._journal), password]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @contextmanager
    def orders(self, **options: Any) -> Iterator[Any]:
        """The collection as somebody else sees it."""
        with MongoClient[dict[str, Any]](self.address, retryWrites=False, serverSelectionTimeoutMS=2_000, **options) as client:
            yield client.shop.orders


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path)
    started.start()
    yield started
    started.kill()


class Writer:
    """Writes numbered documents, each once, whatever happens to the server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.written = 0

    @contextmanager
    def writing(self, count: int) -> Iterator[None]:
        """From a thread of its own; all are written at the end."""
        thread = threading.Thread(target=self.write, args=(count,))
        thread.start()
        try:
            yield
        finally:
            thread.join(4 * WITHIN_S)
        assert self.written == count

    def write(self, count: int) -> None:
        with self._server.orders() as orders:
            while self.written < count:
                began = time.monotonic()
                self._again(orders, [{"_id": number, "text": "x" * 40} for number in range(self.written, self.written + CHUNK)])
                self.written += CHUNK
                time.sleep(max(0.0, began + CHUNK / A_SECOND - time.monotonic()))

    def _again(self, orders: Any, documents: list[dict[str, Any]]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                orders.insert_many(documents, ordered=False)
                return
            except BulkWriteError as partly:
                if {error["code"] for error in partly.details["writeErrors"]} != {DUPLICATE}:
                    raise
                return  # the others were written before an answer was lost
            except PyMongoError:
                assert time.monotonic() < deadline, "the server does not come back"
                time.sleep(0.2)


def settings(address: str, **more: object) -> dict[str, object]:
    return {"instance_addrs": [address], "db_name": "shop", "collection_name": "orders", **more}


def await_counts(
    sluice: Sluice, trigger: str, condition: Callable[[dict[str, Any]], bool], within_s: float = 2 * WITHIN_S
) -> dict[str, Any]:
    deadline = time.monotonic() + within_s
    while not condition(row := sluice.counts(trigger)):
        assert time.monotonic() < deadline, (row, sluice.log.read_text()[-3000:])
        time.sleep(0.1)
    return row


def await_more_events(sluice: Sluice, trigger: str) -> None:
    """It works, and is in the middle of it."""
    before = sluice.counts(trigger)["received"]
    await_counts(sluice, trigger, lambda row: row["received"] >= before + 3)


def numbers_of(witness: Witness) -> list[tuple[str, list[int]]]:
    """Of each call that began: the event's id, and the numbers of the documents in it."""
    return [(event, [int(number) for number in NUMBER.findall(body)]) for event, _, body in witness.calls()]


def await_number(sluice: Sluice, trigger: str, witness: Witness, last: int) -> None:
    """Until the function has seen the last one, and nothing is open."""
    wanted = f'\\"_id\\":{{\\"$numberInt\\":\\"{last}\\"'
    await_counts(sluice, trigger, lambda row: row["open"] == 0 and wanted in witness.file.read_text())


def assert_the_sums_are_right(witness: Witness, sent: int, most_twice: int) -> None:
    """Nothing lost, nothing accepted twice, and in order but for what was in flight at a kill."""
    calls = numbers_of(witness)
    by_number: dict[int, set[str]] = defaultdict(set)
    first_time: dict[str, list[int]] = {}
    for event, numbers in calls:
        assert len(numbers) <= BATCH
        first_time.setdefault(event, numbers)
        for number in numbers:
            by_number[number].add(event)
    assert set(by_number) == set(range(sent)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert [number for numbers in first_time.values() for number in numbers] == list(range(sent)), "out of order"
    assert overlaps(witness) == 0, "overlap"
    assert witness.repeated() <= most_twice, "run twice"


def kill(sluice: Sluice, server: Server, what: str) -> None:
    """-9, and back."""
    if what == "server":
        server.kill()
        server.start()
    elif what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


@pytest.mark.timeout(400)
def test_changes_are_accepted_once_and_in_order_while_everything_is_killed(
    sluice: Sluice, server: Server, witness: Witness, make_function: MakeFunction
) -> None:
    function = make_function(instances=1, each=1)
    trigger = sluice.trigger(function, "DDS", settings(server.address, batch_size=BATCH, ordering="source"))
    sluice.until_state(trigger, "running")
    writer = Writer(server)
    killed = ["mongo", "dispatcher", "runner", "server"] if sluice.mesh else ["everything", "server"]
    with writer.writing(CHANGES):
        for what in killed:
            await_more_events(sluice, trigger)
            kill(sluice, server, what)
    await_number(sluice, trigger, witness, CHANGES - 1)
    row = sluice.counts(trigger)
    assert row["received"] == row["success"], row
    assert_the_sums_are_right(witness, CHANGES, sum(IN_FLIGHT.get(what, 0) for what in killed))


def test_a_document_that_nobody_would_write_on_purpose_troubles_no_other(
    sluice: Sluice, server: Server, witness: Witness, make_function: MakeFunction
) -> None:
    """One that the function fails on, one too large for an event, one that is nearly empty, and one with what is not UTF-8."""
    trigger = sluice.trigger(make_function(instances=1, each=1), "GAUSSMONGO", settings(server.address, ordering="source"))
    sluice.until_state(trigger, "running")
    not_text = RawBSONDocument(bson.encode({"_id": 4, "text": "xx"}).replace(b"xx", b"\xff\xfe"))
    with server.orders() as orders:
        orders.insert_one({"_id": 1, "text": "fail"})
        orders.insert_one({"_id": 2, "text": "x" * 7_000_000})
        orders.insert_one({"_id": 3})
        orders.insert_one(not_text)
        orders.insert_one({"_id": 5, "text": "last"})
    row = sluice.until_ended(trigger, 5)
    assert (row["received"], row["success"], row["failed"], row["discarded"]) == (5, 3, 1, 1), row
    assert [number for _, numbers in numbers_of(witness) for number in numbers] == [1, 3, 4, 5]
    (seen,) = [body for _, _, body in witness.calls() if NUMBER.findall(body) == ["4"]]
    document = json.loads(json.loads(seen)["records"][0]["gauss_mongo"]["full_document"])
    assert document == {"_id": {"$numberInt": "4"}, "text": "\ufffd\ufffd"}


@pytest.mark.timeout(400)
def test_a_burst_stays_in_the_servers_log_while_the_function_takes_nothing(
    sluice: Sluice, server: Server, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    urn = make_function(instances=0)
    trigger = sluice.trigger(urn, "DDS", settings(server.address, max_pending=2_000))
    sluice.until_state(trigger, "running")
    Writer(server).write(BURST)
    await_open(sluice, trigger, 2_000)
    assert_small(sluice)
    set_instances(sluice, urn, 2)
    await_counts(sluice, trigger, lambda row: row["success"] == BURST, 4 * WITHIN_S)


def test_what_a_filter_drops_is_counted_and_the_position_goes_on(
    sluice: Sluice, server: Server, witness: Witness, make_function: MakeFunction
) -> None:
    wanted = '{"fullDocument.odd": 1, "operationType": {"any": ["insert", "replace"]}}'
    trigger = sluice.trigger(make_function(), "DDS", settings(server.address, batch_size=50, filter=wanted))
    sluice.until_state(trigger, "running")
    with server.orders() as orders:
        orders.insert_many([{"_id": number, "odd": number % 2} for number in range(400)])
    await_counts(sluice, trigger, lambda row: row["filtered"] == 200 and row["open"] == 0)
    assert {number for _, numbers in numbers_of(witness) for number in numbers} == set(range(1, 400, 2))


def test_a_new_password_counts_without_a_restart_of_anything_else(
    sluice: Sluice, server: Server, witness: Witness, make_function: MakeFunction
) -> None:
    server.kill()
    server.start("old-password")
    function = make_function()
    trigger = sluice.trigger(function, "DDS", settings(server.address, db_password="old-password"))
    sluice.until_state(trigger, "running")
    server.kill()
    server.start("new-password")
    row = sluice.until_state(trigger, "error")
    assert "db_password" in json.dumps(row)
    assert "old-password" not in json.dumps(row)
    changed = {"trigger_status": "ACTIVE", "event_data": settings(server.address, db_password="new-password")}
    sluice.api("PUT", f"/fgs/triggers/{function}:latest/DDS/{trigger}", changed)
    sluice.until_state(trigger, "running", PICKED_UP_S)
    with server.orders(username="rwuser", password="new-password") as orders:
        orders.insert_one({"_id": 1})
    sluice.until_ended(trigger, 1)


def test_the_example_does_what_its_page_says(sluice: Sluice, mongo: Mongo, tmp_path: Path) -> None:
    """Its three commands, with this server's address."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "people")
    yaml = folder / "sluice.yaml"
    yaml.write_text(yaml.read_text().replace("127.0.0.1:27017", mongo.address))
    page = (folder / "README.md").read_text().replace("127.0.0.1:27017", mongo.address)
    typed = shell(sluice, folder)

    apply, write, logs = commands(page.replace("`mongod --replSet", ""))
    typed(apply)
    (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":people:" in row["function_urn"]]
    sluice.until_state(trigger, "running")
    typed(write)
    deadline = time.monotonic() + WITHIN_S
    while len(told := re.findall(r"insert person (\d+)", typed(logs))) < 120:
        assert time.monotonic() < deadline, told
    assert list(map(int, told)) == list(range(120))
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:people")
