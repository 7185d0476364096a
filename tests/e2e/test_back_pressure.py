"""A full trigger and those who send to it by HTTP: they are told soon, and nothing of what they were refused is accepted later."""

import http.client
import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.driver import Sluice

ROOM = 3
SENDERS = 20
SLOW_MS = 4_000
WITHIN_S = 20.0


def post(endpoint: str, path: str) -> tuple[int, str]:
    """Status and Retry-After."""
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=WITHIN_S)
    try:
        connection.request("POST", path, b"{}")
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("retry-after", "")
    finally:
        connection.close()


def test_senders_are_told_429_while_a_trigger_is_full_and_accepted_when_it_is_not(
    sluice: Sluice, make_function: Callable[..., str]
) -> None:
    urn, path = make_function(instances=1, each=1, delay_ms=SLOW_MS), f"/full-{secrets.token_hex(4)}"
    data = {"path": path, "auth": "NONE", "func_info": {"invocation_type": "async"}, "max_pending": ROOM}
    trigger = sluice.trigger(urn, "APIG", data)
    sluice.until_state(trigger, "running")
    endpoint = sluice.credentials["endpoint"]
    with ThreadPoolExecutor(SENDERS) as senders:
        answers = Counter(senders.map(lambda _: post(endpoint, path), range(SENDERS)))
    row = sluice.counts(trigger)
    accepted = answers[202, ""]
    assert answers == {(202, ""): accepted, (429, "1"): SENDERS - accepted}, answers
    assert ROOM <= accepted == row["received"] < SENDERS, (answers, row)
    assert row["open"] <= ROOM, row
    sluice.until_ended(trigger, accepted)
    assert post(endpoint, path)[0] == 202
    row = sluice.until_ended(trigger, accepted + 1)
    assert row["received"] == row["success"] == accepted + 1, row
