"""Traces on their way to a real function: Sluice's own, and pushed ones with everything killed on the way."""

import json
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.event import MAX_EVENT_BYTES
from sluice.push import MAX_PUSH_BYTES
from tests.e2e.bursts import assert_small, begin_small
from tests.e2e.driver import FUNCTIONS, PICKED_UP_S, Sluice, Witness
from tests.e2e.pushing import Pusher
from tests.e2e.records import assert_ran_again_after_kills_only, overlaps
from tests.e2e.shell import commands, shell

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "audit"
WITHIN_S = 60.0
TOKEN = "a token of some length"
TRACES, BATCH = 100_000, 500
BURST = 50_000
INSTANCES, EACH = 2, 32
NUMBER = re.compile(r'"trace_id":"n-(\d+)"')

MakeFunction = Callable[..., str]


class Enough(Exception):
    """What was to be seen was seen."""


def traces(numbers: range) -> bytes:
    return json.dumps([trace(number) for number in numbers]).encode()


def trace(number: int, service: str = "shop") -> dict[str, object]:
    of = {"service_type": service, "resource_type": "order", "trace_name": "place", "trace_id": f"n-{number}"}
    return {"time": 1772432000, "record_time": 1772432000, **of}


def settings(*operations: str, **more: object) -> dict[str, object]:
    return {"name": "orders", "operations": list(operations), "push_token": TOKEN, **more}


def pusher(sluice: Sluice, trigger: str, batch: int = BATCH) -> Pusher:
    return Pusher(sluice, f"/sluice/v1/push/cts/{trigger}", traces, batch=batch, headers={"Authorization": f"Bearer {TOKEN}"})


def await_seen(witness: Witness, number: int) -> None:
    deadline = time.monotonic() + 3 * WITHIN_S
    while (seen := witness.file.read_bytes().count(b"\nend ")) < number:
        assert time.monotonic() < deadline, f"{seen} of {number} calls"
        time.sleep(0.2)


