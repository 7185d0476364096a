"""Messages from a real RabbitMQ to a real function in batches, with everything killed on the way, and the sums."""

import json
import logging
import re
import secrets
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pika.exceptions import AMQPError

from sluice.event import MAX_EVENT_BYTES
from tests.e2e.bursts import assert_small, await_open, begin_small, set_instances
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.records import overlaps
from tests.e2e.shell import commands, shell
from tests.rabbitmq import Publisher
from tests.servers import RabbitMq

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "jobs"
MESSAGES = 100_000
BATCH = 50
CHUNK = 500
A_SECOND = 5_000
"""Published, as long as the node is there."""
BURST, ROTATED = 50_000, 20_000
WITHIN_S = 60.0
INSTANCES, EACH = 2, 16
IN_FLIGHT = {"everything": INSTANCES * EACH + 64, "runner": INSTANCES * EACH}
"""Calls that may run twice after a kill. The dispatcher's kill ends none: results wait for whoever comes after it."""

MakeFunction = Callable[..., str]

# The publisher tries again while the node is down, and the driver writes pages about it.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class Queue:
    """A durable queue of its own with numbered messages in it; the number is the message's id and its body."""

    def __init__(self, rabbitmq: RabbitMq) -> None:
        self._rabbitmq = rabbitmq
        self.publisher = Publisher(rabbitmq, f"jobs-{secrets.token_hex(4)}")
        self.name = f"queue-{secrets.token_hex(4)}"
        self.publisher.declare(self.name, **{"x-queue-type": "quorum"})
        self.sent = 0

    def settings(self, **more: object) -> dict[str, object]:
        node = self._rabbitmq
        login = {"connect_address": node.address, "access_user": node.username, "access_password": node.password, "vhost": node.vhost}
        return {**login, "queue_name": self.name, "passive": True, **more}

    def send(self, count: int) -> None:
        """Published and confirmed; again until they are, if the node goes away."""
        messages = [(f"m-{number}", b"%d" % number) for number in range(self.sent, self.sent + count)]
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                self.publisher.publish_named(messages)
                break
            except (OSError, AMQPError):
                assert time.monotonic() < deadline, "the node does not come back"
                time.sleep(0.2)
        self.sent += count

    @contextmanager
    def sending(self, messages: int) -> Iterator[None]:
        """From a thread of its own; all are confirmed at the end."""
        thread = threading.Thread(target=self._send_all, args=(messages,))
        thread.start()
        try:
            yield
        finally:
            thread.join(2 * WITHIN_S)
        assert self.sent >= messages

    def _send_all(self, messages: int) -> None:
        while self.sent < messages:
            began = time.monotonic()
            self.send(CHUNK)
            time.sleep(max(0.0, began + CHUNK / A_SECOND - time.monotonic()))


def messages_of(witness: Witness) -> list[tuple[str, list[str]]]:
    """Of each call that began: the event's id, and the messages in it."""
    found = []
    for event, _, body in witness.calls():
        found.append((event, [text for element in json.loads(body)["records"] for text in element["messages"]]))
    return found


