"""Notifications of objects on their way to a real function, pushed and read from a queue, with everything killed on the way.

100,000 records go each of both ways. The queue is one of our own that speaks SQS' protocol: moto answers a hundred requests a second,
and forgets everything when it is killed. A message holds up to twenty records, as the protocol allows."""

import json
import re
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.event import MAX_EVENT_BYTES
from sluice.push import MAX_PUSH_BYTES
from tests.conformance.sqs_fake import FakeSqs
from tests.e2e.bursts import assert_small, begin_small
from tests.e2e.driver import PICKED_UP_S, Sluice, Witness
from tests.e2e.pushing import Pusher
from tests.e2e.records import assert_ran_again_after_kills_only, overlaps
from tests.e2e.shell import commands, shell
from tests.s3 import TEST_EVENT, told, whole
from tests.servers import Moto, free_port_run
from tests.sqs import Service

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "photos"
WITHIN_S = 60.0
TOKEN = "a token of some length"
RECORDS, BATCH = 100_000, 500
IN_A_MESSAGE = 20
BURST = 50_000
INSTANCES, EACH = 2, 16
KEY = re.compile(r'"key":"n-(\d+)"')

MakeFunction = Callable[..., str]


class Enough(Exception):
    """What was to be seen was seen."""


def numbered(numbers: range) -> bytes:
    """A notification of these."""
    return whole(*(told(f"n-{number}", sequencer=f"{number:016X}") for number in numbers))


def pushed(bucket: str, **more: object) -> dict[str, Any]:
    return {"bucket": bucket, "events": ["ObjectCreated"], "push_token": TOKEN, "batch_size": BATCH, **more}


def pusher(sluice: Sluice, trigger: str, batch: int = BATCH) -> Pusher:
    return Pusher(sluice, f"/sluice/v1/push/obs/{trigger}", numbered, batch=batch, headers={"Authorization": f"Bearer {TOKEN}"})


def kill(sluice: Sluice, what: str) -> None:
    """-9, and back."""
    if what == "everything":
        sluice.kill()
        sluice.start()
    else:
        sluice.kill_service(what)


