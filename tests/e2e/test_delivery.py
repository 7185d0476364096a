"""Records from a real Kafka to a real function, with everything killed on the way, and the sums."""

import signal
import time
from collections.abc import Callable

from tests.e2e.driver import Sluice, Witness
from tests.e2e.records import Sender, assert_all_succeeded, assert_in_order, assert_the_sums_are_right
from tests.servers import Kafka

EVENTS = 3_000


def test_records_are_delivered_once_each(sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]) -> None:
    sender = Sender(kafka)
    sender.send(EVENTS)
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", sender.settings(kafka))
    assert_all_succeeded(sluice, trigger, EVENTS)
    assert_the_sums_are_right(witness, EVENTS)


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
    kills = 3
    for _ in range(kills):
        sender.send(EVENTS // 5)
        time.sleep(0.4)
        sluice.kill()
        sluice.start()
    sender.send(EVENTS - sender.sent)
    assert_all_succeeded(sluice, trigger, EVENTS)
    assert_the_sums_are_right(witness, EVENTS, kills, most_in_flight=2 * 16 + 64)


def test_order_is_kept_across_kills(sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(delay_ms=2), "OPENSOURCEKAFKA", sender.settings(kafka, ordering="source"))
    for _ in range(2):
        sender.send(150)
        time.sleep(0.3)
        sluice.kill()
        sluice.start()
    sluice.until_ended(trigger, 300)
    assert_in_order(witness, sender.partitions)


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
    assert_the_sums_are_right(witness, 600)


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
    assert_the_sums_are_right(witness, 1_000)


def test_a_process_that_stood_still_goes_on_without_losing_or_doubling(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: Callable[..., str]
) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(), "OPENSOURCEKAFKA", sender.settings(kafka))
    sender.send(300)
    sluice.until_ended(trigger, 100)
    sluice.signal_all(signal.SIGSTOP)
    sender.send(300)
    time.sleep(8)  # longer than any lease, session or silence that is borne
    sluice.signal_all(signal.SIGCONT)
    sluice.until_ended(trigger, 600, within_s=60)
    assert_the_sums_are_right(witness, 600)
