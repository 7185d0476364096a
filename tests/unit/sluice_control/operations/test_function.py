"""Functions, code, configuration and versions through the API."""

import base64
import hashlib
import json
from typing import Any

import pytest

from sluice.clock import SteppedClock
from sluice_control.control import Control
from tests.unit.sluice_control.client import Answer, Client, encoded, function_body, package

FUNCTIONS = "/v2/{p}/fgs/functions"
MOUNT = {"mount_type": "sfs", "mount_resource": "r", "mount_share_path": "/", "local_mount_path": "/mnt"}
MOUNTS: dict[str, Any] = {"mount_user": {"user_id": 1003, "user_group_id": -1}, "func_mounts": [MOUNT]}


async def create(api: Client, name: str = "hello", **fields: Any) -> Answer:
    answer = await api("POST", FUNCTIONS, function_body(name, **fields))
    assert answer.status == 200, answer.body
    return answer


async def change(api: Client, urn: str, **fields: Any) -> Answer:
    body = {"func_name": "hello", "runtime": "Custom Image", "timeout": 30, "handler": "-", "memory_size": 128} | fields
    return await api("PUT", f"{FUNCTIONS}/{urn}/config", body)


async def test_a_created_function_is_answered_with_its_configuration(api: Client, control: Control) -> None:
    answer = await create(api, user_data='{"A": "b"}', description="says hello")
    body = answer.json
    digest = hashlib.sha512(base64.b64decode(package())).hexdigest()
    assert body["func_urn"] == f"urn:fss:local-1:{api.project}:function:default:hello:latest"
    assert (body["version"], body["runtime"], body["code_type"], body["digest"]) == ("latest", "Custom Image", "zip", digest)
    assert (body["namespace"], body["package"], body["cpu"], body["long_time"]) == (api.project, "default", 300, False)
    assert body["strategy_config"] == {"concurrency": 400, "concurrent_num": 1}
    assert (body["user_data"], body["encrypted_user_data"], body["custom_image"]) == ('{"A": "b"}', "", None)
    assert body["image_name"].startswith("latest-231114221320@")
    assert body["last_modified"] == "2023-11-14T22:13:20Z"
    assert answer.headers["x-request-id"]


