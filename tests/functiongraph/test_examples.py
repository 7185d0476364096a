"""The bodies that the API's document gives as examples work when they are sent."""

import json
from contextlib import suppress
from typing import Any

import pytest

from tests.functiongraph.client import Refusal, Sdk
from tests.functiongraph.conftest import reconfigure

SENT_ELSEWHERE = {"invoke_function", "async_invoke_function"}
"""Any event is an example of theirs."""


@pytest.fixture
def hello(sdk: Sdk, deploy: Any) -> str:
    """The function that the examples speak of, with a version, and changed since."""
    for name in ("example", "hello"):  # generated requests begin with the examples too
        with suppress(Refusal):
            sdk("delete_function", function_urn=name)
    urn: str = deploy(func_name="hello")
    sdk("create_function_version", function_urn=urn, body={"version": "v1"})
    reconfigure(sdk, urn)
    return urn


def examples(sdk: Sdk) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Operation, method, path and body of every example."""
    described = json.loads(sdk.raw("GET", "/openapi.json")[2])
    return [
        (operation["operationId"], method.upper(), path, example["value"])
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        for example in operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {}).values()
        if operation["operationId"] not in SENT_ELSEWHERE
    ]


def test_every_example_of_the_document_is_accepted(sdk: Sdk, hello: str) -> None:
    timer = {"trigger_type_code": "TIMER", "event_data": {"name": "theirs", "schedule_type": "Rate", "schedule": "10m"}}
    trigger = sdk("create_function_trigger", function_urn=hello, body=timer).trigger_id
    there = {"project_id": sdk.credentials["project_id"], "function_urn": hello, "alias_name": "example", "resource_type": "functions"}
    there |= {"trigger_type_code": "TIMER", "trigger_id": trigger, "resource_id": hello, "action": "filter"}
    sent = examples(sdk)
    assert len(sent) >= 12
    for operation, method, path, body in sorted(sent, key=lambda one: one[0]):
        if operation == "create_function_version":
            reconfigure(sdk, hello)
        status, _, answer = sdk.raw(method, path.format(**there), json.dumps(body).encode())
        assert 200 <= status < 300, (operation, body, answer)
        if operation == "create_key":
            sdk.raw("DELETE", f"/sluice/v1/{there['project_id']}/keys/{json.loads(answer)['access_key']}")
    sdk("delete_function", function_urn="example")
