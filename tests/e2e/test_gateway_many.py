"""A hundred thousand requests to an asynchronous HTTP trigger with everything killed, and more of them than there is room for."""

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable

import pytest

from tests.e2e.bursts import assert_small, awaken, begin_small
from tests.e2e.driver import Sluice, Witness
from tests.e2e.pushing import Pusher
from tests.e2e.records import assert_ran_again_after_kills_only, overlaps

REQUESTS = 100_000
SENDERS = 32
INSTANCES, EACH = 2, 32
MAX_PENDING = 2_000
REFUSALS = 500
WITHIN_S = 120.0
KEY = re.compile(r'"idempotency-key":"n-(\d+)"', re.IGNORECASE)

MakeFunction = Callable[..., str]


def receiver(sluice: Sluice, urn: str, **own: object) -> tuple[str, str]:
    """The trigger and its path. Anybody may send to it."""
    path = f"/many-{secrets.token_hex(4)}"
    settings = {"path": path, "auth": "NONE", "func_info": {"invocation_type": "async"}, **own}
    trigger = sluice.trigger(urn, "APIG", settings)
    sluice.until_state(trigger, "running")
    return trigger, path


def pusher(sluice: Sluice, path: str, size: int = 10) -> Pusher:
    """Each request has a key of its own, by which one that is sent again is known."""
    body = b'{"of": "' + b"x" * size + b'"}'
    return Pusher(sluice, path, lambda _: body, batch=1, threads=SENDERS, named=lambda numbers: {"Idempotency-Key": f"n-{numbers.start}"})


@pytest.mark.timeout(400)
def test_requests_are_accepted_once_while_everything_is_killed(sluice: Sluice, witness: Witness, make_function: MakeFunction) -> None:
    trigger, path = receiver(sluice, make_function(instances=INSTANCES, each=EACH))
    push = pusher(sluice, path)
    killed = ["gateway", "dispatcher", "gateway"] if sluice.mesh else ["everything", "everything"]
    with push.sending(REQUESTS):
        for at, what in enumerate(killed, 1):
            until_taken(push, REQUESTS * at // (len(killed) + 1))
            if what == "everything":
                sluice.kill()
                sluice.start()
            else:
                sluice.kill_service(what)
    row = sluice.until_ended(trigger, REQUESTS, WITHIN_S)
    assert (row["received"], row["success"], row["open"]) == (REQUESTS, REQUESTS, 0), row
    by_number: dict[int, set[str]] = defaultdict(set)
    for event, _, body in witness.calls():
        found = KEY.search(body)
        assert found, body
        by_number[int(found[1])].add(event)
    assert set(by_number) == set(range(REQUESTS)), "lost"
    assert not [number for number, events in by_number.items() if len(events) > 1], "accepted twice"
    assert overlaps(witness) == 0, "overlap"
    assert_ran_again_after_kills_only(sluice, witness)


def until_taken(push: Pusher, number: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while push.taken < number:
        assert time.monotonic() < deadline, (push.taken, push.answers)
        time.sleep(0.02)


@pytest.mark.timeout(400)
def test_senders_of_a_burst_are_told_to_wait_while_the_function_takes_none(
    sluice: Sluice, witness: Witness, make_function: MakeFunction
) -> None:
    begin_small(sluice)
    urn = make_function(instances=1, each=1, delay_ms=5_000)
    trigger, path = receiver(sluice, urn, max_pending=MAX_PENDING)
    push, sent = pusher(sluice, path, size=1_000), 3 * MAX_PENDING
    with push.sending(sent):
        deadline = time.monotonic() + WITHIN_S
        while push.answers[429] < REFUSALS:
            assert time.monotonic() < deadline, push.answers
            time.sleep(0.05)
        assert sluice.counts(trigger)["open"] == MAX_PENDING
        assert_small(sluice)
        awaken(sluice, urn, witness)
    row = sluice.until_ended(trigger, sent, WITHIN_S)
    assert (row["received"], row["success"]) == (sent, sent), row
    assert set(push.answers) == {202, 429}, push.answers