def await_messages(sluice: Sluice, trigger: str, witness: Witness, number: int) -> dict[str, int]:
    """Until so many different messages were seen, the queue is empty and nothing is open."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        row = sluice.counts(trigger)
        if row["open"] == row["lag"] == 0 and len({one for _, its in messages_of(witness) for one in its}) >= number:
            return row
        seen = len({one for _, its in messages_of(witness) for one in its})
        assert time.monotonic() < deadline, f"{seen} of {number} messages, {row}"
        time.sleep(0.1)


def await_more_events(sluice: Sluice, trigger: str) -> None:
    """It works, and is in the middle of it."""
    before = sluice.counts(trigger)["received"]
    deadline = time.monotonic() + WITHIN_S
    while sluice.counts(trigger)["received"] < before + 10:
        assert time.monotonic() < deadline, sluice.log.read_text()[-3000:]
        time.sleep(0.02)


def assert_the_sums_are_right(witness: Witness, sent: int, most_twice: int) -> None:
    by_number: dict[int, set[str]] = defaultdict(set)
    for event, messages in messages_of(witness):
        assert len(messages) <= BATCH
        for number in messages:
            by_number[int(number)].add(event)
    assert set(by_number) == set(range(sent)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert witness.repeated() <= most_twice, "run twice"


def kill(sluice: Sluice, rabbitmq: RabbitMq, what: str) -> None:
    """-9, and back."""
    if what == "node":
        rabbitmq.kill()
        rabbitmq.start()
    elif what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


@pytest.mark.timeout(300)
def test_messages_in_batches_are_accepted_once_while_everything_is_killed(
    sluice: Sluice, rabbitmq: RabbitMq, witness: Witness, make_function: MakeFunction
) -> None:
    queue = Queue(rabbitmq)
    rabbitmq.stop()  # a node that is killed soon after a queue was declared may forget it: this one is on disk
    rabbitmq.start()
    settings = queue.settings(batch_size=BATCH, linger=0.02, prefetch=400)
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH, delay_ms=20), "RABBITMQ", settings)
    killed = ["rabbitmq", "dispatcher", "runner", "node"] if sluice.mesh else ["everything", "node"]
    with queue.sending(MESSAGES):
        for what in killed:
            await_more_events(sluice, trigger)
            kill(sluice, rabbitmq, what)
    row = await_messages(sluice, trigger, witness, MESSAGES)
    assert row["received"] == row["success"], row
    assert_the_sums_are_right(witness, MESSAGES, sum(IN_FLIGHT.get(what, 0) for what in killed))


@pytest.mark.timeout(300)
def test_a_burst_stays_in_the_queue_while_the_function_takes_nothing(
    sluice: Sluice, rabbitmq: RabbitMq, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    """Not more than `max_pending` is taken in: 200, and when that is changed, the default."""
    queue = Queue(rabbitmq)
    for _ in range(BURST // A_SECOND):
        queue.send(A_SECOND)
    urn = make_function(instances=0)
    trigger = sluice.trigger(urn, "RABBITMQ", queue.settings(max_pending=200))
    await_open(sluice, trigger, 200)
    sluice.until_state(trigger, "running")
    sluice.api("PUT", f"/fgs/triggers/{urn}:latest/RABBITMQ/{trigger}", {"event_data": queue.settings(prefetch=1_000)})
    await_open(sluice, trigger, 10_000)
    assert_small(sluice)
    set_instances(sluice, urn, INSTANCES)
    deadline = time.monotonic() + 4 * WITHIN_S
    while (row := sluice.counts(trigger))["success"] < BURST or row["open"] or row["lag"]:
        assert time.monotonic() < deadline, row
        time.sleep(0.2)
    numbers = [int(text) for _, texts in messages_of(witness) for text in texts]
    assert sorted(numbers) == list(range(BURST))
    assert_small(sluice)


def test_a_changed_password_is_used_at_once_by_that_trigger_alone_and_nothing_is_lost(
    sluice: Sluice, rabbitmq: RabbitMq, witness: Witness, make_function: MakeFunction
) -> None:
    queue, other = Queue(rabbitmq), Queue(rabbitmq)
    user, urn = f"user-{secrets.token_hex(4)}", make_function(instances=INSTANCES, each=EACH)
    rabbitmq.administer("add_user", user, "old-password")
    rabbitmq.administer("set_permissions", "-p", rabbitmq.vhost, user, "", "", ".*")
    own = queue.settings(batch_size=BATCH, prefetch=400, access_user=user)
    trigger = sluice.trigger(urn, "RABBITMQ", {**own, "access_password": "old-password"})
    beside = sluice.trigger(make_function(), "RABBITMQ", other.settings())
    for each in (trigger, beside):
        sluice.until_state(each, "running")
    with queue.sending(ROTATED):
        await_more_events(sluice, trigger)
        rabbitmq.administer("change_password", user, "new-password")
        rabbitmq.administer("close_all_user_connections", user, "its password was changed")
        assert "refused the login" in sluice.until_state(trigger, "error")["reason"]
    queue.send(CHUNK)
    other.send(CHUNK)
    sluice.until_ended(beside, CHUNK)
    assert sluice.row(beside)["state"] == "running"
    settings = {"event_data": {**own, "access_password": "new-password"}}
    sluice.api("PUT", f"/fgs/triggers/{urn}:latest/RABBITMQ/{trigger}", settings)
    sluice.until_state(trigger, "running", PICKED_UP_S)
    row = await_messages(sluice, trigger, witness, ROTATED + CHUNK)
    assert (row["received"], sluice.counts(beside)["received"]) == (row["success"], CHUNK), row
    numbers = sorted(int(text) for _, texts in messages_of(witness) for text in texts)
    assert numbers == sorted([*range(ROTATED + CHUNK), *range(CHUNK)])


def test_a_poison_message_blocks_no_other_and_is_given_out_once(
    sluice: Sluice, rabbitmq: RabbitMq, witness: Witness, make_function: MakeFunction
) -> None:
    """The queue would give out one that is not acknowledged again and again, and with this `prefetch` nothing else meanwhile."""
    queue = Queue(rabbitmq)
    bodies = [b"before", b"fail", b"\xff\xfe", b"x" * (MAX_EVENT_BYTES + 1), b"", b"after"]
    queue.publisher.publish_named([(f"m-{number}", body) for number, body in enumerate(bodies)])
    trigger = sluice.trigger(make_function(), "RABBITMQ", queue.settings(prefetch=1, metadata=True))
    sluice.until_ended(trigger, len(bodies))
    row = await_messages(sluice, trigger, witness, len(bodies) - 1)
    assert (row["received"], row["success"], row["failed"], row["discarded"], row["lag"]) == (6, 4, 1, 1, 0), row
    seen = sorted(text for _, texts in messages_of(witness) for text in texts)
    assert seen == sorted(["before", "fail", "data:application/octet-stream;base64,//4=", "", "after"])
    assert set(re.findall(r'"redeliveries":(\d+)', witness.file.read_text())) == {"0"}
    dead = [letter["failure"] for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert sorted(dead) == ["function_error", "refused"]


def test_a_message_too_large_is_a_dead_event_and_an_empty_one_is_called_with(
    sluice: Sluice, rabbitmq: RabbitMq, witness: Witness, make_function: MakeFunction
) -> None:
    queue = Queue(rabbitmq)
    queue.publisher.publish_named([("m-large", b"x" * (MAX_EVENT_BYTES + 1)), ("m-empty", b""), ("m-small", b"small")])
    queue.publisher.publish_named([("m-large", b"x" * (MAX_EVENT_BYTES + 1)), ("m-zeros", bytes(1 << 21) + b"\n")])
    trigger = sluice.trigger(make_function(), "RABBITMQ", queue.settings(batch_size=BATCH, prefetch=1))
    await_messages(sluice, trigger, witness, 2)
    deadline = time.monotonic() + WITHIN_S
    while (row := sluice.counts(trigger))["discarded"] < 2:  # the last one may have been taken from the queue and not have ended
        assert time.monotonic() < deadline, row
        time.sleep(0.05)
    assert (row["discarded"], row["success"] + row["discarded"], row["lag"]) == (2, row["received"], 0), row
    assert sorted(text for _, texts in messages_of(witness) for text in texts) == ["", "small"]
    dead = [letter for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert {letter["failure"] for letter in dead} == {"refused"}, dead


def test_the_example_does_what_its_page_says(sluice: Sluice, rabbitmq: RabbitMq, tmp_path: Path) -> None:
    """Its three commands, with this node's address and login."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "jobs")
    yaml = (folder / "sluice.yaml").read_text().replace("127.0.0.1:5672", rabbitmq.address)
    login = f"access_user: {rabbitmq.username}\n        access_password: {rabbitmq.password}"
    (folder / "sluice.yaml").write_text(yaml.replace("access_user: guest\n        access_password: guest", login))
    url = f"pika.URLParameters('amqp://{rabbitmq.username}:{rabbitmq.password}@{rabbitmq.address}/%2F')"
    page = (folder / "README.md").read_text().replace("BlockingConnection()", f"BlockingConnection({url.replace(chr(39), chr(34))})")
    typed = shell(sluice, folder)

    apply, publish, logs = commands(page)
    typed(apply)
    (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":jobs:" in row["function_urn"]]
    sluice.until_state(trigger, "running")
    for _ in range(2):
        typed(publish)
    deadline = time.monotonic() + WITHIN_S
    while len(told := re.findall(r"job job (\d+)", typed(logs))) < 120:
        assert time.monotonic() < deadline, told
    assert sorted(map(int, told)) == list(range(120))
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:jobs")


def test_what_a_filter_drops_is_acknowledged_and_counted(
    sluice: Sluice, rabbitmq: RabbitMq, witness: Witness, make_function: MakeFunction
) -> None:
    queue = Queue(rabbitmq)
    queue.publisher.publish_named([(f"m-{number}", b'{"n": %d, "odd": %d}' % (number, number % 2)) for number in range(400)])
    trigger = sluice.trigger(make_function(), "RABBITMQ", queue.settings(batch_size=BATCH, filter='{"odd": 1}'))
    await_messages(sluice, trigger, witness, 200)
    shown = f'sluice_records_filtered_total{{trigger="{trigger}"}} 200'
    deadline = time.monotonic() + WITHIN_S
    while sluice.counts(trigger)["filtered"] < 200 or shown not in sluice.get("/metrics")[1].decode():
        assert time.monotonic() < deadline, sluice.counts(trigger)["filtered"]
        time.sleep(0.1)
    assert sluice.counts(trigger)["filtered"] == 200
