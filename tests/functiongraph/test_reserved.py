"""Reserved instances through the unmodified SDK; one test an operation, and one that they are really there."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functiongraph.client import Sdk
from tests.waiting import until


@pytest.fixture
def reserved(sdk: Sdk, function: str) -> Iterator[str]:
    """A function with one reserved instance; they count for the whole project, so they go with the test."""
    sdk("update_function_reserved_instances_count", function_urn=function, body={"count": 1})
    yield function
    sdk("update_function_reserved_instances_count", function_urn=function, body={"count": 0})


def tactics() -> dict[str, Any]:
    now = int(time.time())
    fires = {"name": "busy-hours", "cron": "0 0 8 * * *", "count": 2, "start_time": now, "expired_time": now + 86_400}
    use = {"name": "by-use", "type": "Concurrency", "threshold": 60, "min": 1}
    return {"cron_configs": [fires], "metric_configs": [use]}


def test_update_function_reserved_instances_count(sdk: Sdk, reserved: str) -> None:
    body = {"count": 1, "idle_mode": True, "tactics_config": tactics()}
    put = sdk("update_function_reserved_instances_count", function_urn=reserved, body=body)
    assert (put.count, put.idle_mode) == (1, True)
    assert put.tactics_config.cron_configs[0].cron == "0 0 8 * * *"
    assert put.tactics_config.metric_configs[0].threshold == 60


def test_update_function_reserved_instances_count_refuses_what_is_wrong(sdk: Sdk, reserved: str) -> None:
    operation = "update_function_reserved_instances_count"
    wrong = tactics()
    wrong["cron_configs"][0]["cron"] = "every day"
    sdk.refused(operation, "FSS.0400", 400, function_urn=reserved, body={"count": 1001})
    sdk.refused(operation, "FSS.0400", 400, function_urn=reserved, body={"count": 1, "tactics_config": wrong})
    sdk.refused(operation, "FSS.0403", 403, function_urn=reserved, body={"count": 91})
    sdk.refused(operation, "FSS.1051", 404, function_urn=f"{reserved}x", body={"count": 1})
    sdk.refused(operation, "FSS.1053", 404, function_urn=f"{reserved}:!nobody", body={"count": 1})


def test_list_function_reserved_instances(sdk: Sdk, reserved: str) -> None:
    listed = sdk("list_function_reserved_instances", urn=reserved)
    assert [(each.func_urn, each.count) for each in listed.reservedinstances] == [(f"{reserved}:latest", 1)]
    assert (listed.count, listed.page_info.current_count) == (1, 1)
    assert sdk("list_function_reserved_instances", limit="1").page_info.current_count == 1


def test_list_reserved_instance_configs(sdk: Sdk, reserved: str) -> None:
    sdk("create_function_version", function_urn=reserved, body={"version": "v1"})
    sdk("create_version_alias", function_urn=reserved, body={"name": "live", "version": "v1"})
    body = {"count": 0, "tactics_config": tactics()}
    sdk("update_function_reserved_instances_count", function_urn=f"{reserved}:!live", body=body)
    listed = sdk("list_reserved_instance_configs", function_urn=reserved)
    assert [(each.qualifier_type, each.qualifier_name) for each in listed.reserved_instances] == [("alias", "live"), ("version", "latest")]
    assert listed.reserved_instances[0].tactics_config.cron_configs[0].count == 2
    assert listed.reserved_instances[1].min_count == 1


async def test_reserved_instances_are_there_before_any_call(sdk: Sdk, reserved: str) -> None:
    path = f"/sluice/v1/{sdk.credentials['project_id']}/instances"

    def ready() -> bool:
        return f'"{reserved}:latest","state":"ready"'.encode() in sdk.raw("GET", path)[2].replace(b" ", b"")

    await until(ready)
