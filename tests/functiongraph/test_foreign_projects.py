"""Projects do not see each other: each operation, asked for what belongs to another project, answers as for what does not exist."""

import base64
import json
import re
import secrets
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice, zipped
from tests.functiongraph.client import Sdk
from tests.functiongraph.senders import Answer, Wire, command, with_key

BODIES: dict[str, Any] = {
    "update_function_code": {"code_type": "zip", "func_code": {"file": base64.b64encode(b"PK\x05\x06" + bytes(18)).decode()}},
    "cancel_async_invocation": {"request_id": "", "type": "force"},
    "create_event": {"name": "example", "content": "e30="},
    "update_event": {"content": "e30="},
    "create_tags": {"action": "create", "tags": [{"key": "colour", "value": "red"}]},
    "delete_tags": {"action": "delete", "tags": [{"key": "colour", "value": "red"}]},
    "update_function_reserved_instances_count": {"count": 0},
    "dry_run_trigger": {"value": "{}"},
    "invoke_function": {"key": "value"},
    "async_invoke_function": {"key": "value"},
}
"""Bodies of operations whose example is not enough."""
QUERIES = {"export_function": "?config=true"}
OUTLIVES = {"read_logs"}
"""What a function printed outlives it: an own one that never was has printed nothing, and it is no other project's business."""

ELSEWHERE = f"urn:fss:local-1:{'0' * 32}:function:default:nobody:latest"


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    body: Any

    @property
    def names(self) -> list[str]:
        return [name for name in re.findall(r"\{(\w+)\}", self.path) if name != "project_id"]

    def asked(self, wire: Wire, sdk: Sdk, project: str, values: dict[str, str]) -> Answer:
        path = re.sub(r"\{(\w+)\}", lambda match: quote({**values, "project_id": project}[match[1]], safe=""), self.path)
        content = json.dumps(_filled(self.body, values)).encode() if self.body is not None else b""
        return wire.signed(sdk, self.method, path + QUERIES.get(self.name, ""), content)


def _filled(body: Any, values: dict[str, str]) -> Any:
    if isinstance(body, dict) and "request_id" in body:
        return {**body, "request_id": values["request_id"]}
    return body


@dataclass(frozen=True)
class Shop:
    """Another project with one of everything, as its admin sees it."""

    sdk: Sdk
    function: str
    values: dict[str, str]

    @property
    def project(self) -> str:
        return self.sdk.credentials["project_id"]

    def everything(self, wire: Wire) -> list[Any]:
        base, ours = f"/v2/{self.project}/fgs", f"/sluice/v1/{self.project}"
        urn = quote(self.function, safe="")
        places = [f"{base}/functions", f"{base}/functions/{urn}/aliases", f"{base}/triggers/{urn}", f"{ours}/keys"]
        return [_still(wire.signed(self.sdk, "GET", place).json) for place in (*places, f"{base}/functions/{urn}/config")]


def _still(told: Any) -> Any:
    """Without the links, which are made anew for each answer, and without what the function's own call counts."""
    text = re.sub(r'"(link|code_url)": "[^"]*"', r'"\1": ""', json.dumps(told))
    return json.loads(re.sub(r'"fail_count": [0-9]+', '"fail_count": 0', text))


