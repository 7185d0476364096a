"""A memory size chosen by the caller, over real instances."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice, zipped
from tests.functiongraph.client import Sdk
from tests.functiongraph.conftest import Deploy
from tests.functiongraph.senders import Answer, Wire

CODE = base64.b64encode(zipped(FUNCTIONS / "version")).decode()


@pytest.fixture
def wire(sluice: Sluice) -> Iterator[Wire]:
    opened = Wire(sluice)
    yield opened
    opened.close()


def ask(sdk: Sdk, wire: Wire, urn: str, memory: str, operation: str = "invocations") -> Answer:
    target = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{urn}/{operation}"
    return wire.signed(sdk, "POST", target, b"{}", {"X-Cff-Instance-Memory": memory})


def told(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    said: dict[str, Any] = json.loads(answer.json["body"])
    return said


def test_each_size_is_served_by_an_instance_of_its_own(sdk: Sdk, wire: Wire, deploy: Deploy) -> None:
    urn = deploy(enable_dynamic_memory=True, func_code={"file": CODE})
    sizes = ("256", "128", "512", "256", "128")
    answers = [told(ask(sdk, wire, urn, size)) for size in sizes]
    assert [answer["memory"] for answer in answers] == [256, 128, 512, 256, 128]
    assert answers[0]["instance"] == answers[3]["instance"] != answers[1]["instance"] == answers[4]["instance"]
    summary = json.loads(ask(sdk, wire, urn, "512").headers["X-Cff-Invoke-Summary"])
    assert summary["memorySize"] == 512


def test_a_size_makes_place_for_another_at_the_functions_maximum(sdk: Sdk, wire: Wire, deploy: Deploy) -> None:
    urn = deploy(enable_dynamic_memory=True, func_code={"file": CODE})
    sdk("update_function_max_instance_config", function_urn=urn, body={"max_instance_num": 1})
    assert [told(ask(sdk, wire, urn, size))["memory"] for size in ("128", "256", "128")] == [128, 256, 128]


@pytest.mark.parametrize("operation", ["invocations", "invocations-async"])
@pytest.mark.parametrize("size", ["100", "0", "-1", "20480", "lots"])
def test_another_size_is_refused(sdk: Sdk, wire: Wire, deploy: Deploy, operation: str, size: str) -> None:
    urn = deploy(enable_dynamic_memory=True, func_code={"file": CODE})
    assert ask(sdk, wire, urn, size, operation).refusal == (406, "FSS.0406")


def test_the_sdk_chooses_too_and_without_the_setting_its_choice_is_ignored(sdk: Sdk, deploy: Deploy) -> None:
    for allowed, memory in ((True, 1024), (False, 128)):
        urn = deploy(enable_dynamic_memory=allowed, func_code={"file": CODE})
        answer = sdk("invoke_function", function_urn=urn, body={}, x_cff_instance_memory="1024", x_cff_request_version="v1")
        assert json.loads(json.loads(answer.result)["body"])["memory"] == memory
