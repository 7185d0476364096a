"""Numbered records on their way into Kafka, and the sums over what a `witness` function saw of them."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

from tests.e2e.driver import Sluice, Witness
from tests.servers import Kafka

SETTLES_WITHIN_S = 2.0
"""An end is on disk after this, on a machine that has other work."""


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

    @contextmanager
    def sending(self, each_second: int) -> Iterator[None]:
        """Records all the while, from a thread of its own."""
        stop = threading.Event()
        thread = threading.Thread(target=self._send_until, args=(stop, each_second))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)

    def _send_until(self, stop: threading.Event, each_second: int) -> None:
        began, before = time.monotonic(), self.sent
        while not stop.wait(0.02):
            self.send(max(0, int((time.monotonic() - began) * each_second) - (self.sent - before)))

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


def assert_the_sums_are_right(witness: Witness, sent: int, kills: int = 0, most_in_flight: int = 0) -> None:
    """Nothing lost, nothing accepted twice, no two attempts of an event at the same time, and what ran twice was in flight at a kill."""
    calls = witness.calls()
    by_number: dict[int, set[str]] = defaultdict(set)
    for (event, _, _), number in zip(calls, numbers(witness), strict=True):
        by_number[number].add(event)
    assert set(by_number) == set(range(sent)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert witness.repeated() <= kills * most_in_flight, "run twice"


def assert_ran_again_after_kills_only(sluice: Sluice, witness: Witness) -> None:
    """What ran twice had begun right before a kill: its end was not on disk. How many those are is up to the rate and the disk."""
    kills = sluice.killed_at
    stray = [at for at in witness.begun_again() if not any(abs(at - killed) < SETTLES_WITHIN_S for killed in kills)]
    assert not stray, (stray[:5], kills)


def assert_in_order(witness: Witness, partitions: int) -> None:
    """Of each partition one after the other; what was in flight at a kill may run again, nothing runs before its predecessor."""
    seen = list(zip(witness.calls(), numbers(witness), strict=True))
    for partition in range(partitions):
        own = [(number, event, attempt) for (event, attempt, _), number in seen if number % partitions == partition]
        before = partition - partitions
        for at, (number, _, _) in enumerate(own):
            assert number in (before, before + partitions), own[max(0, at - 5) : at + 5]
            before = number


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


def assert_all_succeeded(sluice: Sluice, trigger: str, sent: int) -> None:
    """And the counters say so."""
    row = sluice.until_ended(trigger, sent)
    dead = [letter for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert (row["received"], row["success"], row["open"]) == (sent, sent, 0), (row, dead[:5])