@pytest.fixture(scope="module")
def wire(sluice: Sluice) -> Iterator[Wire]:
    opened = Wire(sluice)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shop(sluice: Sluice, wire: Wire) -> Shop:
    admin = with_key(sluice, command(sluice, "projects", "create", f"shop-{secrets.token_hex(4)}")["key"])
    body = {
        "func_name": "till", "package": "default", "runtime": "Custom Image", "handler": "-", "timeout": 30, "memory_size": 128,
        "code_type": "zip", "code_filename": "code.zip",
        "func_code": {"file": base64.b64encode(zipped(FUNCTIONS / "witness")).decode()},
    }  # fmt: skip
    made = admin("create_function", body=body)
    urn = made.func_urn.removesuffix(":latest")
    admin("create_function_version", function_urn=urn, body={"version": "v1"})
    admin("create_version_alias", function_urn=urn, body={"name": "live", "version": "v1"})
    data = {"name": "tick", "schedule_type": "Rate", "schedule": "10m"}
    timer = admin("create_function_trigger", function_urn=urn, body={"trigger_type_code": "TIMER", "event_data": data}).trigger_id
    event = admin("create_event", function_urn=urn, body={"name": "sample", "content": "e30="}).id
    started = admin("async_invoke_function", function_urn=urn, body={}).request_id
    values = {
        "function_urn": f"{urn}:latest", "func_urn": f"{urn}:latest", "alias_name": "live", "trigger_type_code": "TIMER",
        "trigger_id": timer, "event_id": event, "request_id": started, "access_key": admin.credentials["access_key"],
        "resource_type": "functions", "resource_id": made.resource_id, "digest": made.digest or "0" * 64, "period": "60",
        "action": "count",
    }  # fmt: skip
    return Shop(admin, urn, values)


@pytest.fixture(scope="module")
def nothing(sluice: Sluice, shop: Shop) -> dict[str, str]:
    """Values of the same shape that belong to nobody."""
    urn = f"urn:fss:local-1:{sluice.project}:function:default:nobody:latest"
    absent = {"function_urn": urn, "func_urn": urn, "alias_name": "dead", "access_key": "SL" + "0" * 18, "digest": "f" * 64}
    absent |= {"resource_id": "987654321:latest", "event_id": secrets.token_hex(16)}
    absent |= {name: _like(shop.values[name]) for name in ("trigger_id", "event_id", "request_id")}
    return shop.values | absent


def _like(value: str) -> str:
    """Another id of the same form."""
    return re.sub(r"[0-9a-f]", lambda match: "3" if match[0] == "2" else "2", value)


@pytest.fixture(scope="module")
def operations(wire: Wire) -> list[Operation]:
    """Every operation that the API's document names."""
    paths = wire.ask("GET", "/openapi.json").json["paths"]
    return [_operation(path, method, told) for path, methods in paths.items() for method, told in methods.items()]


def _operation(path: str, method: str, told: dict[str, Any]) -> Operation:
    media = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = [example["value"] for example in media.get("examples", {}).values()]
    body = BODIES.get(told["operationId"], examples[0] if examples else {} if media else None)
    return Operation(told["operationId"], method.upper(), path, body)


def said(answer: Answer, values: dict[str, str]) -> tuple[int, str]:
    """What was answered, whatever ids it repeats."""
    text = answer.body.decode(errors="replace")
    for value in sorted(values.values(), key=len, reverse=True):
        if len(value) > 8:
            text = text.replace(value, "<id>").replace(value.removesuffix(":latest"), "<id>")
    return answer.status, text


def test_another_project_is_answered_like_one_that_does_not_exist(
    operations: list[Operation], wire: Wire, sdk: Sdk, shop: Shop, nothing: dict[str, str]
) -> None:
    before = shop.everything(wire)
    of_projects = [operation for operation in operations if "{project_id}" in operation.path]
    assert len(of_projects) > 60
    for operation in of_projects:
        theirs = operation.asked(wire, sdk, shop.project, shop.values)
        nobodys = operation.asked(wire, sdk, "0" * 32, nothing)
        assert theirs.refusal == (404, "FSS.0404"), (operation, theirs.body)
        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body), operation
    assert shop.everything(wire) == before


