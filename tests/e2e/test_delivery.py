"""Records from a real Kafka to a real function, with everything killed on the way, and the sums."""

import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from tests.e2e.driver import Sluice, Witness
from tests.servers import Kafka

EVENTS = 3_000


class Sender:
    """Produces numbered records, and remembers which partition each went to."""

    def __init__(self, kafka: Kafka, partitions: int = 3) -> None:
        self.topic = kafka.create_topic(partitions=partitions)
        self.partitions = partitions
        self.sent = 0
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all", "linger.ms": 5})

    def send(self, number: int) -> None:
        for count in range(self.sent, self.sent + number):
            self._producer.produce(self.topic, b"n%d." % count, partition=count % self.partitions)
        self._producer.flush(30)
        self.sent += number

    def settings(self, kafka: Kafka, **more: object) -> dict[str, object]:
        return {
            "kafka_connect_address": kafka.bootstrap,
            "topic_ids": [self.topic],
            "batch_size": 1,
            "start_position": "earliest",
            **more,
        }


def numbers(witness: Witness) -> list[int]:
    """The record numbers of all calls that began, in order."""
    return [int(body.partition('"n')[2].partition(".")[0]) for _, _, body in witness.calls()]


def assert_the_sums_are_right(witness: Witness, sent: int, kills: int, most_in_flight: int) -> None:
    """Nothing lost, nothing accepted twice, what ran twice was in flight at a kill, and no two attempts of an event overlapped."""
    calls = witness.calls()
    by_number: dict[int, set[str]] = defaultdict(set)
    for (event, _, _), number in zip(calls, numbers(witness), strict=True):
        by_number[number].add(event)
    assert set(by_number) == set(range(sent)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert witness.repeated() <= kills * most_in_flight


def overlaps(witness: Witness) -> int:
    """How often a call of an event began while another of the same event had begun and not ended, and both ended."""
    ends = Counter(event for word, _, event, _, _ in witness.lines() if word == "end")
    open_calls: Counter[str] = Counter()
    found = 0
    for word, _, event, _, _ in witness.lines():
        if word == "begin":
            found += open_calls[event] > 0 and ends[event] > 1
            open_calls[event] += 1
        else:
            open_calls[event] -= 1
    return found


def test_records_are_delivered_once_each(sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]) -> None:
    sender = Sender(kafka)
    sender.send(EVENTS)
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", sender.settings(kafka))
    row = sluice.until_ended(trigger, EVENTS)
    assert (row["received"], row["success"], row["open"]) == (EVENTS, EVENTS, 0)
    assert_the_sums_are_right(witness, EVENTS, kills=0, most_in_flight=0)


def test_batches_hold_at_most_their_size_in_order(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]
) -> None:
    sender = Sender(kafka, partitions=1)
    sender.send(250)
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", sender.settings(kafka, batch_size=100, ordering="source"))
    deadline = time.monotonic() + 30
    while sum(body.count('"n') for _, _, body in witness.calls()) < 250:
        assert time.monotonic() < deadline, sluice.counts(trigger)
        time.sleep(0.05)
    bodies = [body for _, _, body in witness.calls()]
    assert max(body.count('"n') for body in bodies) <= 100
    seen = [int(part.partition(".")[0]) for body in bodies for part in body.split('"n')[1:]]
    assert seen == list(range(250))


def test_everything_killed_loses_nothing_and_repeats_only_what_was_in_flight(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]
) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(delay_ms=5), "OPENSOURCEKAFKA", sender.settings(kafka))
    kills = 4
    for _ in range(kills):
        sender.send(EVENTS // 5)
        time.sleep(0.4)
        sluice.kill()
        sluice.start()
    sender.send(EVENTS - sender.sent)
    row = sluice.until_ended(trigger, EVENTS)
    assert (row["received"], row["success"], row["open"]) == (EVENTS, EVENTS, 0)
    assert_the_sums_are_right(witness, EVENTS, kills, most_in_flight=2 * 16 + 64)
    assert overlaps(witness) == 0


def test_order_is_kept_across_kills(sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(delay_ms=2), "OPENSOURCEKAFKA", sender.settings(kafka, ordering="source"))
    for _ in range(2):
        sender.send(150)
        time.sleep(0.3)
        sluice.kill()
        sluice.start()
    sluice.until_ended(trigger, 300)
    last: dict[int, int] = {}
    for number in numbers(witness):
        partition = number % sender.partitions
        # an event in flight at a kill may run again; nothing may run before its predecessor
        assert number in (last.get(partition, partition - sender.partitions) + sender.partitions, last.get(partition))
        last[partition] = number


def test_the_broker_gone_for_a_while_loses_nothing(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]
) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", sender.settings(kafka))
    sender.send(300)
    sluice.until_ended(trigger, 300)
    kafka.kill()
    try:
        time.sleep(1.0)
        assert sluice.get("/livez")[0] == 200
    finally:
        kafka.start()
    sender.send(300)
    sluice.until_ended(trigger, 600)
    assert_the_sums_are_right(witness, 600, kills=0, most_in_flight=0)


def test_it_stops_within_ten_seconds_and_goes_on_where_it_was(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]
) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(delay_ms=20), "OPENSOURCEKAFKA", sender.settings(kafka))
    sender.send(1_000)
    sluice.until_ended(trigger, 10)
    began = time.monotonic()
    assert sluice.stop() == 0
    assert time.monotonic() - began < 10
    sluice.start()
    sluice.until_ended(trigger, 1_000)
    assert_the_sums_are_right(witness, 1_000, kills=0, most_in_flight=0)


@pytest.mark.parametrize("signal_name", ["SIGSTOP"])
def test_a_process_that_stood_still_goes_on_without_losing_or_doubling(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str], signal_name: str
) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", sender.settings(kafka))
    sender.send(300)
    sluice.until_ended(trigger, 100)
    assert sluice.process is not None
    os.killpg(sluice.process.pid, signal.Signals[signal_name])
    sender.send(300)
    time.sleep(8)
    os.killpg(sluice.process.pid, signal.SIGCONT)
    sluice.until_ended(trigger, 600, within_s=60)
    assert_the_sums_are_right(witness, 600, kills=0, most_in_flight=0)