async def test_what_was_created_is_shown_by_every_form_of_its_urn(api: Client) -> None:
    urn = (await create(api)).json["func_urn"]
    project = api.project
    short = ["hello", "default:hello", f"{project}:default:hello", f"{project}:default:hello:latest"]
    forms = [urn, encoded(urn), urn.removesuffix(":latest"), *short]
    for form in forms:
        shown = await api("GET", f"{FUNCTIONS}/{form}/config")
        assert (shown.status, shown.json["func_urn"]) == (200, urn), form


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("func_name", "1hello", "FSS.1002"),
        ("func_name", "a" * 61, "FSS.1002"),
        ("func_name", 7, "FSS.1002"),
        ("func_name", None, "FSS.1002"),
        ("package", "no way", "FSS.1004"),
        ("runtime", "Python2.7", "FSS.1005"),
        ("timeout", 2, "FSS.1008"),
        ("timeout", 259_201, "FSS.1008"),
        ("timeout", "30", "FSS.1008"),
        ("handler", "nodot", "FSS.1003"),
        ("memory_size", 100, "FSS.1007"),
        ("code_type", "obs", "FSS.1006"),
        ("func_code", None, "FSS.1012"),
        ("func_code", {"file": "***"}, "FSS.1011"),
        ("func_code", {"file": "aGVsbG8="}, "FSS.1011"),
        ("user_data", "[1]", "FSS.1009"),
        ("user_data", '{"A": 1}', "FSS.1009"),
        ("user_data", '{"1A": "x"}', "FSS.1009"),
        ("user_data", '{"RUNTIME_CPU": "x"}', "FSS.1009"),
        ("user_data", json.dumps({f"K{number}": "" for number in range(21)}), "FSS.1017"),
        ("user_data", json.dumps({"K": "x" * 4096}), "FSS.1018"),
        ("description", "x" * 513, "FSS.1019"),
        ("strategy_config", {"concurrency": 1001, "concurrent_num": 1}, "FSS.1026"),
        ("strategy_config", {"concurrency": 1, "concurrent_num": 0}, "FSS.1026"),
        ("initializer_handler", "-", "FSS.1405"),
        ("initializer_timeout", 10, "FSS.1404"),
        ("type", "v3", "FSS.0400"),
        ("colour", "red", "FSS.0400"),
        ("initializer_timeout", 301, "FSS.1405"),
        ("pre_stop_timeout", 91, "FSS.0400"),
        ("pre_stop_handler", "nodot", "FSS.0400"),
        ("restore_hook_timeout", 301, "FSS.0400"),
        ("heartbeat_handler", "x." + "y" * 127, "FSS.0400"),
        ("ephemeral_storage", 1024, "FSS.0400"),
        ("gpu_memory", 1025, "FSS.0400"),
        ("gpu_memory", 17_408, "FSS.0400"),
        ("lts_custom_tag", {f"t{number}": "" for number in range(11)}, "FSS.0400"),
        ("lts_custom_tag", {"t": "x" * 65}, "FSS.0400"),
        ("mount_config", {"mount_user": {"user_id": 1003}}, "FSS.0400"),
        ("mount_config", MOUNTS | {"func_mounts": [MOUNT | {"mount_type": "floppy"}]}, "FSS.0400"),
        ("mount_config", MOUNTS | {"func_mounts": [MOUNT] * 6}, "FSS.1049"),
        ("depend_version_list", ["x"] * 20_000, "FSS.0400"),
        ("func_vpc", {"vpc_id": "x" * 66_000, "subnet_id": "y"}, "FSS.0400"),
        ("xrole", "x" * 66_000, "FSS.0400"),
        ("mount_config", MOUNTS | {"mount_user": {"user_id": 1000, "user_group_id": -1}}, "FSS.1075"),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_field_and_code(api: Client, field: str, value: Any, code: str) -> None:
    answer = await api("POST", FUNCTIONS, function_body(**{field: value}) | ({field: value} if value is not None else {}))
    assert answer.error == (403 if code == "FSS.1049" else 400, code)
    assert field in answer.message
    assert (await api("GET", FUNCTIONS)).json["count"] == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"timeout": 3, "memory_size": 10_240},
        {"timeout": 259_200, "description": "x" * 512},
        {"user_data": json.dumps({f"K{number}": "" for number in range(20)})},
        {"user_data": json.dumps({"K": "x" * 4087})},
        {"strategy_config": {"concurrency": -1, "concurrent_num": 1000}},
        {"strategy_config": {"concurrency": 0, "concurrent_num": 1}, "type": "v1"},
        {"initializer_handler": "a.b", "initializer_timeout": 300},
        {"pre_stop_handler": "a.b", "pre_stop_timeout": 90},
        {"gpu_memory": 16_384, "gpu_type": "nvidia-t4", "ephemeral_storage": 10_240},
        {"mount_config": MOUNTS, "lts_custom_tag": {"x" * 64: "y" * 64}},
    ],
)
async def test_the_ends_of_every_range_are_inside(api: Client, settings: dict[str, Any]) -> None:
    shown = (await create(api, **settings)).json
    assert {name: shown[name] for name in settings if name in shown} == {name: value for name, value in settings.items() if name in shown}


async def test_a_function_of_type_v1_has_no_bound_between(api: Client) -> None:
    refused = await api("POST", FUNCTIONS, function_body(type="v1", strategy_config={"concurrency": 5, "concurrent_num": 2}))
    assert refused.error == (400, "FSS.1026")
    assert refused.message.count("type v1") == 2


async def test_rules_are_told_beside_faults_of_the_shape(api: Client) -> None:
    refused = await api("POST", FUNCTIONS, function_body("1bad", timeout="x", memory_size=1, colour="red", description="d" * 513))
    for field in ("timeout:", "colour:", "func_name:", "memory_size:", "description:"):
        assert refused.message.count(field) == 1, refused.message


async def test_an_update_names_what_cannot_change_beside_what_breaks_a_rule(api: Client) -> None:
    urn = (await create(api)).json["func_urn"]
    refused = await change(api, urn, func_name="other", runtime="http", timeout=1)
    assert refused.error == (400, "FSS.1002")
    for field in ("func_name:", "runtime:", "timeout:"):
        assert field in refused.message


