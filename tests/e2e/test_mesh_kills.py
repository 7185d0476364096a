"""Every process of the mesh killed in turn under load; its parent starts it again, and the sums are right."""

import json
import signal
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.e2e.driver import Sluice, Witness
from tests.e2e.records import Sender, assert_all_succeeded, assert_in_order, assert_the_sums_are_right
from tests.servers import Kafka

pytestmark = pytest.mark.parametrize("shared_sluice", ["mesh"], indirect=True, scope="module")

INSTANCES, EACH = 2, 16
AGAIN = {"runner": INSTANCES * EACH}
"""Calls that may run twice after a kill. Only the runner's death ends calls: the others' results wait for whoever comes after them."""

MakeFunction = Callable[..., str]


def await_ends_after(sluice: Sluice, trigger: str, number: int) -> None:
    """So many more events ended: the mesh works again."""
    row = sluice.counts(trigger)
    sluice.until_ended(trigger, row["success"] + number)


@pytest.mark.parametrize("service", ["kafka", "dispatcher", "runner", "control", "gateway", "timer"])
def test_a_service_killed_under_load_loses_nothing_and_doubles_nothing(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction, service: str
) -> None:
    sender = Sender(kafka)
    function = make_function(instances=INSTANCES, each=EACH, delay_ms=5)
    trigger = sluice.trigger(function, "OPENSOURCEKAFKA", sender.settings(kafka))
    kills = 2
    with sender.sending(each_second=400):
        for _ in range(kills):
            await_ends_after(sluice, trigger, 100)
            sluice.kill_service(service)
    assert_all_succeeded(sluice, trigger, sender.sent)
    assert_the_sums_are_right(witness, sender.sent, kills, AGAIN.get(service, 0))


def test_a_dispatcher_killed_in_the_middle_of_a_backlog_goes_on_from_what_it_had_committed(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    """At any moment some slices are committed and not yet answered; the next claim's position includes them."""
    sender = Sender(kafka)
    sender.send(12_000)
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH, delay_ms=5), "OPENSOURCEKAFKA", sender.settings(kafka))
    for _ in range(3):
        await_ends_after(sluice, trigger, 1_000)
        sluice.kill_service("dispatcher")
    assert_all_succeeded(sluice, trigger, sender.sent)
    assert_the_sums_are_right(witness, sender.sent)


def test_order_is_kept_while_each_service_is_killed_in_turn(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(delay_ms=2), "OPENSOURCEKAFKA", sender.settings(kafka, ordering="source"))
    with sender.sending(each_second=150):
        for service in ("kafka", "dispatcher", "runner", "control", "gateway", "timer", "runner", "dispatcher"):
            await_ends_after(sluice, trigger, 20)
            sluice.kill_service(service)
    assert_all_succeeded(sluice, trigger, sender.sent)
    assert_in_order(witness, sender.partitions)
    assert_the_sums_are_right(witness, sender.sent, kills=2, most_in_flight=sender.partitions)


@pytest.mark.parametrize("service", ["dispatcher", "runner"])
def test_a_service_that_stood_still_is_waited_for_and_nobody_takes_its_place(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction, service: str
) -> None:
    """A second one is told that the first holds the data; when the first goes on, everything does."""
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(delay_ms=5), "OPENSOURCEKAFKA", sender.settings(kafka))
    with sender.sending(each_second=300):
        await_ends_after(sluice, trigger, 100)
        began = time.monotonic()
        sluice.signal_service(service, signal.SIGSTOP)
        second = sluice.replica(service)
        try:
            assert second.wait(30) != 0
        finally:
            second.kill()
            second.wait()
        time.sleep(max(0.0, began + 6 - time.monotonic()))  # longer than the silence that is borne
        sluice.signal_service(service, signal.SIGCONT)
    assert_all_succeeded(sluice, trigger, sender.sent)
    assert_the_sums_are_right(witness, sender.sent)


def test_a_trigger_service_that_stood_still_while_another_read_on_doubles_nothing(
    sluice: Sluice, kafka: Kafka, witness: Witness, make_function: MakeFunction
) -> None:
    sender = Sender(kafka)
    trigger = sluice.trigger(make_function(delay_ms=2), "OPENSOURCEKAFKA", sender.settings(kafka, ordering="source"))
    second = None
    try:
        with sender.sending(each_second=150):
            await_ends_after(sluice, trigger, 50)
            sluice.signal_service("kafka", signal.SIGSTOP)
            second = sluice.replica("kafka")
            await_ends_after(sluice, trigger, sender.partitions * 100)
            sluice.signal_service("kafka", signal.SIGCONT)
            await_ends_after(sluice, trigger, 300)
            second.kill()
            await_ends_after(sluice, trigger, 300)
    finally:
        if second is not None:
            second.kill()
            second.wait()
    assert_all_succeeded(sluice, trigger, sender.sent)
    assert_in_order(witness, sender.partitions)
    assert_the_sums_are_right(witness, sender.sent)


def test_two_replicas_of_the_timer_fire_each_instant_once_and_one_goes_on_alone(
    sluice: Sluice, witness: Witness, make_function: MakeFunction
) -> None:
    timer = {"name": "tick", "schedule_type": "Cron", "schedule": "@every 1s"}
    trigger = sluice.trigger(make_function(), "TIMER", timer)
    second = sluice.replica("timer")
    try:
        sluice.until_ended(trigger, 3)
        sluice.kill_service("timer")
        sluice.until_ended(trigger, 6)
        sluice.kill_service("timer")
        second.kill()
        sluice.until_ended(trigger, 9)
    finally:
        second.kill()
        second.wait()
    calls = witness.calls()
    instants = [datetime.fromisoformat(json.loads(body)["time"]).timestamp() for _, _, body in calls]
    assert instants == [instants[0] + count for count in range(len(instants))]
    assert len({event for event, _, _ in calls}) == len(calls)
    assert witness.repeated() == 0
