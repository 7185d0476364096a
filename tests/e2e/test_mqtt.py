"""Messages from a real MQTT server to a real function, with everything killed on the way, and the sums."""

import json
import os
import re
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sluice.event import MAX_EVENT_BYTES
from tests.e2e.bursts import assert_small, await_open, begin_small, set_instances
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.records import assert_ran_again_after_kills_only, overlaps
from tests.e2e.shell import commands, shell
from tests.mqtt import Publisher, answered, connections
from tests.servers import Mosquitto, free_port_run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = Path("examples") / "devices"
MESSAGES = 100_000
BURST = 50_000
BATCH = 25
CHUNK = 500
A_SECOND = 5_000
"""Published, as long as the server is there."""
WITHIN_S = 90.0
INTERRUPTIONS = 4
"""Ends of a connection: the kills of what reads, of the ledger and of the server, and one more where what is started again gets to know its
trigger anew."""
TOPICS = 10
"""Where nothing names the messages each has a trigger of its own with one message under way, which may come twice at each interruption. To
a session with more this server sends more than `receive maximum` allows."""
MOST_TWICE = TOPICS * INTERRUPTIONS
assert MOST_TWICE <= MESSAGES // 1000
INSTANCES, EACH = 2, 16
NUMBER = re.compile(r'"content":"?(\d+)')

MakeFunction = Callable[..., str]