def test_what_the_api_is_asked_to_change_becomes_events(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    """Also what was asked while everything was being killed."""
    trigger = sluice.trigger(make_function(), "CTS", settings("FunctionGraph:functions:create_function;delete_function"))
    urns = []
    for number in range(6):
        urns.append(sluice.function(f"audited-{trigger[:8]}-{number}", FUNCTIONS / "echo"))
        if number == 3:
            sluice.kill()
            sluice.start()
    for urn in urns:
        sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/{urn}")
    wanted = sorted([("create_function", urn) for urn in urns] + [("delete_function", urn) for urn in urns])
    deadline = time.monotonic() + WITHIN_S
    while True:
        told = [json.loads(body)["cts"] for _, _, body in witness.calls()]
        named = [(one["trace_name"], one["resource_id"].removesuffix(":latest")) for one in told]
        seen = sorted((name, urn) for name, urn in named if urn in urns)
        if seen == wanted:
            break
        assert time.monotonic() < deadline, (seen, sluice.counts(trigger))
        time.sleep(0.1)
    assert {one["user"]["name"] for one in told} == {sluice.credentials["access_key"]}


@pytest.mark.timeout(300)
def test_traces_are_accepted_once_while_everything_is_killed(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(instances=INSTANCES, each=EACH), "CTS", settings("shop:*:*"))
    sluice.until_state(trigger, "running")
    push = pusher(sluice, trigger)
    killed = ["cts", "gateway", "dispatcher"] if sluice.mesh else ["everything"]
    with push.sending(TRACES):
        for at, what in enumerate(killed, 1):
            until_taken(push, TRACES * at // (len(killed) + 1))
            if what == "everything":
                sluice.kill()
                sluice.start()
            else:
                sluice.kill_service(what)
    row = sluice.until_ended(trigger, TRACES)
    assert (row["received"], row["success"], row["open"]) == (TRACES, TRACES, 0), row
    by_number: dict[int, set[str]] = defaultdict(set)
    for event, _, body in witness.calls():
        found = NUMBER.search(body)
        assert found, body
        by_number[int(found[1])].add(event)
    assert set(by_number) == set(range(TRACES)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert_ran_again_after_kills_only(sluice, witness)


def until_taken(push: Pusher, number: int) -> None:
    deadline = time.monotonic() + 2 * WITHIN_S
    while push.taken < number:
        assert time.monotonic() < deadline, (push.taken, push.answers)
        time.sleep(0.02)


def test_what_a_trigger_is_not_for_is_confirmed_and_counted(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(), "CTS", settings("shop:*:*"))
    sluice.until_state(trigger, "running")
    sent = [trace(1), trace(2, "mine"), trace(3)]
    status, _ = sluice.send("POST", f"/sluice/v1/{sluice.project}/publish/cts/system", json.dumps(sent).encode())
    assert status == 202
    row = sluice.until_ended(trigger, 2)
    assert (row["received"], row["success"]) == (2, 2)
    deadline = time.monotonic() + WITHIN_S
    while sluice.counts(trigger)["filtered"] < 1:
        assert time.monotonic() < deadline, sluice.counts(trigger)
        time.sleep(0.1)


def test_who_shows_no_token_or_sends_no_trace_is_refused(sluice: Sluice, make_function: MakeFunction) -> None:
    trigger = sluice.trigger(make_function(), "CTS", settings("shop:*:*"))
    sluice.until_state(trigger, "running")
    path, bearer = f"/sluice/v1/push/cts/{trigger}", {"Authorization": f"Bearer {TOKEN}"}
    assert sluice.send("POST", path, traces(range(1)), signed=False)[0] == 401
    assert sluice.send("POST", path, traces(range(1)), signed=False, headers={"Authorization": "Bearer wrong"})[0] == 401
    for body in (b"", b"\xff\xfe", b"[{}]", b"{"):
        status, answer = sluice.send("POST", path, body, signed=False, headers=bearer)
        assert (status, json.loads(answer)["error_code"]) == (400, "FSS.0400"), body
    assert sluice.send("POST", path, bytes(MAX_PUSH_BYTES + 1), signed=False, headers=bearer)[0] == 413
    assert sluice.counts(trigger)["received"] == 0


def test_a_trace_that_the_function_fails_on_or_that_is_too_large_holds_up_no_other(
    sluice: Sluice, witness: Witness, make_function: MakeFunction
) -> None:
    trigger = sluice.trigger(make_function(), "CTS", settings("shop:*:*"))
    sluice.until_state(trigger, "running")
    path, bearer = f"/sluice/v1/push/cts/{trigger}", {"Authorization": f"Bearer {TOKEN}"}

    def push(*sent: dict[str, object]) -> int:
        return sluice.send("POST", path, json.dumps(sent).encode(), signed=False, headers=bearer)[0]

    assert push(trace(0), {**trace(1), "resource_name": "fail"}, trace(2)) == 202
    assert push({**trace(3), "request": "x" * (MAX_EVENT_BYTES + 1)}, trace(4)) == 400
    assert push(trace(5)) == 202
    row = sluice.until_ended(trigger, 6)
    assert (row["success"], row["failed"], row["discarded"]) == (4, 1, 1), row
    assert sorted(int(number) for _, _, body in witness.calls() for number in NUMBER.findall(body)) == [0, 1, 2, 4, 5]
    dead = [letter["failure"] for letter in sluice.ours("/dead")["dead"] if letter["trigger_id"] == trigger]
    assert sorted(dead) == ["function_error", "refused"]


def test_a_sender_of_a_burst_is_told_to_wait_while_the_function_takes_none(sluice: Sluice, make_function: MakeFunction) -> None:
    begin_small(sluice)
    urn = make_function(instances=1, each=1, delay_ms=600_000)
    trigger = sluice.trigger(urn, "CTS", settings("shop:*:*", max_pending=50))
    sluice.until_state(trigger, "running")
    push = pusher(sluice, trigger, batch=1)

    def is_held_back() -> None:
        deadline = time.monotonic() + WITHIN_S
        while push.answers[429] < 20:
            assert time.monotonic() < deadline, push.answers
            time.sleep(0.05)
        assert sluice.counts(trigger)["open"] <= 50
        assert_small(sluice)
        raise Enough

    with pytest.raises(Enough), push.sending(BURST):
        is_held_back()


def test_a_changed_token_counts_at_once_and_for_this_trigger_alone(sluice: Sluice, make_function: MakeFunction) -> None:
    urn = make_function()
    trigger, other = (sluice.trigger(urn, "CTS", settings(f"{service}:*:*")) for service in ("shop", "mine"))
    for one in (trigger, other):
        sluice.until_state(one, "running")

    def status(to: str, token: str) -> int:
        return sluice.send("POST", f"/sluice/v1/push/cts/{to}", b"[]", signed=False, headers={"Authorization": f"Bearer {token}"})[0]

    assert (status(trigger, TOKEN), status(other, TOKEN)) == (202, 202)
    sluice.api("PUT", f"/fgs/triggers/{urn}/CTS/{trigger}", {"event_data": settings("shop:*:*", push_token="new")})
    deadline = time.monotonic() + PICKED_UP_S
    while (answer := status(trigger, "new")) != 202:
        assert answer in (401, 503), answer
        assert time.monotonic() < deadline, "the new token does not count"
    assert (status(trigger, TOKEN), status(other, TOKEN)) == (401, 202)


def test_the_example_does_what_its_page_says(sluice: Sluice, tmp_path: Path) -> None:
    """Its three commands."""
    folder = shutil.copytree(EXAMPLE, tmp_path / "audit")
    typed = shell(sluice, folder)

    apply, change, logs = commands((folder / "README.md").read_text())
    typed(apply)
    typed(change)
    deadline = time.monotonic() + WITHIN_S
    while not re.search(r"SL\w+ update_function_max_instance_config audit 200", told := typed(logs)):
        assert time.monotonic() < deadline, told
    sluice.send("DELETE", f"/v2/{sluice.project}/fgs/functions/urn:fss:local-1:{sluice.project}:function:default:audit")
