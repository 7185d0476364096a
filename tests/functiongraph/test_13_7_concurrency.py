"""Checklist 13.7: how many calls an instance takes, how many instances a function may have, and what a disabled function answers."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.functiongraph.client import Sdk
from tests.functiongraph.conftest import Deploy
from tests.functiongraph.test_13_9_async import begin, until_state


def strategy(sdk: Sdk, urn: str, concurrency: int, concurrent_num: int) -> None:
    same = {"func_name": urn.rpartition(":")[2], "runtime": "Custom Image", "handler": "-", "timeout": 60, "memory_size": 128}
    chosen = {"concurrency": concurrency, "concurrent_num": concurrent_num}
    sdk("update_function_config", function_urn=urn, body={**same, "strategy_config": chosen})


def sleep(sdk: Sdk, urn: str, seconds: float) -> Any:
    return sdk("invoke_function", function_urn=urn, body={"do": "sleep", "seconds": seconds})


def instances(sdk: Sdk, urn: str) -> int:
    status, _, body = sdk.raw("GET", f"/sluice/v1/{sdk.credentials['project_id']}/instances")
    assert status == 200, body
    return sum(1 for instance in json.loads(body)["instances"] if instance["urn"].startswith(f"{urn}:"))


@pytest.mark.parametrize(("concurrent_num", "expected"), [(1, 3), (5, 1)])
def test_13_7_three_calls_at_once_take_as_many_instances_as_they_need(sdk: Sdk, deploy: Deploy, concurrent_num: int, expected: int) -> None:
    urn = deploy()
    strategy(sdk, urn, 400, concurrent_num)
    with ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda _: sleep(sdk, urn, 3), range(3)))
    assert [answer.result for answer in answers] == ["rested"] * 3
    assert instances(sdk, urn) == expected


def test_13_7_above_the_maximum_of_instances_a_call_waits_and_is_then_refused(sdk: Sdk, deploy: Deploy) -> None:
    urn = deploy()
    strategy(sdk, urn, 1, 1)
    long = begin(sdk, urn, {"do": "sleep", "seconds": 33})
    until_state(sdk, urn, long, "RUNNING")
    sdk.refused("invoke_function", "FSS.0429", 429, function_urn=urn, body={"do": "tell"})
    until_state(sdk, urn, long, "SUCCESS")
    assert instances(sdk, urn) == 1


def test_13_7_a_function_without_instances_is_disabled(sdk: Sdk, deploy: Deploy) -> None:
    urn = deploy()
    sdk("update_function_max_instance_config", function_urn=urn, body={"max_instance_num": 0})
    for operation in ("invoke_function", "async_invoke_function"):
        refusal = sdk.refused(operation, "FSS.0429", 429, function_urn=urn, body={"do": "tell"})
        assert refusal.error_msg == "Function Disabled"
    sdk("update_function_max_instance_config", function_urn=urn, body={"max_instance_num": -1})
    assert sdk("invoke_function", function_urn=urn, body={"do": "sleep", "seconds": 0}).result == "rested"
