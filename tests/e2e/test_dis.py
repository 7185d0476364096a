"""Records of a stream to a real function, with everything killed on the way, and the sums.

The counts and what is done to the service are on the one in memory, which speaks the real protocol and keeps what it holds while nobody
can reach it: moto takes some thousand records a second, answers about a hundred requests, and forgets everything when it ends. The example
runs on moto.
"""

import base64
import json
import re
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.dis_fake import FakeKinesis
from tests.e2e.bursts import assert_small, awaken, begin_small
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.records import overlaps
from tests.e2e.shell import commands, shell
from tests.servers import Moto, free_port_run

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "clicks"
RECORDS = 100_000
SHARDS = 4
BATCH = 200
CHUNK = 500
A_SECOND = 5_000
"""Put into the stream, whether the service can be reached or not."""
WITHIN_S = 150.0
BURST = 50_000

MakeFunction = Callable[..., str]


@pytest.fixture
def kinesis() -> Iterator[FakeKinesis]:
    service = FakeKinesis(free_port_run(1))
    service.start()
    service.create("clicks", SHARDS)
    yield service
    service.kill()


def settings(kinesis: FakeKinesis, **more: object) -> dict[str, object]:
    login = {"endpoint": kinesis.endpoint, "region": kinesis.region, "access_key": kinesis.access_key, "secret_key": kinesis.secret_key}
    often = {"polling_interval": 50, "polling_unit": "ms"}
    return {"stream_name": "clicks", "sharditerator_type": "TRIM_HORIZON", "is_serial": "false", **often, **login, **more}


class Sender:
    """Numbered records; the partition key is one of a hundred."""

    def __init__(self, kinesis: FakeKinesis) -> None:
        self._kinesis = kinesis
        self.sent = 0

    def send(self, count: int) -> None:
        for number in range(self.sent, self.sent + count):
            self._kinesis.put("clicks", b"%d" % number, key=f"k{number % 100}")
        self.sent += count

    @contextmanager
    def sending(self, records: int) -> Iterator[None]:
        """From a thread of its own."""
        thread = threading.Thread(target=self._send_all, args=(records,))
        thread.start()
        try:
            yield
        finally:
            thread.join(WITHIN_S)
        assert self.sent == records

    def _send_all(self, records: int) -> None:
        while self.sent < records:
            began = time.monotonic()
            self.send(CHUNK)
            time.sleep(max(0.0, began + CHUNK / A_SECOND - time.monotonic()))


class Seen(NamedTuple):
    """One call that began."""

    event: str
    shard: str
    records: list[tuple[str, bytes]]
    """Keys and values."""


def seen(witness: Witness) -> list[Seen]:
    found = []
    for event, _, body in witness.calls():
        told = json.loads(body)
        found.append(
            Seen(event, told["ShardID"], [(one["partition_key"], base64.b64decode(one["data"])) for one in told["Message"]["records"]])
        )
    return found


