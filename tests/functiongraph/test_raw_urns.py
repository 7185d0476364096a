"""Every operation with a URN in its path takes it percent-encoded and raw."""

import json
from typing import Any

from tests.functiongraph.client import Sdk, forms

IN_PATH = ("{function_urn}", "{func_urn}", "{resource_id}")
OTHERS = {
    "{alias_name}": "live",
    "{trigger_type_code}": "TIMER",
    "{trigger_id}": "none",
    "{event_id}": "none",
    "{period}": "10",
    "{resource_type}": "functions",
}


def paths(sdk: Sdk) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path with a place for the URN, and description of every operation that names a function in its path."""
    described = json.loads(sdk.raw("GET", "/openapi.json")[2])
    return [
        (method.upper(), _filled(path, sdk.credentials["project_id"]), operation)
        for path, methods in described["paths"].items()
        if any(name in path for name in IN_PATH) and path.startswith("/v2/")
        for method, operation in methods.items()
    ]


def _filled(path: str, project: str) -> str:
    path = path.replace("{project_id}", project)
    for name in IN_PATH:
        path = path.replace(name, "URN")
    for name, value in OTHERS.items():
        path = path.replace(name, value)
    assert "{" not in path, path
    return path


def body_of(operation: dict[str, Any]) -> bytes:
    """The first example of its body, or nothing."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = list(content.get("examples", {}).values())
    return json.dumps(examples[0]["value"]).encode() if examples else b"{}"


def told(sdk: Sdk, method: str, path: str, body: bytes) -> tuple[int, Any]:
    status, headers, answer = sdk.raw(method, path, body)
    is_json = headers.get("Content-Type", "").startswith("application/json")
    return status, json.loads(answer) if is_json else len(answer)


def test_every_operation_takes_a_urn_raw_and_percent_encoded(sdk: Sdk, name: str) -> None:
    """Of a function that is not there, so that nothing changes: all are found, verified and refused alike."""
    nobody = f"urn:fss:local-1:{sdk.credentials['project_id']}:function:default:{name}:!live"
    operations = paths(sdk)
    assert len(operations) > 35
    for method, path, operation in operations:
        answers = [told(sdk, method, path.replace("URN", form), body_of(operation)) for form in forms(nobody)]
        assert answers[0] == answers[1], (method, path)
        assert answers[0][0] in (400, 404), (method, path, answers)
        assert answers[0][1]["error_code"] != "FSS.0404" or "no such" in answers[0][1]["error_msg"].lower(), (method, path, answers)


def test_every_reading_operation_answers_the_same_to_both_forms(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    sdk("create_version_alias", function_urn=function, body={"name": "live", "version": "v1"})
    sdk("update_function_async_invoke_config", function_urn=f"{function}:v1", body={})
    for method, path, operation in paths(sdk):
        if method == "GET":
            query = "?config=true" if operation["operationId"] == "export_function" else ""
            encoded, raw = (told(sdk, method, path.replace("URN", form) + query, b"") for form in forms(f"{function}:!live"))
            assert encoded == raw, path
