"""The description of the API, and that the API is as described."""

import json
import re
from pathlib import Path
from typing import Any

from sluice_control.api import operations
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client
from tests.unit.sluice_control.fakes import FakeLogs, FakeRecords

ROOT = Path(__file__).parents[3]


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


def _dangling(described: dict[str, Any]) -> list[str]:
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described))
    return [name for name in references if name not in described["components"]["schemas"]]


def test_the_page_names_every_operation_under_sluice(control: Control, records: FakeRecords, logs: FakeLogs) -> None:
    page = (ROOT / "docs/api.md").read_text()

    async def no_checks() -> list[tuple[str, bool, str]]:
        return []

    for operation in operations(control, records, logs, no_checks):
        if operation.path.startswith("/sluice/v1/{project_id}"):
            path = operation.path.removeprefix("/sluice/v1/{project_id}").replace("{function_urn}", "{urn}").replace("{event_id}", "{id}")
            assert f"`{operation.method} {path}" in page
