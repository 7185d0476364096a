"""Functions, their code, configuration and versions through the unmodified SDK; one test an operation."""

import base64
import io
import secrets
import zipfile
from typing import Any

import pytest

from tests.functiongraph.client import Sdk
from tests.functiongraph.conftest import Deploy, reconfigure

NOWHERE = "urn:fss:{region}:{project}:function:default:nobody-made-this"


def update(name: str, **settings: Any) -> dict[str, Any]:
    """The body of update_function_config."""
    return {"func_name": name, "runtime": "Custom Image", "handler": "-", "timeout": 30, "memory_size": 128, **settings}


def test_list_functions_pages_and_searches(sdk: Sdk, deploy: Deploy) -> None:
    stem = f"list{secrets.token_hex(4)}"
    urns = [deploy(func_name=f"{stem}-{number}", package="listed") for number in range(3)]
    first = sdk("list_functions", func_name=stem, package_name="listed", maxitems="2")
    assert ([shown.func_name for shown in first.functions], first.count) == ([f"{stem}-0", f"{stem}-1"], 3)
    rest = sdk("list_functions", func_name=stem, package_name="listed", maxitems="2", marker=str(first.next_marker))
    assert [shown.func_urn for shown in rest.functions] == [f"{urns[2]}:latest"]
    assert rest.next_marker == 3


def test_list_functions_refuses_a_marker_below_zero(sdk: Sdk) -> None:
    sdk.refused("list_functions", "FSS.1001", 400, marker="-1")


def test_create_function_keeps_every_attribute(sdk: Sdk, deploy: Deploy, name: str) -> None:
    urn = deploy(
        func_name=name,
        package="attributes",
        timeout=60,
        memory_size=512,
        description="all of it",
        user_data='{"LEVEL": "debug"}',
        encrypted_user_data='{"password": "secret"}',
        initializer_handler="index.initializer",
        initializer_timeout=20,
        xrole="agency",
        app_xrole="other",
        enable_dynamic_memory=True,
        is_stateful_function=True,
        enable_lts_log=True,
        lts_custom_tag={"team": "orders"},
        domain_names='{"a.example": []}',
        log_config={"group_id": "g", "group_name": "G", "stream_id": "s", "stream_name": "S"},
    )
    shown = sdk("show_function_config", function_urn=urn)
    assert (shown.func_name, shown.package, shown.timeout, shown.memory_size) == (name, "attributes", 60, 512)
    assert (shown.user_data, shown.encrypted_user_data) == ('{"LEVEL": "debug"}', '{"password":""}')
    assert (shown.initializer_handler, shown.initializer_timeout) == ("index.initializer", 20)
    assert (shown.xrole, shown.app_xrole, shown.description) == ("agency", "other", "all of it")
    assert (shown.enable_dynamic_memory, shown.is_stateful_function, shown.enable_lts_log) == (True, True, True)
    assert (shown.lts_custom_tag, shown.log_group_id, shown.log_stream_id) == ({"team": "orders"}, "g", "s")
    assert (shown.version, shown.func_urn, shown.namespace) == ("latest", f"{urn}:latest", sdk.credentials["project_id"])
    assert len(shown.digest) == 128


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"func_name": "1-begins-with-a-digit"}, "FSS.1002"),
        ({"func_name": "ends-"}, "FSS.1002"),
        ({"func_name": "x" * 61}, "FSS.1002"),
        ({"package": "not a package"}, "FSS.1004"),
        ({"runtime": "Cobol85"}, "FSS.1005"),
        ({"memory_size": 129}, "FSS.1007"),
        ({"timeout": 2}, "FSS.1008"),
        ({"timeout": 259201}, "FSS.1008"),
        ({"user_data": "not json"}, "FSS.1009"),
        ({"user_data": "{" + ", ".join(f'"n{number}": ""' for number in range(21)) + "}"}, "FSS.1017"),
        ({"user_data": '{"x": "' + "y" * 4096 + '"}'}, "FSS.1018"),
        ({"description": "x" * 513}, "FSS.1019"),
        ({"initializer_handler": "no-dot"}, "FSS.1404"),
        ({"initializer_handler": "index.init", "initializer_timeout": 301}, "FSS.1405"),
        ({"func_code": {"file": "bm8gemlw"}}, "FSS.1011"),
        ({"code_type": "zip", "func_code": None}, "FSS.1012"),
    ],
)
def test_create_function_refuses_what_is_out_of_range(sdk: Sdk, new_function: dict[str, Any], wrong: dict[str, Any], code: str) -> None:
    body = {key: value for key, value in {**new_function, **wrong}.items() if value is not None}
    sdk.refused("create_function", code, 400, body=body)