def until(condition: Callable[[], object], said: Callable[[], object], within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, said()
        time.sleep(0.05)


def until_taken(push: Pusher, records: int) -> None:
    until(lambda: push.taken >= records, lambda: (push.taken, push.answers))


def keys_seen(witness: Witness) -> dict[int, set[str]]:
    """Which events each number came with."""
    by_number: dict[int, set[str]] = defaultdict(set)
    for event, _, body in witness.calls():
        for number in KEY.findall(body):
            by_number[int(number)].add(event)
    return by_number


def assert_all_came_once(sluice: Sluice, trigger: str, witness: Witness, records: int) -> None:
    until(lambda: sluice.counts(trigger)["open"] == 0 and len(keys_seen(witness)) >= records, lambda: sluice.counts(trigger))
    row, seen = sluice.counts(trigger), keys_seen(witness)
    assert row["received"] == row["success"], row
    assert set(seen) == set(range(records)), "lost"
    assert not [number for number, events in seen.items() if len(events) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert_ran_again_after_kills_only(sluice, witness)


@pytest.mark.timeout(300)
def test_what_is_pushed_is_accepted_once_while_everything_is_killed(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH), "OBS", pushed("photos"))
    sluice.until_state(trigger, "running")
    push = pusher(sluice, trigger)
    killed = ["obs", "gateway", "dispatcher"] if sluice.mesh else ["everything"]
    with push.sending(RECORDS):
        for at, what in enumerate(killed, 1):
            until_taken(push, RECORDS * at // (len(killed) + 1))
            kill(sluice, what)
    assert_all_came_once(sluice, trigger, witness, RECORDS)


@pytest.fixture
def queue() -> Iterator[FakeSqs]:
    service = FakeSqs(free_port_run(1))
    service.start()
    yield service
    service.kill()


def fill(queue: FakeSqs, records: int, in_a_message: int = IN_A_MESSAGE) -> None:
    starts = range(0, records, in_a_message)
    queue.send_all(numbered(range(start, min(records, start + in_a_message))).decode() for start in starts)


@pytest.mark.timeout(300)
def test_what_waits_in_a_queue_is_accepted_once_while_everything_is_killed(
    sluice: Sluice, queue: FakeSqs, witness: Witness, make_function: MakeFunction
) -> None:
    fill(queue, RECORDS)
    settings = queue.settings(batch_size=BATCH, prefetch=50, max_pending=8)
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH, delay_ms=100), "OBS", settings)
    killed = ["obs", "dispatcher", "runner", "queue"] if sluice.mesh else ["everything", "queue"]
    messages = queue.left
    for at, what in enumerate(killed, 1):
        until(lambda: queue.left <= messages - messages * at // (len(killed) + 1), lambda: (queue.left, sluice.counts(trigger)))  # noqa: B023 - at once
        if what == "queue":
            queue.kill()
            until(lambda: queue.endpoint in sluice.row(trigger)["reason"], lambda: sluice.row(trigger))
            queue.start()
        else:
            kill(sluice, what)
    assert_all_came_once(sluice, trigger, witness, RECORDS)
    until(lambda: queue.left == 0, lambda: queue.left)


def test_a_bucket_notifies_through_a_real_queue(sluice: Sluice, moto: Moto, witness: Witness, make_function: MakeFunction) -> None:
    service, name = Service(moto), f"photos-{secrets.token_hex(4)}"
    url = service.queue()
    service.bucket(name)
    keys = {"access_key": moto.access_key, "secret_key": moto.secret_key, "region": moto.region}
    place = {"bucket": name, "queue_url": url, "visibility_timeout": 5, "configure": True}
    trigger = sluice.trigger(make_function(), "OBS", {**keys, **place, "events": ["Put"], "prefix": "n-"})
    sluice.until_state(trigger, "running")
    for number in range(40):
        service.put(name, f"n-{number}")
        if number == 20:
            kill(sluice, "obs" if sluice.mesh else "everything")
    assert_all_came_once(sluice, trigger, witness, 40)
    until(lambda: service.left(url) == 0, lambda: service.left(url))


@pytest.mark.timeout(300)
def test_messages_that_are_no_notifications_block_nothing(
    sluice: Sluice, queue: FakeSqs, witness: Witness, make_function: MakeFunction
) -> None:
    poison = ["hello", "{}", "[" * 100_000, "\ufffd\ud7ff", json.dumps({"Records": [{"eventName": 1}]}), "x" * 200_000]
    queue.send_all(poison[:3])
    queue.send_all([TEST_EVENT.decode(), *poison[3:5]])
    queue.send_all(poison[5:])
    fill(queue, 3, 1)
    trigger = sluice.trigger(make_function(), "OBS", queue.settings(prefetch=1))
    assert_all_came_once(sluice, trigger, witness, 3)
    until(lambda: queue.left == 0, lambda: queue.left)
    assert b'"thrown_away": true' in sluice.log.read_bytes() or b"thrown_away=True" in sluice.log.read_bytes()


def test_an_object_that_the_function_fails_on_holds_up_no_other_and_its_message_is_gone(
    sluice: Sluice, queue: FakeSqs, witness: Witness, make_function: MakeFunction
) -> None:
    queue.send_all(whole(*map(told, keys)).decode() for keys in (["n-0"], ["n-1", "fail-1", "n-2"], ["fail-2"], ["n-3"]))
    trigger = sluice.trigger(make_function(), "OBS", queue.settings(prefetch=1))
    row = sluice.until_ended(trigger, 6)
    assert (row["received"], row["success"], row["failed"]) == (6, 4, 2), row
    assert set(keys_seen(witness)) == set(range(4))
    assert len(witness.calls()) == 6, "once each"
    until(lambda: queue.left == 0, lambda: queue.left)
    dead = [letter["failure"] for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert dead == ["function_error"] * 2


def test_a_key_as_long_as_a_message_can_hold_is_called_with(sluice: Sluice, queue: FakeSqs, make_function: MakeFunction) -> None:
    queue.send_all([whole(told("x" * 240_000)).decode()])
    fill(queue, 5, 1)
    trigger = sluice.trigger(make_function(), "OBS", queue.settings())
    row = sluice.until_ended(trigger, 6)
    assert (row["received"], row["success"]) == (6, 6), row


def test_a_record_too_large_for_an_event_is_a_dead_one_and_holds_up_no_other(sluice: Sluice, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(), "OBS", pushed("photos"))
    sluice.until_state(trigger, "running")
    path, bearer = f"/sluice/v1/push/obs/{trigger}", {"Authorization": f"Bearer {TOKEN}"}
    large = whole(told("x" * (MAX_EVENT_BYTES + 1)), told("small"))
    assert sluice.send("POST", path, large, signed=False, headers=bearer)[0] == 400
    row = sluice.until_ended(trigger, 2)
    assert (row["success"], row["discarded"]) == (1, 1), row
    for body in (b"", b"\xff\xfe", b"{}"):
        assert sluice.send("POST", path, body, signed=False, headers=bearer)[0] == 400
    assert sluice.send("POST", path, bytes(MAX_PUSH_BYTES + 1), signed=False, headers=bearer)[0] == 413


def test_a_burst_stays_in_the_queue_while_the_function_takes_none(sluice: Sluice, queue: FakeSqs, make_function: MakeFunction) -> None:
    begin_small(sluice)
    fill(queue, BURST, 1)
    trigger = sluice.trigger(make_function(instances=1, each=1, delay_ms=600_000), "OBS", queue.settings(max_pending=50, prefetch=5))
    until(lambda: sluice.counts(trigger)["open"] >= 50, lambda: sluice.counts(trigger))
    until(lambda: sluice.counts(trigger)["lag"] > 0, lambda: sluice.counts(trigger))
    assert queue.left >= BURST - 50 - 5
    assert sluice.counts(trigger)["open"] <= 50
    assert_small(sluice)


def test_a_sender_of_a_burst_is_told_to_wait_while_the_function_takes_none(sluice: Sluice, make_function: MakeFunction) -> None:
    begin_small(sluice)
    settings = pushed("photos", batch_size=1, max_pending=50)
    trigger = sluice.trigger(make_function(instances=1, each=1, delay_ms=600_000), "OBS", settings)
    sluice.until_state(trigger, "running")
    push = pusher(sluice, trigger)

    def is_held_back() -> None:
        until(lambda: push.answers[429] >= 20, lambda: push.answers)
        assert sluice.counts(trigger)["open"] <= 50
        assert_small(sluice)
        raise Enough

    with pytest.raises(Enough), push.sending(BURST):
        is_held_back()


def test_what_a_trigger_is_not_for_is_confirmed_and_counted(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    name = f"photos-{secrets.token_hex(4)}"
    trigger = sluice.trigger(make_function(), "OBS", pushed(name, prefix="in/", suffix=".png", batch_size=1))
    sluice.until_state(trigger, "running")
    sent = [told("in%2Fa+b.png", bucket=name), told("in%2Fa.txt", bucket=name), told("out%2Fa.png", bucket=name), told("in%2Fb.png")]
    gone = told("in%2Fc.png", "ObjectRemoved:Delete", bucket=name)
    path = f"/sluice/v1/{sluice.project}/publish/obs/{name}"
    assert sluice.send("POST", path, whole(*sent, gone))[0] == 202
    assert sluice.send("POST", path, whole(sent[0]))[0] == 202, "the same again"
    sluice.until_ended(trigger, 1)
    until(lambda: sluice.counts(trigger)["filtered"] == 4, lambda: sluice.counts(trigger))
    assert [json.loads(body)["Records"][0]["s3"]["object"]["key"] for _, _, body in witness.calls()] == ["in%2Fa%20b.png"]
    assert sluice.counts(trigger)["received"] == 1


def test_a_changed_token_counts_at_once_and_for_this_trigger_alone(sluice: Sluice, make_function: MakeFunction) -> None:
    urn = make_function()
    name = f"photos-{secrets.token_hex(4)}"
    trigger, other = (sluice.trigger(urn, "OBS", pushed(name, prefix=prefix, batch_size=1)) for prefix in ("a", "b"))
    for one in (trigger, other):
        sluice.until_state(one, "running")

    def status(to: str, token: str) -> int:
        return sluice.send("POST", f"/sluice/v1/push/obs/{to}", whole(), signed=False, headers={"Authorization": f"Bearer {token}"})[0]

    assert (status(trigger, TOKEN), status(other, TOKEN)) == (202, 202)
    sluice.api("PUT", f"/fgs/triggers/{urn}/OBS/{trigger}", {"event_data": pushed(name, prefix="a", batch_size=1, push_token="new")})
    until(lambda: status(trigger, "new") == 202, lambda: status(trigger, "new"), PICKED_UP_S)
    assert (status(trigger, TOKEN), status(other, TOKEN)) == (401, 202)


def test_the_example_does_what_its_page_says(sluice: Sluice, tmp_path: Path) -> None:
    """Its three commands."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "photos")
    typed = shell(sluice, folder)

    apply, notify, logs = commands((folder / "README.md").read_text())
    typed(apply)
    (trigger,) = [row["trigger_id"] for row in sluice.ours("/triggers")["triggers"] if ":photos:" in row["function_urn"]]
    sluice.until_state(trigger, "running")
    typed(notify)
    deadline = time.monotonic() + WITHIN_S
    while len(lines := re.findall(r"ObjectCreated:Put (\S.*?) (\d+)$", told_by := typed(logs), re.MULTILINE)) < 2:
        assert time.monotonic() < deadline, told_by
    assert sorted(lines) == [("in/a dog.png", "12"), ("in/cat.png", "10")]
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:photos")
