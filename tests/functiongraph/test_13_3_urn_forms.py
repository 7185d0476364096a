"""The checklist's third item: every form of a URN means the same function, and `!alias` what it points to."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.functiongraph.client import Sdk, forms


@pytest.fixture
def aliased(sdk: Sdk, function: str) -> str:
    """A function with version v1 and the alias live, which points to it; latest is another by now."""
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    sdk("create_version_alias", function_urn=function, body={"name": "live", "version": "v1"})
    return function


def short_forms(urn: str, qualifier: str = "latest") -> dict[int, str]:
    """By the number of fields."""
    project, package, name = urn.split(":")[3], *urn.split(":")[5:7]
    return {
        1: name,
        2: f"{package}:{name}",
        3: f"{project}:{package}:{name}",
        4: f"{project}:{package}:{name}:{qualifier}",
        7: urn,
        8: f"{urn}:{qualifier}",
    }


def ask(sdk: Sdk, named: str, what: str = "config") -> tuple[int, Any]:
    status, _, body = sdk.raw("GET", f"/v2/{sdk.credentials['project_id']}/fgs/functions/{named}/{what}")
    return status, json.loads(body)


def invoked(sdk: Sdk, named: str) -> str:
    """The version that ran."""
    target = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{named}/invocations"
    status, _, body = sdk.raw("POST", target, b'{"do": "tell"}')
    assert status == 200, body
    version: str = json.loads(body)["environment"]["RUNTIME_FUNC_VERSION"]
    return version


@pytest.mark.parametrize("fields", [1, 2, 3, 4, 7, 8])
def test_13_3_short_and_full_forms_are_one_function(sdk: Sdk, aliased: str, fields: int) -> None:
    urn = short_forms(aliased)[fields]
    assert sdk("show_function_config", function_urn=urn).func_urn == f"{aliased}:latest"
    for written in forms(urn):
        assert ask(sdk, written)[1]["func_urn"] == f"{aliased}:latest"
        assert invoked(sdk, written) == "latest"


@pytest.mark.parametrize("fields", [4, 8])
@pytest.mark.parametrize("qualifier", ["v1", "!live"])
def test_13_3_a_version_and_an_alias_are_named_in_4_and_in_8_fields(sdk: Sdk, aliased: str, fields: int, qualifier: str) -> None:
    urn = short_forms(aliased, qualifier)[fields]
    assert sdk("show_function_config", function_urn=urn).version == "v1"
    for written in (*forms(urn), quote(urn, safe=":")):
        assert ask(sdk, written)[1]["func_urn"] == f"{aliased}:v1"
        assert invoked(sdk, written) == "v1"


@pytest.mark.parametrize("fields", [1, 2, 3, 7])
def test_13_3_triggers_and_settings_go_by_short_forms_too(sdk: Sdk, aliased: str, fields: int) -> None:
    short = short_forms(aliased)[fields]
    timer = {"name": "tick", "schedule_type": "Rate", "schedule": "10m"}
    made = sdk("create_function_trigger", function_urn=short, body={"trigger_type_code": "TIMER", "event_data": timer})
    assert [shown.trigger_id for shown in sdk("list_function_triggers", function_urn=aliased).body] == [made.trigger_id]
    sdk("update_function_async_invoke_config", function_urn=short, body={"max_async_retry_attempts": 2})
    assert sdk("show_function_async_invoke_config", function_urn=f"{aliased}:latest").max_async_retry_attempts == 2


@pytest.mark.parametrize(
    "wrong", ["a:b:c:d:e", "urn:fss:local-1:p:workflow:default:x", "1nvalid", "urn:fss:local-1:p:function:default:x:v:1"]
)
def test_13_3_other_forms_are_refused(sdk: Sdk, wrong: str) -> None:
    status, said = ask(sdk, wrong)
    assert (status, said["error_code"]) == (400, "FSS.1309")


def test_13_3_what_is_not_there_is_named_by_its_kind(sdk: Sdk, aliased: str) -> None:
    for urn, code in ((f"{aliased}x", "FSS.1051"), (f"{aliased}:v9", "FSS.1052"), (f"{aliased}:!nobody", "FSS.1053")):
        sdk.refused("show_function_config", code, 404, function_urn=urn)
    elsewhere = aliased.replace(sdk.credentials["project_id"], "f" * 32)
    sdk.refused("show_function_config", "FSS.1051", 404, function_urn=elsewhere)
