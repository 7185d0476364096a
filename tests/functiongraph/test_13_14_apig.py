"""The checklist's fourteenth item, over a real gateway: HTTP triggers, their envelope, their paths and their auth."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice, zipped
from tests.functiongraph.client import Sdk
from tests.functiongraph.senders import Wire, command, key_of_role, with_key
from tests.functiongraph.test_triggers import apig
from tests.waiting import until

Open = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def behind(sdk: Sdk) -> Iterator[str]:
    """The URN of a function that answers in envelopes."""
    code = base64.b64encode(zipped(FUNCTIONS / "envelope")).decode()
    body = {
        "func_name": f"fn-{secrets.token_hex(5)}", "package": "default", "runtime": "Custom Image", "handler": "-", "timeout": 30,
        "memory_size": 128, "code_type": "zip", "code_filename": "code.zip", "func_code": {"file": code},
    }  # fmt: skip
    urn: str = sdk("create_function", body=body).func_urn.removesuffix(":latest")
    yield urn
    sdk("delete_function", function_urn=urn)


@pytest.fixture
def wire(sluice: Sluice) -> Iterator[Wire]:
    opened = Wire(sluice)
    yield opened
    opened.close()


@pytest.fixture
def door(sdk: Sdk, behind: str) -> Iterator[Open]:
    """Makes a trigger of its own path: the path and the trigger's id. It goes with the test."""
    made: list[str] = []

    def make(**settings: Any) -> tuple[str, str]:
        path = settings.pop("path", f"/p{secrets.token_hex(5)}")
        trigger: str = sdk("create_function_trigger", function_urn=behind, body=apig(path, **settings)).trigger_id
        made.append(trigger)
        return path, trigger

    yield make
    for trigger in made:
        sdk("delete_function_trigger", function_urn=behind, trigger_type_code="APIG", trigger_id=trigger)


def test_13_14_the_body_is_base64_by_default(wire: Wire, door: Open) -> None:
    path, trigger = door()
    event = wire.ask("POST", f"{path}/below?page=2&tag=a&tag=b", b'\x00\xff{"a":1}', {"X-Custom": "1"}).json
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b'\x00\xff{"a":1}'
    assert (event["httpMethod"], event["path"], event["requestContext"]["apiId"]) == ("POST", f"{path}/below", trigger)
    assert event["queryStringParameters"] == {"page": "2", "tag": ["a", "b"]}
    assert event["headers"]["x-custom"] == "1"


def test_13_14_the_envelope_is_obeyed(wire: Wire, door: Open) -> None:
    path, _ = door()
    envelope = {
        "statusCode": 418,
        "headers": {"X-Many": ["1", "2"]},
        "isBase64Encoded": True,
        "body": base64.b64encode(b"\x00\xff").decode(),
    }
    answer = wire.ask("GET", f"{path}?answer={_escaped(envelope)}")
    assert (answer.status, answer.body, answer.headers.get_all("X-Many")) == (418, b"\x00\xff", ["1", "2"])


@pytest.mark.parametrize("missing", ["statusCode", "headers", "isBase64Encoded", "body"])
def test_13_14_an_envelope_without_one_of_its_fields_is_a_500(wire: Wire, door: Open, missing: str) -> None:
    path, _ = door()
    envelope = {"statusCode": 200, "headers": {}, "isBase64Encoded": False, "body": "x"}
    del envelope[missing]
    assert wire.ask("GET", f"{path}?answer={_escaped(envelope)}").refusal == (500, "FSS.1202")


async def test_13_14_an_async_trigger_answers_at_once_and_runs_later(sdk: Sdk, wire: Wire, door: Open, behind: str) -> None:
    path, _ = door(func_info={"timeout": 5000, "invocation_type": "async"})
    answer = wire.ask("POST", path, b"x")
    assert answer.status == 202
    request = answer.json["request_id"]

    def ended() -> bool:
        found = sdk("list_async_invocations", function_urn=behind, request_id=request).invocations
        return bool(found) and found[0].status == "SUCCESS"

    await until(ended, 30)


def test_13_14_normal_is_one_path_and_swa_all_below_it(wire: Wire, door: Open) -> None:
    normal, _ = door(match_mode="NORMAL")
    below, _ = door(match_mode="SWA")
    found = [wire.ask("GET", target).status for target in (normal, f"{normal}/x", f"{normal}x", below, f"{below}/x/y", f"{below}x")]
    assert found == [200, 404, 404, 200, 200, 404]