def test_what_belongs_to_another_project_is_answered_like_what_does_not_exist(
    operations: list[Operation], wire: Wire, sluice: Sluice, sdk: Sdk, shop: Shop, nothing: dict[str, str]
) -> None:
    before = shop.everything(wire)
    ids = set(nothing) - {"resource_type", "trigger_type_code", "period", "action"}
    of_things = [operation for operation in operations if ids & set(operation.names)]
    assert len(of_things) > 35
    for operation in of_things:
        theirs = operation.asked(wire, sdk, sluice.project, shop.values)
        absent = nothing | ({"function_urn": ELSEWHERE} if operation.name in OUTLIVES else {})
        nobodys = operation.asked(wire, sdk, sluice.project, absent)
        assert said(theirs, shop.values) == said(nobodys, absent), operation
        assert theirs.status == 404, (operation, theirs.body)
    assert shop.everything(wire) == before


def test_parts_of_another_projects_function_are_not_reached_through_an_own_one(
    operations: list[Operation], wire: Wire, sluice: Sluice, sdk: Sdk, shop: Shop, nothing: dict[str, str], function: str
) -> None:
    before = shop.everything(wire)
    own = {"function_urn": f"{function}:latest", "func_urn": f"{function}:latest"}
    parts = {"alias_name", "trigger_id", "event_id"}
    of_parts = [operation for operation in operations if parts & set(operation.names) and "function_urn" in operation.names]
    assert len(of_parts) >= 8
    for operation in of_parts:
        theirs = operation.asked(wire, sdk, sluice.project, shop.values | own)
        nobodys = operation.asked(wire, sdk, sluice.project, nothing | own)
        assert said(theirs, shop.values) == said(nobodys, nothing), operation
        assert theirs.status == 404, (operation, theirs.body)
    assert shop.everything(wire) == before


def test_what_is_named_in_a_query_or_a_body_is_not_reached_either(wire: Wire, sluice: Sluice, sdk: Sdk, shop: Shop, function: str) -> None:
    before = shop.everything(wire)
    ours, fgs = f"/sluice/v1/{sluice.project}", f"/v2/{sluice.project}/fgs"
    urn, timer = shop.values["function_urn"], shop.values["trigger_id"]
    assert wire.signed(sdk, "GET", f"{ours}/triggers?function={quote(urn, safe='')}").status == 404
    assert wire.signed(sdk, "GET", f"{ours}/dead?trigger={timer}").json["dead"] == []
    for path in ("redrive", "purge"):
        assert wire.signed(sdk, "POST", f"{ours}/dead/{path}", json.dumps({"trigger": timer}).encode()).json["count"] == 0
    app = json.dumps({"role": "app", "triggers": [timer]}).encode()
    assert wire.signed(sdk, "POST", f"{ours}/keys", app).refusal == (400, "FSS.0400")
    after = {"destination": "FunctionGraph", "param": json.dumps({"func_urn": urn})}
    config = json.dumps({"destination_config": {"on_failure": after}}).encode()
    assert wire.signed(sdk, "PUT", f"{fgs}/functions/{function}/async-invoke-config", config).status in (400, 404)
    event = shop.values["request_id"]
    found = wire.signed(sdk, "GET", f"{fgs}/functions/{function}/async-invocations?request_id={event}").json
    assert found["invocations"] == []
    assert wire.signed(shop.sdk, "GET", f"/sluice/v1/{shop.project}/events/{event}").status == 200
    assert shop.everything(wire) == before


def test_an_answer_takes_as_long_whether_the_thing_is_another_projects_or_nobodys(
    wire: Wire, sluice: Sluice, sdk: Sdk, shop: Shop, nothing: dict[str, str]
) -> None:
    operation = Operation("show_function_config", "GET", "/v2/{project_id}/fgs/functions/{function_urn}/config", None)
    taken: dict[str, list[float]] = {"theirs": [], "nobodys": []}
    for _ in range(150):
        for name, values in (("theirs", shop.values), ("nobodys", nothing)):
            began = time.perf_counter()
            operation.asked(wire, sdk, sluice.project, values)
            taken[name].append(time.perf_counter() - began)
    ratio = statistics.median(taken["theirs"]) / statistics.median(taken["nobodys"])
    assert 0.5 < ratio < 2, ratio