async def test_all_faults_are_named_in_one_message(api: Client) -> None:
    answer = await api("POST", FUNCTIONS, function_body("1x", timeout=1, memory_size=5, handler="?"))
    assert all(field in answer.message for field in ("func_name", "timeout", "memory_size", "handler"))
    answer = await api("POST", FUNCTIONS, {"func_name": 1, "timeout": "x", "colour": 1})
    assert all(field in answer.message for field in ("colour", "package", "runtime", "func_name", "timeout", "handler", "memory_size"))


async def test_a_body_that_is_not_a_json_object_is_refused(api: Client) -> None:
    for body in (b"{", b"[]", b"\xff\xfe", b'"x"', b"null"):
        assert (await api("POST", FUNCTIONS, body)).error == (400, "FSS.0400")


async def test_null_means_the_same_as_leaving_a_field_out(api: Client) -> None:
    body = function_body() | {"user_data": None, "custom_image": None, "xrole": None}
    assert (await api("POST", FUNCTIONS, body)).status == 200


@pytest.mark.parametrize(("name", "mode", "reason"), [("main", 0o755, "bootstrap"), ("bootstrap", 0o644, "not executable")])
async def test_a_package_without_an_executable_bootstrap_is_refused_by_name(api: Client, name: str, mode: int, reason: str) -> None:
    answer = await api("POST", FUNCTIONS, function_body(func_code={"file": package(name, mode)}))
    assert answer.error == (400, "FSS.1011")
    assert reason in answer.message
    assert "bootstrap" in answer.message


async def test_an_image_needs_no_package(api: Client) -> None:
    image = {"enabled": True, "image": "registry/orders:1", "uid": "1003"}
    answer = await create(api, code_type="Custom-Image-Swr", func_code=None, custom_image=image)
    assert (answer.json["custom_image"]["image"], answer.json["digest"]) == ("registry/orders:1", "")
    refused = await api("POST", FUNCTIONS, function_body("b", code_type="Custom-Image-Swr", func_code=None))
    assert refused.error == (400, "FSS.1034")
    root = image | {"uid": "0"}
    refused = await api("POST", FUNCTIONS, function_body("c", code_type="Custom-Image-Swr", func_code=None, custom_image=root))
    assert refused.error == (400, "FSS.1075")


async def test_a_name_is_taken_once_in_a_package(api: Client) -> None:
    await create(api)
    assert (await api("POST", FUNCTIONS, function_body())).error == (409, "FSS.1061")
    await create(api, package="other")


async def test_a_function_that_is_not_there_is_404_and_a_wrong_urn_400(api: Client) -> None:
    assert (await api("GET", f"{FUNCTIONS}/none/config")).error == (404, "FSS.1051")
    assert (await api("GET", f"{FUNCTIONS}/a:b:c:d:e/config")).error == (400, "FSS.1309")
    await create(api)
    assert (await api("GET", f"{FUNCTIONS}/{api.project}:default:hello:v9/config")).error == (404, "FSS.1052")
    assert (await api("GET", f"{FUNCTIONS}/{api.project}:default:hello:!live/config")).error == (404, "FSS.1053")
    assert (await api("GET", f"{FUNCTIONS}/urn:fss:elsewhere:{api.project}:function:default:hello/config")).error == (404, "FSS.1051")


async def test_functions_are_listed_in_pages_and_by_part_of_their_name(api: Client) -> None:
    for name in ("beta", "alpha", "gamma"):
        await create(api, name)
    await create(api, "alpha", package="zoo")
    page = (await api("GET", f"{FUNCTIONS}?maxitems=2")).json
    assert ([one["func_name"] for one in page["functions"]], page["next_marker"], page["count"]) == (["alpha", "beta"], 2, 4)
    rest = (await api("GET", f"{FUNCTIONS}?maxitems=2&marker=2")).json
    assert [(one["package"], one["func_name"]) for one in rest["functions"]] == [("default", "gamma"), ("zoo", "alpha")]
    assert (await api("GET", f"{FUNCTIONS}?func_name=lph&package_name=zoo")).json["count"] == 1
    assert (await api("GET", f"{FUNCTIONS}?maxitems=0")).json["count"] == 4
    assert (await api("GET", f"{FUNCTIONS}?maxitems=-1")).error == (400, "FSS.1001")
    assert (await api("GET", f"{FUNCTIONS}?marker=x")).error == (400, "FSS.1001")