def test_13_14_auth_none_lets_anybody_in_and_passes_on_what_is_shown(wire: Wire, door: Open) -> None:
    path, _ = door(auth="NONE")
    event = wire.ask("GET", path, headers={"Authorization": "Bearer of the function", "X-Auth-Token": "its own"}).json
    assert (event["headers"]["authorization"], event["headers"]["x-auth-token"]) == ("Bearer of the function", "its own")


def test_13_14_auth_iam_wants_a_key_or_a_token_that_may_invoke(sluice: Sluice, sdk: Sdk, wire: Wire, door: Open) -> None:
    path, _ = door(auth="IAM")
    assert wire.ask("POST", path, b"x").refusal == (401, "FSS.0401")
    for role, status in (("admin", 200), ("deployer", 200), ("invoker", 200), ("reader", 403), ("app", 401)):
        asked = key_of_role(sluice, role)
        assert wire.signed(asked, "POST", path, b"x").status == status, role
    shown = wire.signature(sdk, "POST", f"{path}?a=1", b"x")
    assert wire.ask("POST", f"{path}?a=1", b"x", shown).status == 200
    assert wire.ask("POST", f"{path}?a=2", b"x", shown).refusal == (401, "FSS.0401")
    assert wire.ask("POST", f"{path}?a=1", b"y", shown).refusal == (401, "FSS.0401")
    pair = {"access": {"key": sdk.credentials["access_key"]}, "secret": {"key": sdk.credentials["secret_key"]}}
    body = json.dumps({"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}).encode()
    token = wire.ask("POST", "/v3/auth/tokens", body).headers["X-Subject-Token"]
    event = wire.ask("POST", path, b"x", {"X-Auth-Token": token}).json
    assert "x-auth-token" not in event["headers"]
    assert wire.ask("POST", path, b"x", {"X-Auth-Token": token + "x"}).refusal == (401, "FSS.0401")


def test_13_14_auth_app_wants_an_app_by_signature_or_by_code(sluice: Sluice, sdk: Sdk, wire: Wire, door: Open) -> None:
    path, trigger = door(auth="APP")
    elsewhere, _ = door(auth="APP")
    app = command(sluice, "keys", "create", "--role", "app", "--trigger", trigger)
    assert wire.ask("POST", path, b"x").refusal == (401, "FSS.0401")
    assert wire.signed(sdk, "POST", path, b"x").refusal == (401, "FSS.0401")
    signed = wire.signed(with_key(sluice, app), "POST", path, b"x")
    by_code = wire.ask("POST", path, b"x", {"X-Apig-AppCode": app["app_code"]})
    for answer in (signed, by_code):
        assert answer.status == 200
        assert not {"authorization", "x-apig-appcode"} & set(answer.json["headers"])
        assert app["secret_key"] not in answer.body.decode()
        assert app["app_code"] not in answer.body.decode()
    assert wire.ask("POST", elsewhere, b"x", {"X-Apig-AppCode": app["app_code"]}).refusal == (403, "FSS.0403")
    assert wire.ask("POST", path, b"x", {"X-Apig-AppCode": app["app_code"][:-1]}).refusal == (401, "FSS.0401")
    assert wire.signed(with_key(sluice, app), "GET", f"/v2/{sluice.project}/fgs/functions").refusal == (401, "FSS.0401")
    sluice.send("DELETE", f"/sluice/v1/{sluice.project}/keys/{app['access_key']}")
    assert wire.ask("POST", path, b"x", {"X-Apig-AppCode": app["app_code"]}).refusal == (401, "FSS.0401")


@pytest.mark.parametrize("auth", ["IAM", "APP"])
def test_13_14_a_key_of_another_project_is_an_unknown_key(sluice: Sluice, wire: Wire, door: Open, auth: str) -> None:
    path, _ = door(auth=auth)
    project = f"other-{secrets.token_hex(4)}"
    admin = with_key(sluice, command(sluice, "projects", "create", project)["key"])
    app = command(sluice, "keys", "create", "--project", project, "--role", "app")
    assert wire.signed(admin, "POST", path, b"x").refusal == (401, "FSS.0401")
    assert wire.signed(with_key(sluice, app), "POST", path, b"x").refusal == (401, "FSS.0401")
    assert wire.ask("POST", path, b"x", {"X-Apig-AppCode": app["app_code"]}).refusal == (401, "FSS.0401")


def _escaped(envelope: dict[str, Any]) -> str:
    return quote(json.dumps(envelope), safe="")
