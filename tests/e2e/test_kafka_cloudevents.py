"""CloudEvents that the SDK wrote, from a real Kafka to a real function, with what is none among them."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from cloudevents.core.bindings import kafka as binding
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

from tests.e2e.driver import Sluice, Witness
from tests.servers import Kafka

EVENTS = 20_000
NO_EVENT_EACH = 100
PARTITIONS = 3
WITHIN_S = 60.0

MakeFunction = Callable[..., str]


class Sender:
    """Numbered events, binary and structured in turn; each hundredth message is no event."""

    def __init__(self, kafka: Kafka, partitions: int = PARTITIONS) -> None:
        self.topic = kafka.create_topic(partitions=partitions)
        self._partitions = partitions
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all", "linger.ms": 5})
        self._settings = {"kafka_connect_address": kafka.bootstrap, "topic_ids": [self.topic], "start_position": "earliest"}

    def settings(self, **more: object) -> dict[str, object]:
        return {**self._settings, "cloudevents": True, **more}

    def send(self, first: int, to: int) -> None:
        for number in range(first, to):
            if number % NO_EVENT_EACH == NO_EVENT_EACH - 1:
                self._produce(number, b"n%d" % number, {})
            else:
                write = binding.to_structured_event if number % 2 else binding.to_binary_event
                message = write(CloudEvent({"id": str(number), "source": "/e2e", "type": "numbered"}, {"number": number}))
                self._produce(number, message.value, message.headers)
        assert not self._producer.flush(60)

    def _produce(self, number: int, value: bytes, headers: Mapping[str, bytes]) -> None:
        self._producer.produce(self.topic, value, partition=number % self._partitions, headers=list(headers.items()))
        self._producer.poll(0)


def numbers(witness: Witness) -> list[tuple[str, int]]:
    """Of each call that began: the id of its event, and each number in it."""
    found = []
    for name, _, body in witness.calls():
        content: Any = json.loads(body)
        found += [(name, one["data"]["number"]) for one in (content if isinstance(content, list) else [content])]
    return found


def test_events_are_accepted_once_and_what_is_none_is_dead_while_everything_is_killed(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    sender = Sender(kafka)
    settings = sender.settings(batch_size=50, linger=0.05, ordering="source")
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", settings)
    none = EVENTS // NO_EVENT_EACH
    for part in range(4):
        sender.send(part * EVENTS // 4, (part + 1) * EVENTS // 4)
        if part == 3:
            break
        sluice.until_ended(trigger, part * none // 4 + 1)
        if sluice.mesh:
            sluice.kill_service("dispatcher" if part else "kafka")
        else:
            sluice.kill()
            sluice.start()
    wanted = {number for number in range(EVENTS) if number % NO_EVENT_EACH != NO_EVENT_EACH - 1}
    deadline = time.monotonic() + WITHIN_S
    while not {number for _, number in numbers(witness)} >= wanted or (row := sluice.counts(trigger))["open"] or row["lag"]:
        assert time.monotonic() < deadline, sluice.counts(trigger)
        time.sleep(0.1)
    assert (row["discarded"], row["failed"]) == (none, 0), row
    assert not [number for number, events in Counter(number for _, number in set(numbers(witness))).items() if events > 1], "twice"
    once = list(dict.fromkeys(number for _, number in numbers(witness)))
    for partition in range(PARTITIONS):
        mine = [number for number in once if number % PARTITIONS == partition]
        assert mine == sorted(mine), "out of order"


def test_what_is_no_event_tells_why_and_can_be_looked_at(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    sender = Sender(kafka, partitions=1)
    sender.send(98, 101)
    filters = {"data.number": {"numeric": [">", 98]}}
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", sender.settings(filter=filters))
    row = sluice.until_ended(trigger, 2)
    assert (row["success"], row["discarded"], row["filtered"]) == (1, 1, 1), row
    (event,) = [json.loads(body) for _, _, body in witness.calls()]
    assert (event["id"], event["data"]) == ("100", {"number": 100})
    (dead,) = sluice.ours(f"/dead?trigger={trigger}")["dead"]
    assert (dead["end"], dead["failure"]) == ("DISCARD", "refused")
    assert dead["message"].startswith("it is no CloudEvent: specversion: is mandatory")
