"""Checklist 13.9: an asynchronous invocation is answered 202 with its id, goes through its states, is retried and expires as configured,
and outlives the gateway."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.e2e.conftest import running_sluice
from tests.e2e.driver import FUNCTIONS, Sluice
from tests.functiongraph.client import Refusal, Sdk
from tests.functiongraph.conftest import Deploy


def begin(sdk: Sdk, urn: str, event: dict[str, Any]) -> str:
    accepted = sdk("async_invoke_function", function_urn=urn, body=event)
    assert accepted.status_code == 202
    request: str = accepted.request_id
    return request


def shown(sdk: Sdk, urn: str, request: str) -> Any:
    (found,) = sdk("list_async_invocations", function_urn=urn, request_id=request).invocations
    return found


def until_state(sdk: Sdk, urn: str, request: str, *states: str, within_s: float = 30) -> Any:
    deadline = time.monotonic() + within_s
    while (found := shown(sdk, urn, request)).status not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def configure(sdk: Sdk, urn: str, **config: int) -> None:
    sdk("update_function_async_invoke_config", function_urn=urn, body=config)


@pytest.fixture
def alone(sdk: Sdk, deploy: Deploy) -> str:
    """A function that runs one call at a time."""
    return narrow(sdk, deploy)


def narrow(sdk: Sdk, deploy: Deploy, concurrent: int = 1) -> str:
    urn = deploy()
    body = {"func_name": urn.rpartition(":")[2], "runtime": "Custom Image", "handler": "-", "timeout": 30, "memory_size": 128}
    strategy = {"concurrency": 1, "concurrent_num": concurrent}
    sdk("update_function_config", function_urn=urn, body={**body, "strategy_config": strategy})
    return urn


def test_13_9_an_invocation_waits_runs_and_succeeds(sdk: Sdk, alone: str) -> None:
    first = begin(sdk, alone, {"do": "sleep", "seconds": 1.5})
    until_state(sdk, alone, first, "RUNNING")
    second = begin(sdk, alone, {"do": "tell"})
    assert (shown(sdk, alone, second).status, shown(sdk, alone, second).end_time) == ("WAIT", None)
    active = sdk("list_active_async_invocations", function_urn=alone, limit="1")
    assert (len(active.invocations), active.count, active.next_marker) == (1, 2, 1)
    for state, request in (("WAIT", second), ("RUNNING", first)):
        listed = sdk("list_async_invocations", function_urn=alone, status=state)
        assert ([one.request_id for one in listed.invocations], listed.count) == ([request], 1)
    for request in (first, second):
        ended = until_state(sdk, alone, request, "SUCCESS")
        assert (ended.error_message, ended.error_code) == ("", 0)
        assert ended.end_time >= str(ended.start_time)[:10]


def test_13_9_a_failure_ends_as_fail_with_its_message_and_code(sdk: Sdk, function: str) -> None:
    ended = until_state(sdk, function, begin(sdk, function, {"do": "status", "status": 418}), "FAIL")
    assert (ended.error_message, ended.error_code) == ("the function answered with status 418", 418)


def test_13_9_a_failure_is_retried_as_often_as_configured(sdk: Sdk, sluice: Sluice, deploy: Deploy) -> None:
    running = []
    for retries in range(4):
        urn = deploy()
        configure(sdk, urn, max_async_retry_attempts=retries)
        running.append((retries, urn, begin(sdk, urn, {"do": "status", "status": 500})))
    for retries, urn, request in running:
        until_state(sdk, urn, request, "FAIL")
        steps = sluice.ours(f"/events/{request}")["steps"]
        assert [step["what"] for step in steps].count("attempt") == retries


def test_13_9_an_event_that_never_ran_in_its_time_is_discarded(sdk: Sdk, alone: str) -> None:
    configure(sdk, alone, max_async_event_age_in_seconds=1)
    first = begin(sdk, alone, {"do": "sleep", "seconds": 4})
    until_state(sdk, alone, first, "RUNNING")
    late = begin(sdk, alone, {"do": "tell"})
    ended = until_state(sdk, alone, late, "DISCARD")
    assert (ended.error_code, "older than 1 s" in ended.error_message) == (408, True)
    assert until_state(sdk, alone, first, "SUCCESS").error_code == 0, "what runs in time may go on"


def test_13_9_more_than_256_kib_is_refused(sdk: Sdk, function: str) -> None:
    sdk.refused("async_invoke_function", "FSS.0413", 413, function_urn=function, body={"x": "y" * (256 * 1024)})
    body = {"do": "tell", "x": "y" * (256 * 1024 - 40)}
    assert len(json.dumps(body)) <= 256 * 1024
    until_state(sdk, function, begin(sdk, function, body), "SUCCESS")


def test_13_9_lists_have_pages_and_a_true_count(sdk: Sdk, function: str) -> None:
    made = {begin(sdk, function, {"do": "tell"}) for _ in range(5)}
    for request in made:
        until_state(sdk, function, request, "SUCCESS")
    seen: list[str] = []
    while True:
        page = sdk("list_async_invocations", function_urn=function, status="SUCCESS", limit="2", marker=str(len(seen)))
        assert page.count == 5
        seen += [one.request_id for one in page.invocations]
        assert page.next_marker == len(seen)
        if not page.invocations:
            break
    assert (len(seen), set(seen)) == (5, made)


def test_13_9_what_waits_is_cancelled_to_discard(sdk: Sdk, alone: str) -> None:
    first = begin(sdk, alone, {"do": "sleep", "seconds": 1})
    until_state(sdk, alone, first, "RUNNING")
    second = begin(sdk, alone, {"do": "tell"})
    sdk("cancel_async_invocation", function_urn=alone, body={"request_id": second})
    ended = until_state(sdk, alone, second, "DISCARD", within_s=1)
    assert (ended.error_code, ended.error_message) == (4208, "function invocation canceled")
    sdk.refused("cancel_async_invocation", "FSS.0400", 400, function_urn=alone, body={"request_id": second})
    until_state(sdk, alone, first, "SUCCESS")


@pytest.mark.parametrize("kind", [None, "recursive"])
def test_13_9_what_runs_and_is_cancelled_without_force_has_its_last_attempt(sdk: Sdk, alone: str, kind: str | None) -> None:
    configure(sdk, alone, max_async_retry_attempts=3)
    good, bad = ({"do": "sleep", "seconds": 1}, {"do": "sleep", "seconds": "no number"})
    request = begin(sdk, alone, good)
    until_state(sdk, alone, request, "RUNNING")
    sdk("cancel_async_invocation", function_urn=alone, body={"request_id": request, **({"type": kind} if kind else {})})
    assert until_state(sdk, alone, request, "SUCCESS", "FAIL", "DISCARD").status == "SUCCESS"
    failing = begin(sdk, alone, bad)
    sdk("cancel_async_invocation", function_urn=alone, body={"request_id": failing, **({"type": kind} if kind else {})})
    ended = until_state(sdk, alone, failing, "FAIL", "DISCARD", within_s=5)
    assert (ended.error_code, ended.error_message[:28]) == (4208, "function invocation canceled")


def test_13_9_force_kills_the_instance_and_aborts_its_other_calls(sdk: Sdk, deploy: Deploy) -> None:
    shared = narrow(sdk, deploy, concurrent=10)
    asked = begin(sdk, shared, {"do": "sleep", "seconds": 25})
    beside = begin(sdk, shared, {"do": "sleep", "seconds": 2})
    for request in (asked, beside):
        until_state(sdk, shared, request, "RUNNING")
    sdk("cancel_async_invocation", function_urn=shared, body={"request_id": asked, "type": "force"})
    ended = until_state(sdk, shared, asked, "FAIL", within_s=10)
    assert (ended.error_code, ended.error_message) == (4208, "function invocation canceled")
    assert until_state(sdk, shared, beside, "SUCCESS", "FAIL", "DISCARD").status == "SUCCESS", "it ran again"


@pytest.fixture
def own_sluice() -> Iterator[Sluice]:
    """One that a test may kill."""
    with running_sluice(mesh=False) as running:
        yield running


def test_13_9_a_killed_gateway_loses_nothing(own_sluice: Sluice) -> None:
    urn = own_sluice.function("kept", FUNCTIONS / "echo")
    sdk = Sdk(own_sluice.credentials)
    sdk("update_function_max_instance_config", function_urn=urn, body={"max_instance_num": 1})
    requests = [begin(sdk, urn, {"do": "sleep", "seconds": 0.2}) for _ in range(20)]
    own_sluice.kill()
    own_sluice.start()
    sdk = Sdk(own_sluice.credentials)
    patiently(lambda: sdk("list_async_invocations", function_urn=urn, limit="1"))
    for request in requests:
        until_state(sdk, urn, request, "SUCCESS")
    listed = sdk("list_async_invocations", function_urn=urn, status="SUCCESS")
    assert (listed.count, {one.request_id for one in listed.invocations}) == (20, set(requests))


def patiently(ask: Callable[[], Any]) -> None:
    """A service that has just come up may still say 503."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(Refusal):
            ask()
            return
        time.sleep(0.05)
    raise AssertionError("nobody answers")
