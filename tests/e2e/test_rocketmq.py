"""Messages from RocketMQ to a real function in batches, with everything killed on the way, and the sums.

100,000 come from a real server, and as many from a proxy in memory that speaks its protocol and has them all at once.
"""

import json
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

from sluice.event import MAX_EVENT_BYTES
from tests.e2e.bursts import assert_small, begin_small
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.records import overlaps
from tests.e2e.shell import commands, shell
from tests.rocketmq import Sent, Topic, set_key
from tests.rocketmq_proxy import MemoryProxy
from tests.servers import RocketMq

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "payments"
MESSAGES = 100_000
BURST = 50_000
CHUNK = 500
A_SECOND = 5_000
"""Published, as long as the server is there."""
WITHIN_S = 90.0
INSTANCES, EACH = 2, 16
IN_FLIGHT = {"everything": INSTANCES * EACH + 64, "runner": INSTANCES * EACH}
"""Calls that may run twice after a kill. The dispatcher's kill ends none: results wait for whoever comes after it."""

MakeFunction = Callable[..., str]


class Numbered:
    """A topic of its own with numbered messages in it; the number is in the message's id, and its body."""

    def __init__(self, rocketmq: RocketMq, *, queues: int = 4, ordered: bool = False) -> None:
        self._rocketmq = rocketmq
        self.topic = Topic(rocketmq, queues=queues, ordered=ordered)
        self.sent = 0

    def settings(self, **more: object) -> dict[str, object]:
        server = self._rocketmq
        keys = {"enable_acl": True, "access_key": server.access_key, "secret_key": server.secret_key}
        where = {"endpoints": server.address, "topic": self.topic.name, "consumer_group": self.topic.group, "invisible_s": 10}
        return {**keys, **where, **more}

    def send(self, count: int) -> None:
        """Published and confirmed; again until they are, if the server goes away."""
        messages = [Sent(b"%d" % number, id=f"{self.topic.name}-{number}") for number in range(self.sent, self.sent + count)]
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                self.topic.send(messages)
                break
            except (OSError, AssertionError):  # away, or only half there again
                assert time.monotonic() < deadline, "the server does not come back"
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
    """Until so many different messages were seen, and nothing is open."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        row = sluice.counts(trigger)
        if row["open"] == 0 and len({one for _, its in messages_of(witness) for one in its}) >= number:
            return row
        assert time.monotonic() < deadline, (row, len({one for _, its in messages_of(witness) for one in its}))
        time.sleep(0.5)


def await_more_events(sluice: Sluice, trigger: str) -> None:
    """It works, and is in the middle of it."""
    before = sluice.counts(trigger)["received"]
    deadline = time.monotonic() + WITHIN_S
    while sluice.counts(trigger)["received"] < before + 10:
        assert time.monotonic() < deadline, sluice.log.read_text()[-3000:]
        time.sleep(0.02)


def assert_the_sums_are_right(witness: Witness, sent: int, batch: int, most_twice: int) -> None:
    by_number: dict[int, set[str]] = defaultdict(set)
    for event, messages in messages_of(witness):
        assert len(messages) <= batch
        for number in messages:
            by_number[int(number)].add(event)
    assert set(by_number) == set(range(sent)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert witness.repeated() <= most_twice, "run twice"


@pytest.mark.timeout(300)
def test_messages_in_batches_are_accepted_once_while_everything_is_killed(
    sluice: Sluice, rocketmq: RocketMq, witness: Witness, make_function: MakeFunction
) -> None:
    numbered, batch = Numbered(rocketmq), 50
    settings = numbered.settings(batch_size=batch, linger=0.02, prefetch=400)
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH, delay_ms=20), "ROCKETMQ", settings)
    killed = ["rocketmq", "dispatcher", "runner", "server"] if sluice.mesh else ["everything", "server"]
    with numbered.sending(MESSAGES):
        for what in killed:
            await_more_events(sluice, trigger)
            kill(sluice, what, rocketmq.kill, rocketmq.start)
    row = await_messages(sluice, trigger, witness, MESSAGES)
    assert row["received"] == row["success"], row
    assert_the_sums_are_right(witness, MESSAGES, batch, sum(IN_FLIGHT.get(what, 0) for what in killed))


def kill(sluice: Sluice, what: str, stop: Callable[[], None], start: Callable[[], None]) -> None:
    """-9, and back."""
    if what == "server":
        stop()
        start()
    elif what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


@pytest.fixture
def memory() -> Iterator[MemoryProxy]:
    proxy = MemoryProxy()
    proxy.start()
    yield proxy
    proxy.stop()


def memory_settings(proxy: MemoryProxy, **more: object) -> dict[str, object]:
    return {"endpoints": proxy.address, "topic": proxy.topic, "invisible_s": 10, **more}


@pytest.mark.timeout(300)
def test_a_hundred_thousand_messages_are_accepted_once_while_everything_is_killed(
    sluice: Sluice, memory: MemoryProxy, witness: Witness, make_function: MakeFunction
) -> None:
    batch = 250
    memory.publish(*(b"%d" % number for number in range(MESSAGES)))
    settings = memory_settings(memory, batch_size=batch, linger=0.05, prefetch=2_000)
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH), "ROCKETMQ", settings)
    killed = ["rocketmq", "dispatcher", "runner", "server"] if sluice.mesh else ["everything", "server"]
    for what in killed:
        await_more_events(sluice, trigger)
        kill(sluice, what, memory.stop, memory.start)
    row = await_messages(sluice, trigger, witness, MESSAGES)
    assert row["received"] == row["success"], row
    assert_the_sums_are_right(witness, MESSAGES, batch, sum(IN_FLIGHT.get(what, 0) for what in killed))
    deadline = time.monotonic() + WITHIN_S
    while memory.left:
        assert time.monotonic() < deadline, memory.left
        time.sleep(0.05)


def test_a_poison_message_blocks_no_other_and_strange_ones_arrive(
    sluice: Sluice, rocketmq: RocketMq, witness: Witness, make_function: MakeFunction
) -> None:
    numbered = Numbered(rocketmq)
    strange = [b"fail", b"\xff\xfe", b"small", bytes(1 << 21) + b"\n"]
    numbered.topic.send([Sent(body, id=f"{numbered.topic.name}-{at}") for at, body in enumerate(strange)])
    trigger = sluice.trigger(make_function(), "ROCKETMQ", numbered.settings())
    await_messages(sluice, trigger, witness, 3)
    numbered.topic.publish(b"after")
    row = await_messages(sluice, trigger, witness, 4)
    seen = sorted({text for _, texts in messages_of(witness) for text in texts})
    assert seen == sorted(["fail", "data:application/octet-stream;base64,//4=", "small", "after"])
    assert (row["failed"], row["discarded"], row["success"]) == (1, 1, 3), row
    dead = [letter for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert {letter["failure"] for letter in dead} >= {"refused"}, dead


def test_a_message_too_large_is_a_dead_event_and_an_empty_one_is_called_with(
    sluice: Sluice, memory: MemoryProxy, witness: Witness, make_function: MakeFunction
) -> None:
    """The real server takes neither."""
    memory.publish(b"x" * (MAX_EVENT_BYTES + 1), b"", b"small")
    trigger = sluice.trigger(make_function(), "ROCKETMQ", memory_settings(memory))
    await_messages(sluice, trigger, witness, 2)
    row = sluice.until_ended(trigger, 3)
    assert (row["discarded"], row["success"]) == (1, 2), row
    assert sorted(text for _, texts in messages_of(witness) for text in texts) == ["", "small"]


def test_a_burst_stays_in_the_topic_while_the_function_takes_nothing(
    sluice: Sluice, memory: MemoryProxy, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    most_pending, prefetch = 2_000, 400
    memory.publish(*(b"%d" % number + b"." * 1000 for number in range(BURST)))
    settings = memory_settings(memory, prefetch=prefetch, max_pending=most_pending)
    trigger = sluice.trigger(make_function(instances=1, each=1, delay_ms=20_000), "ROCKETMQ", settings)
    deadline = time.monotonic() + WITHIN_S
    while sluice.counts(trigger)["received"] < most_pending:
        assert time.monotonic() < deadline, sluice.counts(trigger)
        time.sleep(0.1)
    renewed = memory.calls["ChangeInvisibleDuration"]
    while memory.calls["ChangeInvisibleDuration"] < renewed + 2 * prefetch:  # twice for as long as it may be kept from others
        assert time.monotonic() < deadline, memory.calls
        time.sleep(0.1)
    assert_small(sluice)
    assert memory.left >= BURST - most_pending - prefetch
    assert memory.given - memory.acknowledged <= prefetch
    assert sluice.counts(trigger)["received"] <= most_pending + 1


def test_messages_of_a_group_are_called_with_in_their_order(
    sluice: Sluice, rocketmq: RocketMq, witness: Witness, make_function: MakeFunction
) -> None:
    groups, each = 3, 200
    numbered = Numbered(rocketmq, queues=2, ordered=True)
    trigger = sluice.trigger(make_function(delay_ms=2), "ROCKETMQ", numbered.settings(ordering="key"))
    numbered.topic.send([Sent(b"%d-%d" % (number % groups, number), group=f"g{number % groups}") for number in range(groups * each)])
    await_more_events(sluice, trigger)
    kill(sluice, "rocketmq" if sluice.mesh else "everything", rocketmq.kill, rocketmq.start)
    await_messages(sluice, trigger, witness, groups * each)
    first = list(dict.fromkeys(text for _, texts in messages_of(witness) for text in texts))
    for group in range(groups):
        own = [int(text.split("-")[1]) for text in first if text.startswith(f"{group}-")]
        assert own == list(range(group, groups * each, groups))


def test_a_changed_secret_is_used_at_once_by_that_trigger_alone(
    sluice: Sluice, rocketmq: RocketMq, witness: Witness, make_function: MakeFunction
) -> None:
    numbered, key = Numbered(rocketmq), f"key-{secrets.token_hex(4)}"
    set_key(rocketmq, key, "first-secret")
    urn = make_function()
    settings = numbered.settings(access_key=key, secret_key="first-secret")
    trigger = sluice.trigger(urn, "ROCKETMQ", settings)
    sluice.until_state(trigger, "running")
    set_key(rocketmq, key, "second-secret")
    sluice.until_state(trigger, "error", WITHIN_S)
    sluice.api("PUT", f"/fgs/triggers/{urn}:latest/ROCKETMQ/{trigger}", {"event_data": {**settings, "secret_key": "second-secret"}})
    sluice.until_state(trigger, "running", PICKED_UP_S)
    numbered.send(1)
    await_messages(sluice, trigger, witness, 1)


def test_the_example_does_what_its_page_says(sluice: Sluice, rocketmq: RocketMq, tmp_path: Path) -> None:
    """Its three commands, with this server's address, keys and topic."""
    folder, topic = shutil.copytree(EXAMPLE, tmp_path / "payments"), Topic(rocketmq)
    for name in ("sluice.yaml", "send.py"):
        text = (folder / name).read_text().replace("127.0.0.1:8081", rocketmq.address)
        for there, here in (
            ("topic: payments", f"topic: {topic.name}"),
            ('"payments"', f'"{topic.name}"'),
            ("group: payments", f"group: {topic.group}"),
        ):
            text = text.replace(there, here)
        (folder / name).write_text(text)
    # RocketMQ's client makes a folder in the home.
    typed = shell(sluice, folder, {"HOME": str(tmp_path)})

    apply, send, logs = commands((folder / "README.md").read_text())
    typed(apply)
    (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":payments:" in row["function_urn"]]
    sluice.until_state(trigger, "running", WITHIN_S)
    typed(send)
    deadline = time.monotonic() + WITHIN_S
    while len(told := re.findall(r"booked payment (\d+)", typed(logs))) < 120:
        assert time.monotonic() < deadline, told
    assert sorted(map(int, told)) == list(range(120))
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:payments")


def test_what_a_filter_drops_is_acknowledged_and_counted(
    sluice: Sluice, memory: MemoryProxy, witness: Witness, make_function: MakeFunction
) -> None:
    memory.publish(*(b'{"n": %d, "odd": %d}' % (number, number % 2) for number in range(400)))
    trigger = sluice.trigger(make_function(), "ROCKETMQ", memory_settings(memory, batch_size=50, filter='{"odd": 1}'))
    await_messages(sluice, trigger, witness, 200)
    deadline = time.monotonic() + WITHIN_S
    while memory.left or sluice.counts(trigger)["filtered"] < 200:
        assert time.monotonic() < deadline, (memory.left, sluice.counts(trigger))
        time.sleep(0.1)
    assert sluice.counts(trigger)["filtered"] == 200
