"""The description of the API, and that the API is as described."""

import json
import re
from pathlib import Path
from typing import Any

import schemathesis

from sluice.status import Check
from sluice_control.api import operations
from sluice_control.asgi import Operation
from sluice_control.control import Control
from sluice_control.decoding import decode
from sluice_control.examples import EXAMPLES
from sluice_control.fss import CODES
from sluice_control.openapi import AT_THE_GATEWAY, document
from sluice_control.parameters import KNOWN
from sluice_control.promises import PROMISES
from tests.unit.sluice_control.client import Client
from tests.unit.sluice_control.fakes import FakeLogs, FakeRecords

ROOT = Path(__file__).parents[3]


async def test_tokens_and_the_senders_projects_are_described_too(api: Client) -> None:
    paths = (await api("GET", "/openapi.json")).json["paths"]
    login = paths["/v3/auth/tokens"]["post"]
    assert (login["security"], "X-Subject-Token" in login["responses"]["201"]["headers"]) == ([], True)
    assert "429" in login["responses"]
    assert [one["name"] for one in paths["/v3/projects"]["get"]["parameters"]] == ["name"]


async def test_every_operation_is_described_with_its_parameters_and_body(api: Client) -> None:
    described = (await api("GET", "/openapi.json")).json
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path))
            has_body = method in ("post", "put") or path.endswith("/tags/delete")
            assert ("requestBody" in operation) == has_body, (method, path)
    create = described["paths"]["/v2/{project_id}/fgs/functions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    function = described["components"]["schemas"][create["$ref"].rpartition("/")[2]]
    assert set(function["required"]) == {"func_name", "package", "runtime", "timeout", "handler", "memory_size"}
    assert not list(_dangling(described))


def test_everything_is_promised_and_every_parameter_known(control: Control, records: FakeRecords, logs: FakeLogs) -> None:
    served = _operations(control, records, logs)
    assert {operation.name for operation in (*served, *AT_THE_GATEWAY)} == set(PROMISES)
    named = {name for operation in served for name in (*re.findall(r"\{(\w+)\}", operation.path), *operation.query)}
    assert named <= set(KNOWN)
    assert {code for promise in PROMISES.values() for code in promise.errors} <= set(CODES)


def test_the_description_is_openapi_3_1(control: Control, records: FakeRecords, logs: FakeLogs) -> None:
    described = document(_operations(control, records, logs))
    assert described["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(described).validate()


def test_every_example_is_a_body_of_its_operation(control: Control, records: FakeRecords, logs: FakeLogs) -> None:
    bodies = {operation.name: operation.body for operation in _operations(control, records, logs)}
    for name, examples in EXAMPLES.items():
        body = bodies[name]
        assert body is not None
        for example in examples.values():
            decode(example, body)


def _operations(control: Control, records: FakeRecords, logs: FakeLogs) -> list[Operation]:
    async def no_checks() -> list[Check]:
        return []

    return operations(control, records, logs, no_checks)


def _dangling(described: dict[str, Any]) -> list[str]:
    references = re.findall(r'"#/components/schemas/([\w.]+)"', json.dumps(described))
    return [name for name in references if name not in described["components"]["schemas"]]


def test_the_page_names_every_operation_under_sluice(control: Control, records: FakeRecords, logs: FakeLogs) -> None:
    page = (ROOT / "docs/api.md").read_text()

    for operation in _operations(control, records, logs):
        if operation.path.startswith("/sluice/v1/{project_id}"):
            path = operation.path.removeprefix("/sluice/v1/{project_id}").replace("{function_urn}", "{urn}").replace("{event_id}", "{id}")
            assert f"`{operation.method} {path}" in page