def test_create_function_refuses_a_name_that_is_taken(sdk: Sdk, deploy: Deploy, new_function: dict[str, Any]) -> None:
    deploy(func_name=new_function["func_name"])
    sdk.refused("create_function", "FSS.1061", 409, body=new_function)


def test_delete_function_takes_versions_aliases_and_triggers_with_it(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    sdk("create_version_alias", function_urn=function, body={"name": "live", "version": "v1"})
    assert sdk("delete_function", function_urn=function).status_code == 204
    for operation in ("show_function_config", "list_function_versions", "list_version_aliases", "list_function_triggers"):
        sdk.refused(operation, "FSS.1051", 404, function_urn=function)
    sdk.refused("delete_function", "FSS.1051", 404, function_urn=function)


def test_delete_function_of_latest_alone_is_refused(sdk: Sdk, function: str) -> None:
    sdk.refused("delete_function", "FSS.1015", 400, function_urn=f"{function}:latest")


def test_delete_function_of_a_version_takes_its_aliases_and_triggers_only(sdk: Sdk, function: str) -> None:
    for version in ("v1", "v2"):
        if version == "v2":
            reconfigure(sdk, function)
        sdk("create_function_version", function_urn=function, body={"version": version})
        sdk("create_version_alias", function_urn=function, body={"name": f"to-{version}", "version": version})
        data = {"name": f"every-{version}", "schedule_type": "Rate", "schedule": "10m"}
        sdk("create_function_trigger", function_urn=f"{function}:{version}", body={"trigger_type_code": "TIMER", "event_data": data})
    sdk("delete_function", function_urn=f"{function}:v1")
    assert [shown.version for shown in sdk("list_function_versions", function_urn=function).versions] == ["latest", "v2"]
    assert [shown.name for shown in sdk("list_version_aliases", function_urn=function).body] == ["to-v2"]
    sdk.refused("list_function_triggers", "FSS.1052", 404, function_urn=f"{function}:v1")
    assert len(sdk("list_function_triggers", function_urn=f"{function}:v2").body) == 1


def test_show_function_code_links_to_the_package(sdk: Sdk, function: str) -> None:
    shown = sdk("show_function_code", function_urn=function)
    path = shown.func_code.link.removeprefix(sdk.credentials["endpoint"])
    status, _, package = sdk.raw("GET", path)
    assert (status, zipfile.ZipFile(io.BytesIO(package)).namelist()) == (200, ["bootstrap"])
    assert (shown.code_type, shown.code_filename, shown.code_size) == ("zip", "code.zip", len(package))


def test_show_function_code_of_nothing_is_refused(sdk: Sdk, function: str, name: str) -> None:
    sdk.refused("show_function_code", "FSS.1051", 404, function_urn=name)
    sdk.refused("show_function_code", "FSS.1052", 404, function_urn=f"{function}:v9")
    sdk.refused("show_function_code", "FSS.1053", 404, function_urn=f"{function}:!nobody")


def test_update_function_code_changes_the_digest(sdk: Sdk, function: str, echo: str) -> None:
    before = sdk("show_function_code", function_urn=function).digest
    same = sdk("update_function_code", function_urn=function, body={"code_type": "zip", "func_code": {"file": echo}})
    assert same.digest == before
    changed = sdk("update_function_code", function_urn=function, body={"code_type": "zip", "func_code": {"file": other_package()}})
    assert changed.digest not in ("", before)
    assert sdk("show_function_config", function_urn=function).digest == changed.digest


def other_package() -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        archive.writestr(info, b"#!/bin/sh\nexit 1\n")
    return base64.b64encode(buffer.getvalue()).decode()


def test_update_function_code_refuses_what_is_no_package(sdk: Sdk, function: str, echo: str) -> None:
    body = {"code_type": "zip", "func_code": {"file": "bm8gemlw"}}
    sdk.refused("update_function_code", "FSS.1011", 400, function_urn=function, body=body)
    body = {"code_type": "punched-cards", "func_code": {"file": echo}}
    sdk.refused("update_function_code", "FSS.1006", 400, function_urn=function, body=body)


def test_show_function_config_of_nothing_is_refused(sdk: Sdk, function: str, name: str) -> None:
    sdk.refused("show_function_config", "FSS.1051", 404, function_urn=name)
    sdk.refused("show_function_config", "FSS.1052", 404, function_urn=f"{function}:v9")
    sdk.refused("show_function_config", "FSS.1053", 404, function_urn=f"{function}:!nobody")
    sdk.refused("show_function_config", "FSS.1309", 400, function_urn="a:b:c:d:e")


def test_update_function_config_changes_what_is_given_and_keeps_the_rest(sdk: Sdk, deploy: Deploy, name: str) -> None:
    urn = deploy(func_name=name, description="kept")
    strategy = {"concurrency": 5, "concurrent_num": 3}
    changed = sdk("update_function_config", function_urn=urn, body=update(name, memory_size=256, strategy_config=strategy))
    assert (changed.memory_size, changed.description) == (256, "kept")
    assert (changed.strategy_config.concurrency, changed.strategy_config.concurrent_num) == (5, 3)
    assert sdk("show_function_config", function_urn=urn).memory_size == 256


def test_update_function_config_refuses_what_cannot_change(sdk: Sdk, deploy: Deploy, name: str) -> None:
    urn = deploy(func_name=name)
    sdk.refused("update_function_config", "FSS.1002", 400, function_urn=urn, body=update("another"))
    sdk.refused("update_function_config", "FSS.1005", 400, function_urn=urn, body=update(name, runtime="http"))
    sdk.refused("update_function_config", "FSS.1007", 400, function_urn=urn, body=update(name, memory_size=1))
    sdk.refused("update_function_config", "FSS.1051", 404, function_urn=f"{urn}x", body=update(f"{name}x"))


@pytest.mark.parametrize("number", [-1, 0, 1000])
def test_update_function_max_instance_config_sets_the_bound(sdk: Sdk, function: str, number: int) -> None:
    changed = sdk("update_function_max_instance_config", function_urn=function, body={"max_instance_num": number})
    assert changed.strategy_config.concurrency == number


def test_update_function_max_instance_config_refuses_other_numbers(sdk: Sdk, function: str) -> None:
    for number in (-2, 1001):
        sdk.refused("update_function_max_instance_config", "FSS.1026", 400, function_urn=function, body={"max_instance_num": number})


def test_create_function_version_is_immutable_and_named(sdk: Sdk, function: str) -> None:
    published = sdk("create_function_version", function_urn=function, body={"version": "v1", "description": "the first"})
    assert (published.version, published.version_description) == ("v1", "the first")
    reconfigure(sdk, function)
    assert sdk("show_function_config", function_urn=f"{function}:v1").memory_size == 128
    second = sdk("create_function_version", function_urn=function, body={})
    assert second.version.startswith("v20")


def test_create_function_version_refuses_what_is_taken_or_unchanged(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    sdk.refused("create_function_version", "FSS.1016", 400, function_urn=function, body={"version": "v2"})
    reconfigure(sdk, function)
    sdk.refused("create_function_version", "FSS.1062", 409, function_urn=function, body={"version": "v1"})
    sdk.refused("create_function_version", "FSS.1015", 400, function_urn=function, body={"version": "not a name"})


def test_list_function_versions_begins_with_latest_and_pages(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    sdk("update_function_async_invoke_config", function_urn=f"{function}:v1", body={"max_async_retry_attempts": 2})
    every = sdk("list_function_versions", function_urn=function)
    assert ([shown.version for shown in every.versions], every.count) == (["latest", "v1"], 2)
    assert every.versions[1].function_async_config.max_async_retry_attempts == 2
    page = sdk("list_function_versions", function_urn=function, marker="1", maxitems="1")
    assert ([shown.version for shown in page.versions], page.next_marker) == (["v1"], 2)
    sdk.refused("list_function_versions", "FSS.1001", 400, function_urn=function, maxitems="-3")
