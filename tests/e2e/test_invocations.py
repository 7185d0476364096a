"""Asynchronous invocations, their cancel and their figures, in one process and as a mesh."""

import json
import time
from typing import Any

from tests.e2e.conftest import MakeFunction
from tests.e2e.driver import Sluice

SLOW = {"instances": 1, "each": 1, "delay_ms": 2_000}


def begin(sluice: Sluice, urn: str) -> str:
    request: str = sluice.api("POST", f"/fgs/functions/{urn}/invocations-async", {})["request_id"]
    return request


def shown(sluice: Sluice, urn: str, request: str) -> dict[str, Any]:
    (found,) = sluice.api("GET", f"/fgs/functions/{urn}/async-invocations?request_id={request}")["invocations"]
    return dict(found)


def until_state(sluice: Sluice, urn: str, request: str, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (found := shown(sluice, urn, request))["status"] != state:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def cancel(sluice: Sluice, urn: str, request: str, **kind: str) -> None:
    body = json.dumps({"request_id": request, **kind}).encode()
    status, answer = sluice.send("POST", f"/v2/{sluice.project}/fgs/functions/{urn}/cancel", body)
    assert status == 200, answer


def test_what_waits_is_told_from_what_runs_and_each_is_cancelled_its_own_way(sluice: Sluice, make_function: MakeFunction) -> None:
    urn = make_function(**SLOW)
    first, second = begin(sluice, urn), begin(sluice, urn)
    until_state(sluice, urn, first, "RUNNING")
    assert shown(sluice, urn, second)["status"] == "WAIT"
    cancel(sluice, urn, second)
    assert until_state(sluice, urn, second, "DISCARD")["error_code"] == 4208
    assert shown(sluice, urn, first)["status"] == "RUNNING"
    cancel(sluice, urn, first, type="force")
    assert until_state(sluice, urn, first, "FAIL")["error_code"] == 4208
    third = begin(sluice, urn)
    until_state(sluice, urn, third, "SUCCESS")
    counted = sluice.api("GET", f"/fgs/functions/{urn}/statistics/5")
    assert sum(point["value"] for point in counted["count"] if point["value"] > 0) == 2
    assert sum(point["value"] for point in counted["function_error_count"] if point["value"] > 0) == 1


def test_instances_are_counted_by_the_minute(sluice: Sluice, make_function: MakeFunction) -> None:
    urn = make_function(instances=1)
    until_state(sluice, urn, begin(sluice, urn), "SUCCESS")
    deadline = time.monotonic() + 30
    while max(point["value"] for point in sluice.api("GET", f"/fgs/functions/{urn}/slareports/3")["instance_num"]) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.2)
