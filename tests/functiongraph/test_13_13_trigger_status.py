"""The checklist's thirteenth item: in which status triggers begin, which cannot be disabled, and what an HTTP function may have."""

from typing import Any

import pytest

from tests.functiongraph.client import Sdk
from tests.functiongraph.conftest import Deploy
from tests.functiongraph.test_triggers import apig, kafka, timer


def of_type(code: str, name: str) -> dict[str, Any]:
    if code in ("APIG", "APIC", "DEDICATEDGATEWAY"):
        return apig(f"/{name}", instance_id="i") | {"trigger_type_code": code}
    return timer() if code == "TIMER" else kafka() | {"trigger_type_code": code}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("KAFKA", "DISABLED"),
        ("OPENSOURCEKAFKA", "DISABLED"),
        ("TIMER", "ACTIVE"),
        ("APIG", "ACTIVE"),
        ("APIC", "ACTIVE"),
        ("DEDICATEDGATEWAY", "ACTIVE"),
    ],
)
def test_13_13_a_trigger_begins_in_the_status_of_its_type(sdk: Sdk, function: str, name: str, code: str, status: str) -> None:
    made = sdk("create_function_trigger", function_urn=function, body=of_type(code, name))
    assert (made.trigger_type_code, made.trigger_status) == (code, status)


@pytest.mark.parametrize("code", ["KAFKA", "OPENSOURCEKAFKA", "TIMER"])
def test_13_13_a_trigger_that_may_be_disabled_is_enabled_and_disabled(sdk: Sdk, function: str, name: str, code: str) -> None:
    made = sdk("create_function_trigger", function_urn=function, body=of_type(code, name) | {"trigger_status": "DISABLED"})
    named = {"function_urn": function, "trigger_type_code": code, "trigger_id": made.trigger_id}
    for status in ("ACTIVE", "DISABLED"):
        assert sdk("update_trigger", **named, body={"trigger_status": status}).trigger_status == status


@pytest.mark.parametrize("code", ["APIG", "APIC", "DEDICATEDGATEWAY"])
def test_13_13_a_gateway_trigger_is_only_deleted(sdk: Sdk, function: str, name: str, code: str) -> None:
    disabled = of_type(code, name) | {"trigger_status": "DISABLED"}
    sdk.refused("create_function_trigger", "FSS.1318", 400, function_urn=function, body=disabled)
    made = sdk("create_function_trigger", function_urn=function, body=of_type(code, name))
    named = {"function_urn": function, "trigger_type_code": code, "trigger_id": made.trigger_id}
    refusal = sdk.refused("update_trigger", "FSS.1318", 400, **named, body={"trigger_status": "DISABLED"})
    assert "only deleted" in refusal.error_msg
    assert sdk("delete_function_trigger", **named).status_code == 204


def test_13_13_an_http_function_has_gateway_triggers_only(sdk: Sdk, deploy: Deploy, name: str) -> None:
    web = deploy(runtime="http")
    for code in ("TIMER", "KAFKA", "OPENSOURCEKAFKA"):
        refusal = sdk.refused("create_function_trigger", "FSS.1101", 400, function_urn=web, body=of_type(code, name))
        assert "APIG" in refusal.error_msg
    assert sdk("create_function_trigger", function_urn=web, body=of_type("APIG", name)).status_code == 201


@pytest.mark.parametrize("code", ["SEMAPHORE", "apig", ""])
def test_13_13_an_unknown_type_is_refused_with_those_there_are(sdk: Sdk, function: str, code: str) -> None:
    refusal = sdk.refused("create_function_trigger", "FSS.1101", 400, function_urn=function, body=timer(trigger_type_code=code))
    assert "OPENSOURCEKAFKA" in refusal.error_msg


def test_13_13_the_eleventh_trigger_that_pulls_is_refused_whatever_its_version(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    for number in range(10):
        urn = function if number % 2 else f"{function}:v1"
        sdk("create_function_trigger", function_urn=urn, body=kafka(topic_ids=[f"t{number}"]))
    sdk.refused("create_function_trigger", "FSS.1123", 403, function_urn=function, body=kafka())