def await_records(sluice: Sluice, trigger: str, witness: Witness, number: int) -> dict[str, int]:
    """Until so many different records were seen and nothing is open."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        row = sluice.counts(trigger)
        if row["open"] == 0 and len({value for call in seen(witness) for _, value in call.records}) >= number:
            return row
        assert time.monotonic() < deadline, (row, sluice.log.read_text()[-3000:])
        time.sleep(0.3)


def await_more_events(sluice: Sluice, trigger: str) -> None:
    """It works, and is in the middle of it."""
    before = sluice.counts(trigger)["received"]
    deadline = time.monotonic() + WITHIN_S
    while sluice.counts(trigger)["received"] < before + 10:
        assert time.monotonic() < deadline, sluice.log.read_text()[-3000:]
        time.sleep(0.02)


def assert_the_sums_are_right(witness: Witness, sent: int) -> None:
    by_number: dict[int, set[str]] = defaultdict(set)
    for call in seen(witness):
        assert len(call.records) <= BATCH
        for _, value in call.records:
            by_number[int(value)].add(call.event)
    assert set(by_number) == set(range(sent)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"


def assert_keys_are_in_order(witness: Witness) -> None:
    """What ran again after a kill aside."""
    begun: set[str] = set()
    last: dict[str, int] = {}
    for call in seen(witness):
        if call.event not in begun:
            begun.add(call.event)
            for key, value in call.records:
                assert int(value) > last.get(key, -1), (key, value)
                last[key] = int(value)


def kill(sluice: Sluice, kinesis: FakeKinesis, what: str) -> None:
    """-9, and back."""
    if what == "service":
        kinesis.kill()
        kinesis.start()
    elif what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


@contextmanager
def second_replica(sluice: Sluice) -> Iterator[None]:
    """In a mesh, another process that reads."""
    replica = sluice.replica("dis") if sluice.mesh else None
    try:
        yield
    finally:
        if replica is not None:
            replica.terminate()
            replica.wait(20)


@pytest.mark.timeout(400)
def test_records_are_accepted_once_and_in_order_while_everything_is_killed_and_the_stream_is_split(
    sluice: Sluice, kinesis: FakeKinesis, witness: Witness, make_function: MakeFunction
) -> None:
    sender = Sender(kinesis)
    trigger = sluice.trigger(make_function(), "DIS", settings(kinesis, batch_size=BATCH, ordering="source"))
    killed = ["dis", "dispatcher", "runner", "service"] if sluice.mesh else ["everything", "service"]
    with second_replica(sluice), sender.sending(RECORDS):
        for number, what in enumerate(killed):
            await_more_events(sluice, trigger)
            kill(sluice, kinesis, what)
            if number == 0:
                kinesis.split("clicks", "shardId-000000000000")
                kinesis.merge("clicks", "shardId-000000000001", "shardId-000000000002")
    row = await_records(sluice, trigger, witness, RECORDS)
    assert row["received"] == row["success"], row
    assert_the_sums_are_right(witness, RECORDS)
    for shard in {call.shard for call in seen(witness)}:
        assert_shard_is_in_order(witness, shard)


def assert_shard_is_in_order(witness: Witness, shard: str) -> None:
    """What ran again after a kill aside."""
    first: dict[str, int] = {}
    for call in seen(witness):
        if call.shard == shard:
            first.setdefault(call.event, int(call.records[0][1]))
    assert list(first.values()) == sorted(first.values())


def test_the_order_of_a_key_outlives_a_split(sluice: Sluice, kinesis: FakeKinesis, witness: Witness, make_function: MakeFunction) -> None:
    sender = Sender(kinesis)
    trigger = sluice.trigger(make_function(delay_ms=1), "DIS", settings(kinesis, ordering="key", batch_size=10))
    for shard in range(SHARDS):
        sender.send(500)
        kinesis.split("clicks", f"shardId-{shard:012}")
    sender.send(500)
    await_records(sluice, trigger, witness, sender.sent)
    assert_the_sums_are_right(witness, sender.sent)
    assert_keys_are_in_order(witness)


def test_a_record_that_makes_the_function_fail_or_is_too_large_does_not_hold_the_others(
    sluice: Sluice, kinesis: FakeKinesis, witness: Witness, make_function: MakeFunction
) -> None:
    every_byte = bytes(range(256))
    for key, value in [("k", b"first"), ("fail", b"poison"), ("k", b""), ("k", every_byte), ("k", b"x" * 7_000_000), ("k", b"last")]:
        kinesis.put("clicks", value, key=key)
    trigger = sluice.trigger(make_function(), "DIS", settings(kinesis, ordering="source"))
    row = sluice.until_ended(trigger, 6)
    assert (row["received"], row["success"], row["failed"], row["discarded"]) == (6, 4, 1, 1)
    assert [value for call in seen(witness) for key, value in call.records if key == "k"] == [b"first", b"", every_byte, b"last"]
    dead = {letter["failure"] for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger}
    assert dead == {"function_error", "refused"}


@pytest.mark.timeout(400)
def test_a_burst_stays_in_the_stream_while_the_function_takes_nothing(
    sluice: Sluice, kinesis: FakeKinesis, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    sender = Sender(kinesis)
    sender.send(BURST)
    urn = make_function(instances=1, each=1, delay_ms=20_000)
    trigger = sluice.trigger(urn, "DIS", settings(kinesis, batch_size=50, max_pending=100))
    deadline = time.monotonic() + WITHIN_S
    while (row := sluice.counts(trigger))["received"] < 100 or not row["lag"]:
        assert time.monotonic() < deadline, row
        time.sleep(0.1)
    for _ in range(20):
        assert_small(sluice)
        time.sleep(0.1)
    assert sluice.counts(trigger)["received"] <= 100 + SHARDS
    awaken(sluice, urn, witness)
    await_records(sluice, trigger, witness, BURST)
    assert_small(sluice)
    by_number: dict[int, set[str]] = defaultdict(set)
    for call in seen(witness):
        for _, value in call.records:
            by_number[int(value)].add(call.event)
    assert all(len(events) == 1 for events in by_number.values()), "accepted twice"


def test_a_rotated_secret_is_taken_with_functiongraphs_list_and_nothing_is_lost(
    sluice: Sluice, kinesis: FakeKinesis, witness: Witness, make_function: MakeFunction
) -> None:
    sender, urn = Sender(kinesis), make_function()
    trigger = sluice.trigger(urn, "DIS", settings(kinesis))
    sender.send(10)
    await_records(sluice, trigger, witness, 10)
    kinesis.secret_key = "rotated"
    sender.send(10)
    row = sluice.until_state(trigger, "error")
    assert "secret_key" in row["reason"]
    changed = [{"secret_key": "rotated", "is_serial": True, "max_fetch_bytes": 65536, "polling_interval": 20, "polling_unit": "ms"}]
    answer = sluice.api("PUT", f"/fgs/triggers/{urn}:latest/DIS/{trigger}", {"trigger_status": "ACTIVE", "event_data": changed})
    sluice.until_state(trigger, "running", PICKED_UP_S)
    assert (answer["event_data"]["is_serial"], answer["event_data"]["stream_name"]) == (True, "clicks")
    assert "rotated" not in json.dumps(answer)
    await_records(sluice, trigger, witness, 20)
    assert_the_sums_are_right(witness, 20)


def test_the_example_does_what_its_page_says(sluice: Sluice, moto: Moto, tmp_path: Path) -> None:
    """Its three commands, with this server's address."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "clicks")
    yaml = (folder / "sluice.yaml").read_text()
    (folder / "sluice.yaml").write_text(yaml.replace("http://127.0.0.1:5000", moto.endpoint))
    page = (folder / "README.md").read_text().replace("http://127.0.0.1:5000", moto.endpoint)
    typed = shell(sluice, folder)

    put, apply, logs = commands(page)
    typed(put)
    typed(apply)
    deadline = time.monotonic() + WITHIN_S
    while len(told := re.findall(r"click (\d+)", typed(logs))) < 120:
        assert time.monotonic() < deadline, told
    assert sorted(map(int, told)) == list(range(120))
    typed(put.replace('k.create_stream(StreamName="clicks", ShardCount=2)', 'k.delete_stream(StreamName="clicks"); exit()'))
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:clicks")