async def test_an_update_changes_what_it_names_and_keeps_the_rest(api: Client) -> None:
    urn = (await create(api, user_data='{"A": "b"}', description="old")).json["func_urn"]
    changed = (await change(api, urn, memory_size=256, description="new")).json
    assert (changed["memory_size"], changed["description"], changed["user_data"]) == (256, "new", '{"A": "b"}')
    assert (await change(api, urn, user_data="")).json["user_data"] == ""
    assert (await change(api, urn, func_name="other")).error == (400, "FSS.1002")
    assert (await change(api, urn, runtime="http")).error == (400, "FSS.1005")
    assert (await change(api, urn, timeout=1)).error == (400, "FSS.1008")
    assert (await api("PUT", f"{FUNCTIONS}/{urn}/config", {"timeout": 30})).status == 400


async def test_only_what_instances_depend_on_makes_a_new_generation(api: Client, control: Control) -> None:
    urn = (await create(api)).json["func_urn"]

    def generation() -> int:
        function = control.view.function(api.project, "default", "hello")
        assert function
        row = control.view.version(function, "latest")
        assert row
        return row.generation

    first = generation()
    await change(api, urn, description="new", strategy_config={"concurrency": 5, "concurrent_num": 1})
    await api("PUT", f"{FUNCTIONS}/{urn}/config-max-instance", {"max_instance_num": 3})
    await api("PUT", f"{FUNCTIONS}/{urn}/async-invoke-config", {})
    assert generation() == first
    await change(api, urn, memory_size=256)
    second = generation()
    await api("PUT", f"{FUNCTIONS}/{urn}/code", {"code_type": "zip", "func_code": {"file": package(text="#!/bin/sh\nexit\n")}})
    assert first < second < generation()


async def test_the_number_of_instances_has_its_range(api: Client) -> None:
    urn = (await create(api)).json["func_urn"]
    for number in (-1, 0, 1000):
        answer = await api("PUT", f"{FUNCTIONS}/{urn}/config-max-instance", {"max_instance_num": number})
        assert answer.json["strategy_config"]["concurrency"] == number
    assert (await api("PUT", f"{FUNCTIONS}/{urn}/config-max-instance", {"max_instance_num": 1001})).error == (400, "FSS.1026")
    assert (await api("PUT", f"{FUNCTIONS}/{urn}/config-max-instance", {})).error == (400, "FSS.1026")


async def test_code_is_updated_shown_and_downloaded_by_its_link(api: Client) -> None:
    urn = (await create(api)).json["func_urn"]
    new = package(text="#!/bin/sh\nexit 1\n")
    changed = await api("PUT", f"{FUNCTIONS}/{urn}/code", {"code_type": "zip", "func_code": {"file": new}})
    shown = await api("GET", f"{FUNCTIONS}/{urn}/code")
    assert changed.json["digest"] == shown.json["digest"] == hashlib.sha512(base64.b64decode(new)).hexdigest()
    link = shown.json["func_code"]["link"]
    assert link.startswith("http://127.0.0.1:8090/sluice/v1/")
    assert (await api("GET", link.removeprefix("http://127.0.0.1:8090"))).body == base64.b64decode(new)
    assert (await api("GET", "/sluice/v1/{p}/code/" + "0" * 128)).status == 404
    assert (await api("PUT", f"{FUNCTIONS}/{urn}/code", {"code_type": "zip", "func_code": {}})).error == (400, "FSS.1012")


async def test_a_published_version_stays_as_it_was(api: Client, clock: SteppedClock) -> None:
    urn = (await create(api)).json["func_urn"]
    published = await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "v1", "description": "first"})
    assert (published.json["version"], published.json["version_description"]) == ("v1", "first")
    await change(api, urn, memory_size=512)
    v1 = urn.replace(":latest", ":v1")
    assert (await api("GET", f"{FUNCTIONS}/{v1}/config")).json["memory_size"] == 128
    assert (await change(api, v1, memory_size=512)).error == (400, "FSS.1015")
    assert (await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "v1"})).error == (409, "FSS.1062")
    assert (await api("POST", f"{FUNCTIONS}/{urn}/versions", {})).json["version"] == "v20231114-221320"
    listed = (await api("GET", f"{FUNCTIONS}/{urn}/versions")).json
    assert sorted(one["version"] for one in listed["versions"]) == ["latest", "v1", "v20231114-221320"]
    assert listed["count"] == 3


