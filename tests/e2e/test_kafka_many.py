"""A hundred thousand records of a real broker, with everything killed on the way; a burst for a function that takes nothing; and a password
that is changed while records come."""

import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from tests.e2e.bursts import assert_small, await_open, begin_small, set_instances
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.records import overlaps
from tests.servers import Kafka

RECORDS, BURST, ROTATED = 100_000, 50_000, 20_000
BATCH, PARTITIONS = 200, 4
CHUNK, A_SECOND = 500, 5_000
WITHIN_S = 90.0
INSTANCES, EACH = 2, 16

MakeFunction = Callable[..., str]


class Numbered:
    """A topic with numbered records; each partition has every fourth number, in order."""

    def __init__(self, kafka: Kafka) -> None:
        self.topic = kafka.create_topic(partitions=PARTITIONS)
        self.sent = 0
        self._bootstrap = kafka.bootstrap
        settings = {"bootstrap.servers": kafka.bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
        self._producer = Producer(settings)

    def settings(self, **more: object) -> dict[str, object]:
        return {"kafka_connect_address": self._bootstrap, "topic_ids": [self.topic], "start_position": "earliest", **more}

    def send(self, count: int) -> None:
        """Taken by the broker, which may be away for a while."""
        for number in range(self.sent, self.sent + count):
            self._producer.produce(self.topic, b"%d" % number, partition=number % PARTITIONS)
        assert self._producer.flush(WITHIN_S) == 0, "the broker does not come back"
        self.sent += count

    @contextmanager
    def sending(self, count: int) -> Iterator[None]:
        """From a thread of its own; all are taken at the end."""
        thread = threading.Thread(target=self._send_all, args=(count,))
        thread.start()
        try:
            yield
        finally:
            thread.join(2 * WITHIN_S)
        assert self.sent == count

    def _send_all(self, count: int) -> None:
        while self.sent < count:
            began = time.monotonic()
            self.send(CHUNK)
            time.sleep(max(0.0, began + CHUNK / A_SECOND - time.monotonic()))


def numbers_of(witness: Witness) -> list[tuple[str, list[int]]]:
    """Of each call that began: the event's id, and the numbers in it."""
    calls = witness.calls()
    return [(event, [int(text) for element in json.loads(body)["records"] for text in element["messages"]]) for event, _, body in calls]


def await_all(sluice: Sluice, trigger: str, witness: Witness, number: int) -> dict[str, int]:
    deadline = time.monotonic() + 2 * WITHIN_S
    while True:
        row = sluice.counts(trigger)
        if row["open"] == row["lag"] == 0 and len({one for _, its in numbers_of(witness) for one in its}) >= number:
            return row
        assert time.monotonic() < deadline, row
        time.sleep(0.5)


def await_more(sluice: Sluice, trigger: str) -> None:
    before, deadline = sluice.counts(trigger)["received"], time.monotonic() + WITHIN_S
    while sluice.counts(trigger)["received"] < before + 10:
        assert time.monotonic() < deadline, sluice.log.read_text()[-3000:]
        time.sleep(0.05)


def kill(sluice: Sluice, kafka: Kafka, what: str) -> None:
    """-9, and back."""
    if what == "broker":
        kafka.kill()
        kafka.start()
    elif what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


@pytest.mark.timeout(300)
def test_records_are_accepted_once_and_in_order_while_everything_is_killed(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    numbered = Numbered(kafka)
    urn = make_function(instances=INSTANCES, each=EACH)
    trigger = sluice.trigger(urn, "OPENSOURCEKAFKA", numbered.settings(batch_size=BATCH, linger=0.02, ordering="source"))
    killed = ["kafka", "dispatcher", "runner", "broker"] if sluice.mesh else ["everything", "broker"]
    with numbered.sending(RECORDS):
        for what in killed:
            await_more(sluice, trigger)
            kill(sluice, kafka, what)
    row = await_all(sluice, trigger, witness, RECORDS)
    assert row["received"] == row["success"], row
    events: dict[int, set[str]] = defaultdict(set)
    first: dict[int, int] = {}
    for at, (event, its) in enumerate(numbers_of(witness)):
        assert len(its) <= BATCH
        for number in its:
            events[number].add(event)
            first.setdefault(number, at)
    assert set(events) == set(range(RECORDS)), "lost"
    assert not [number for number, its in events.items() if len(its) > 1], "accepted twice"
    for partition in range(PARTITIONS):
        seen = [first[number] for number in range(partition, RECORDS, PARTITIONS)]
        assert seen == sorted(seen), "out of order"
    assert overlaps(witness) == 0, "overlap"
    assert witness.repeated() <= INSTANCES * EACH, "run twice"


@pytest.mark.timeout(300)
def test_a_burst_stays_in_the_log_while_the_function_takes_nothing(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    numbered = Numbered(kafka)
    numbered.send(BURST)
    urn = make_function(instances=0)
    trigger = sluice.trigger(urn, "OPENSOURCEKAFKA", numbered.settings())
    await_open(sluice, trigger, 10_000)
    assert_small(sluice)
    set_instances(sluice, urn, INSTANCES)
    row = sluice.until_ended(trigger, BURST, within_s=4 * WITHIN_S)
    assert (row["received"], row["success"]) == (BURST, BURST), row
    assert sorted(number for _, its in numbers_of(witness) for number in its) == list(range(BURST))
    assert_small(sluice)


def test_a_changed_password_is_used_at_once_by_that_trigger_alone_and_nothing_is_lost(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    """The broker goes on with who is logged in: the old password is refused when the trigger connects anew, here for another setting."""
    numbered, other = Numbered(kafka), Numbered(kafka)
    user, urn = f"user-{secrets.token_hex(4)}", make_function(instances=INSTANCES, each=EACH)
    where = {"kafka_connect_address": kafka.secure, "kafka_ssl_enable": True, "tls_ca": str(kafka.tls_dir / "ca.pem")}
    login = {**where, "kafka_user": user, "kafka_password": "old-password", "sasl_mechanism": "SCRAM-SHA-512"}

    def change(**changes: object) -> None:
        settings = numbered.settings(batch_size=BATCH, **login | changes)
        sluice.api("PUT", f"/fgs/triggers/{urn}:latest/OPENSOURCEKAFKA/{trigger}", {"event_data": settings})

    kafka.set_password(user, "old-password")
    trigger = sluice.trigger(urn, "OPENSOURCEKAFKA", numbered.settings(batch_size=BATCH, **login))
    beside = sluice.trigger(make_function(), "OPENSOURCEKAFKA", other.settings())
    for each in (trigger, beside):
        sluice.until_state(each, "running")
    with numbered.sending(ROTATED):
        await_more(sluice, trigger)
        kafka.set_password(user, "new-password")
        await_more(sluice, trigger)
        change(linger=0.02)
        assert "SaslAuthenticationFailed" in sluice.until_state(trigger, "error")["reason"]
    numbered.send(CHUNK)
    other.send(CHUNK)
    sluice.until_ended(beside, CHUNK)
    assert sluice.row(beside)["state"] == "running"
    change(kafka_password="new-password")
    sluice.until_state(trigger, "running", PICKED_UP_S)
    row = await_all(sluice, trigger, witness, ROTATED + CHUNK)
    assert (row["received"], sluice.counts(beside)["received"]) == (row["success"], CHUNK), row
    numbers = sorted(number for _, its in numbers_of(witness) for number in its)
    assert numbers == sorted([*range(ROTATED + CHUNK), *range(CHUNK)])