@pytest.fixture(scope="module")
def roomy(mosquitto: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A server of the module's own that saves its store every second or two, not a long queue anew at every change."""
    server = Mosquitto(tmp_path_factory.mktemp("roomy"), saved_every_s=1)
    server.start()
    yield server
    server.kill()


class Numbered:
    """Topics of its own with numbered messages in turn; the number is the beginning of the payload and, where they are named, the id."""

    def __init__(self, mosquitto: Mosquitto, *, named: bool = True, padding: bytes = b"") -> None:
        self.topic = f"numbers/{secrets.token_hex(4)}"
        self.publisher = Publisher(mosquitto)
        self.sent = 0
        self.held = threading.Lock()
        """Nothing is published while somebody has it."""
        self._mosquitto = mosquitto
        self._named = named
        self._padding = padding
        self._acknowledged: list[tuple[int, int]] = []

    def settings(self, **more: object) -> dict[str, object]:
        login = {"access_user": self._mosquitto.username, "access_password": self._mosquitto.password}
        naming = {"id_property": "id"} if self._named else {}
        return {"connect_address": self._mosquitto.address, "topics": [f"{self.topic}/#"], **login, **naming, **more}

    def send(self, count: int) -> None:
        """Published in quality 1 and acknowledged; again until they are, if the server goes away."""
        publish = self.publisher.publish_named if self._named else self.publisher.publish_all
        deadline = time.monotonic() + WITHIN_S
        while True:
            try:
                publish(self._message(number) for number in range(self.sent, self.sent + count))
                break
            except OSError:
                assert time.monotonic() < deadline, "the server does not come back"
                time.sleep(0.2)
        self.sent += count
        self._acknowledged.append((time.time_ns(), self.sent))

    def _message(self, number: int) -> tuple[str, bytes]:
        return f"{self.topic}/{number % TOPICS}", b"%d" % number + self._padding

    def go_back(self, saved_ns: int) -> None:
        """The server forgot what it had acknowledged after that moment: all of it is to be sent once more."""
        with self.held:
            self.sent = max((sent for at, sent in self._acknowledged if at < saved_ns), default=0)

    @contextmanager
    def sending(self, messages: int) -> Iterator[None]:
        """From a thread of its own; all are acknowledged at the end."""
        thread = threading.Thread(target=self._send_all, args=(messages,))
        thread.start()
        try:
            yield
        finally:
            thread.join(2 * WITHIN_S)
        self._send_all(messages)  # it may have been done before it had to go back

    def _send_all(self, messages: int) -> None:
        while self.sent < messages:
            began = time.monotonic()
            with self.held:
                self.send(CHUNK)
            time.sleep(max(0.01, began + CHUNK / A_SECOND - time.monotonic()))


def numbers_of(witness: Witness) -> Counter[int]:
    """How often each number was accepted. A call that ran again is no other event."""
    bodies = {event: body for event, _, body in witness.calls()}
    return Counter(int(number) for body in bodies.values() for number in NUMBER.findall(body))


def counted(sluice: Sluice, triggers: list[str], what: str) -> int:
    """Of all of them together."""
    return sum(sluice.counts(trigger)[what] for trigger in triggers)


def await_numbers(sluice: Sluice, triggers: list[str], witness: Witness, number: int) -> None:
    """Until nothing more comes, nothing is open, and so many different messages were seen; to count those takes a while."""
    deadline, received = time.monotonic() + WITHIN_S, -1
    while True:
        before, received = received, counted(sluice, triggers, "received")
        if received == before and not counted(sluice, triggers, "open") and len(numbers_of(witness)) >= number:
            return
        assert time.monotonic() < deadline, (received, len(numbers_of(witness)))
        time.sleep(0.5)


def await_more_events(sluice: Sluice, triggers: list[str]) -> None:
    """They work, and are in the middle of it."""
    before, deadline = counted(sluice, triggers, "received"), time.monotonic() + WITHIN_S
    while counted(sluice, triggers, "received") < before + 10:
        assert time.monotonic() < deadline, sluice.log.read_text()[-3000:]
        time.sleep(0.02)


def await_saved(mosquitto: Mosquitto) -> None:
    """Until the server has saved what it knows now."""
    now, deadline = time.time_ns(), time.monotonic() + WITHIN_S
    while mosquitto.saved_ns <= now:
        assert time.monotonic() < deadline, "the server saves nothing"
        time.sleep(0.05)


def kill(sluice: Sluice, what: str) -> None:
    """-9, and back."""
    if what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


def kill_server(mosquitto: Mosquitto, numbered: Numbered) -> None:
    """-9, and back. What it had acknowledged and not saved is lost, and its publisher's to send again."""
    mosquitto.kill()
    saved_ns = mosquitto.saved_ns
    mosquitto.start()
    numbered.go_back(saved_ns)


def restart_server(mosquitto: Mosquitto, numbered: Numbered) -> None:
    """It saves everything before it ends. Nobody publishes meanwhile: what a publisher sends twice comes twice."""
    with numbered.held:
        mosquitto.stop()
        mosquitto.start()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("named", [True, False])
def test_no_message_is_lost_while_everything_is_killed(
    sluice: Sluice, roomy: Mosquitto, witness: Witness, make_function: MakeFunction, named: bool
) -> None:
    """With ids the server too is killed with -9, and gives out again what had been acknowledged to it since it last saved its store: none
    of that is accepted twice. Without ids that would be a second's messages, so that it is told to end, and saves them."""
    numbered, urn = Numbered(roomy, named=named), make_function(instances=INSTANCES, each=EACH)
    together = [numbered.settings(batch_size=BATCH, prefetch=400)]
    alone = [numbered.settings(topics=[f"{numbered.topic}/{at}"], prefetch=1) for at in range(TOPICS)]
    triggers = [sluice.trigger(urn, "IOTDA", each) for each in (together if named else alone)]
    for trigger in triggers:
        sluice.until_state(trigger, "running")
    await_saved(roomy)
    killed = ["mqtt", "dispatcher", "runner"] if sluice.mesh else ["everything"]
    with numbered.sending(MESSAGES):
        for what in killed:
            await_more_events(sluice, triggers)
            kill(sluice, what)
        await_more_events(sluice, triggers)
        (kill_server if named else restart_server)(roomy, numbered)
    await_numbers(sluice, triggers, witness, MESSAGES)
    assert counted(sluice, triggers, "received") == counted(sluice, triggers, "success")
    seen = numbers_of(witness)
    assert seen.keys() == set(range(MESSAGES)), "lost"
    assert seen.total() - MESSAGES <= (0 if named else MOST_TWICE), "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert_ran_again_after_kills_only(sluice, witness)


@pytest.mark.timeout(300)
def test_a_burst_stays_at_the_server_while_the_function_takes_nothing(
    sluice: Sluice, roomy: Mosquitto, witness: Witness, make_function: MakeFunction
) -> None:
    """Not more than `max_pending` is taken in: 200, and when that is changed, 2,000."""
    begin_small(sluice)
    numbered = Numbered(roomy, padding=b"." * 1000)
    urn = make_function(instances=0)
    trigger = sluice.trigger(urn, "IOTDA", numbered.settings(max_pending=200))
    sluice.until_state(trigger, "running")
    numbered.send(BURST)
    await_open(sluice, trigger, 200)
    assert answered(roomy, f"sluice-{trigger}") == 200
    sluice.api("PUT", f"/fgs/triggers/{urn}:latest/IOTDA/{trigger}", {"event_data": numbered.settings(max_pending=2_000, prefetch=1_000)})
    await_open(sluice, trigger, 2_000)
    assert answered(roomy, f"sluice-{trigger}") == 2_000
    assert_small(sluice)
    set_instances(sluice, urn, INSTANCES)
    row = sluice.until_ended(trigger, BURST, 4 * WITHIN_S)
    assert (row["received"], row["success"]) == (BURST, BURST), row
    assert numbers_of(witness) == Counter(range(BURST))
    assert_small(sluice)


def test_a_poison_message_blocks_no_other_and_strange_ones_arrive(
    sluice: Sluice, mosquitto: Mosquitto, witness: Witness, make_function: MakeFunction
) -> None:
    numbered = Numbered(mosquitto, named=False)
    trigger = sluice.trigger(make_function(), "IOTDA", numbered.settings(prefetch=1))
    sluice.until_state(trigger, "running")
    large = [b"x" * (MAX_EVENT_BYTES + 1), bytes(1 << 21) + b"\n"]  # as it is, and only once it is JSON
    numbered.publisher.publish(f"{numbered.topic}/a", b"fail", b"\xff\xfe", large[0], b"", large[1], b'{"deep": [1]}', b"after")
    row = sluice.until_ended(trigger, 7)
    assert (row["received"], row["failed"], row["discarded"], row["success"]) == (7, 1, 2, 4), row
    contents = [json.loads(body)["notify_data"]["body"]["content"] for _, _, body in witness.calls()]
    assert contents == ["fail", "data:application/octet-stream;base64,//4=", "", {"deep": [1]}, "after"]
    dead = [letter["failure"] for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert sorted(dead) == ["function_error", "refused", "refused"]


def test_a_changed_password_is_used_at_once_by_that_trigger_alone(
    sluice: Sluice, mosquitto: Mosquitto, witness: Witness, make_function: MakeFunction
) -> None:
    user, numbered, other = f"user-{secrets.token_hex(4)}", Numbered(mosquitto), Numbered(mosquitto)
    mosquitto.set_password(user, "first-password")
    urn, process = make_function(), sluice.pid("mqtt") if sluice.mesh else 0
    settings = numbered.settings(access_user=user, access_password="first-password")
    trigger, bystander = sluice.trigger(urn, "IOTDA", settings), sluice.trigger(urn, "IOTDA", other.settings())
    for each in (trigger, bystander):
        sluice.until_state(each, "running")
    mosquitto.set_password(user, "second-password")
    row = sluice.until_state(trigger, "error")
    assert "not authorized" in row["reason"]
    assert "first-password" not in json.dumps(row)
    numbered.send(10)  # while it is away
    changed = {"event_data": {**settings, "access_password": "second-password"}}
    sluice.api("PUT", f"/fgs/triggers/{urn}:latest/IOTDA/{trigger}", changed)
    sluice.until_state(trigger, "running", PICKED_UP_S)
    other.send(10)
    for each in (trigger, bystander):
        assert sluice.until_ended(each, 10)["success"] == 10
    assert connections(mosquitto, f"sluice-{bystander}") == 1
    assert not sluice.mesh or sluice.pid("mqtt") == process


def test_the_example_does_what_its_page_says(sluice: Sluice, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Its four commands, with a server of their own at another port: `mosquitto` is asked for because there is none where it is missing."""
    port = free_port_run(2)
    folder = shutil.copytree(ROOT / EXAMPLE, tmp_path / EXAMPLE)
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    settings = folder / "sluice.yaml"
    settings.write_text(settings.read_text().replace("127.0.0.1:1883", f"127.0.0.1:{port}"))
    typed = shell(sluice, tmp_path, {"OWNER": str(os.getpid())})

    start, apply, publish, logs = commands((folder / "README.md").read_text().replace("1883", str(port)))
    typed(start)
    try:
        typed(apply)
        (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":devices:" in row["function_urn"]]
        sluice.until_state(trigger, "running")
        typed(publish)
        deadline = time.monotonic() + WITHIN_S
        while 'kitchen device.property:report {"level": 80}' not in (told := typed(logs)):
            assert time.monotonic() < deadline, told
        sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:devices")
    finally:
        typed(start.replace(f" start .sluice-mqtt {port}", " stop .sluice-mqtt"))