async def test_nothing_is_published_twice_unchanged(api: Client) -> None:
    urn = (await create(api)).json["func_urn"]
    await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "v1"})
    assert (await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "v2"})).error == (400, "FSS.1016")
    await change(api, urn, memory_size=256)
    assert (await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "v2", "digest": "other"})).error == (428, "FSS.0428")
    assert (await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "v2"})).status == 200


async def test_a_function_has_at_most_20_versions(api: Client) -> None:
    urn = (await create(api)).json["func_urn"]
    for number in range(19):
        await change(api, urn, timeout=10 + number)
        assert (await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": f"v{number}"})).status == 200
    await change(api, urn, timeout=100)
    assert (await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "more"})).error == (403, "FSS.0403")


async def test_deleting_a_version_takes_its_aliases_and_triggers_and_leaves_the_function(api: Client, control: Control) -> None:
    urn = (await create(api)).json["func_urn"]
    v1, live = urn.replace(":latest", ":v1"), urn.replace(":latest", ":!live")
    await api("POST", f"{FUNCTIONS}/{urn}/versions", {"version": "v1"})
    await api("POST", f"{FUNCTIONS}/{urn}/aliases", {"name": "live", "version": "v1"})
    timer = {"trigger_type_code": "TIMER", "event_data": {"name": "tick", "schedule_type": "Rate", "schedule": "3m"}}
    for where in (urn, v1, live):
        assert (await api("POST", f"/v2/{{p}}/fgs/triggers/{where}", timer)).status == 201
    assert (await api("DELETE", f"{FUNCTIONS}/{encoded(live)}")).status == 204
    assert (await api("GET", f"{FUNCTIONS}/{v1}/config")).error == (404, "FSS.1052")
    assert (await api("GET", f"{FUNCTIONS}/{urn}/aliases")).json == []
    assert control.view.count_triggers(api.project) == 1


async def test_latest_alone_cannot_be_deleted_but_the_whole_function_can(api: Client, control: Control) -> None:
    urn = (await create(api)).json["func_urn"]
    timer = {"trigger_type_code": "TIMER", "event_data": {"name": "tick", "schedule_type": "Rate", "schedule": "3m"}}
    await api("POST", f"/v2/{{p}}/fgs/triggers/{urn}", timer)
    assert (await api("DELETE", f"{FUNCTIONS}/{urn}")).error == (400, "FSS.1015")
    gone = await api("DELETE", f"{FUNCTIONS}/{urn.removesuffix(':latest')}")
    assert (gone.status, gone.body) == (204, b"")
    assert (control.view.count_functions(api.project), control.view.count_triggers(api.project)) == (0, 0)


async def test_a_secret_variable_is_kept_when_its_mask_is_sent_back(api: Client, control: Control) -> None:
    urn = (await create(api, encrypted_user_data='{"PASSWORD": "s3cr3t-value", "OTHER": "x"}')).json["func_urn"]
    shown = (await api("GET", f"{FUNCTIONS}/{urn}/config")).json["encrypted_user_data"]
    assert json.loads(shown) == {"PASSWORD": "", "OTHER": ""}
    await change(api, urn, encrypted_user_data='{"PASSWORD": "", "OTHER": "y"}')
    function = control.view.function(api.project, "default", "hello")
    assert function
    row = control.view.version(function, "latest")
    assert row
    assert control.teller.function(row, with_secrets=True).secrets == {"PASSWORD": "s3cr3t-value", "OTHER": "y"}


async def test_quotas_count_what_is_there(api: Client) -> None:
    await create(api)
    resources = (await api("GET", "/v2/{p}/fgs/quotas")).json["quotas"]["resources"]
    assert {one["type"]: one["used"] for one in resources}["fgs_func_num"] == 1


async def test_an_update_that_changes_nothing_is_no_change(api: Client, control: Control) -> None:
    urn = (await create(api, encrypted_user_data='{"TOKEN": "t"}')).json["func_urn"]
    generation = control.view.generation()
    for token in ("t", ""):
        assert (await change(api, urn, encrypted_user_data=json.dumps({"TOKEN": token}))).status == 200
    await api("PUT", f"{FUNCTIONS}/{urn}/code", {"code_type": "zip", "func_code": {"file": package()}})
    assert control.view.generation() == generation
