"""Triggers through the unmodified SDK; one test an operation."""

from typing import Any

import pytest

from tests.functiongraph.client import Sdk

KAFKA = {"kafka_connect_address": "127.0.0.1:9", "topic_ids": ["orders"], "batch_size": 10}


def timer(name: str = "tick", schedule: str = "10m", **more: Any) -> dict[str, Any]:
    data = {"name": name, "schedule_type": "Rate", "schedule": schedule}
    return {"trigger_type_code": "TIMER", "event_data": data, **more}


def apig(path: str, **more: Any) -> dict[str, Any]:
    data = {
        "name": "door", "type": 1, "path": path, "protocol": "HTTP", "req_method": "ANY", "group_id": "g", "group_name": "g",
        "match_mode": "SWA", "env_name": "RELEASE", "env_id": "e", "auth": "NONE", "func_info": {"timeout": 5000}, **more,
    }  # fmt: skip
    return {"trigger_type_code": "APIG", "event_data": data}


def kafka(**more: Any) -> dict[str, Any]:
    return {"trigger_type_code": "OPENSOURCEKAFKA", "event_data": {**KAFKA, **more}}


@pytest.mark.parametrize(("kind", "status"), [("TIMER", "ACTIVE"), ("APIG", "ACTIVE"), ("OPENSOURCEKAFKA", "DISABLED")])
def test_create_function_trigger_answers_201_and_the_status_of_its_kind(sdk: Sdk, function: str, name: str, kind: str, status: str) -> None:
    body = {"TIMER": timer(), "APIG": apig(f"/{name}"), "OPENSOURCEKAFKA": kafka()}[kind]
    made = sdk("create_function_trigger", function_urn=function, body=body)
    assert (made.status_code, made.trigger_type_code, made.trigger_status) == (201, kind, status)
    if kind == "APIG":
        assert made.event_data.invoke_url == f"{sdk.credentials['endpoint']}/{name}"
        assert made.event_data.func_info.function_urn == f"{function}:latest"


def test_create_function_trigger_refuses_what_is_wrong(sdk: Sdk, function: str, name: str) -> None:
    sdk("create_function_trigger", function_urn=function, body=timer())
    sdk("create_function_trigger", function_urn=function, body=apig(f"/{name}"))
    for body, code, status in [
        (timer(), "FSS.1148", 409),
        (timer("other", "61m"), "FSS.1109", 400),
        (timer("9 lives"), "FSS.1109", 400),
        (apig(f"/{name}"), "FSS.1147", 409),
        (apig("no-slash"), "FSS.1107", 400),
        (kafka(batch_size=0), "FSS.1112", 400),
        (kafka(topic_ids=[]), "FSS.1112", 400),
        (timer(trigger_type_code="SEMAPHORE"), "FSS.1101", 400),
    ]:
        sdk.refused("create_function_trigger", code, status, function_urn=function, body=body)
    sdk.refused("create_function_trigger", "FSS.1051", 404, function_urn=f"{function}x", body=timer())
    sdk.refused("create_function_trigger", "FSS.1053", 404, function_urn=f"{function}:!nobody", body=timer())


def test_create_function_trigger_refuses_what_overlaps_in_a_bucket(sdk: Sdk, function: str, name: str) -> None:
    def obs(**more: Any) -> dict[str, Any]:
        return {"trigger_type_code": "OBS", "event_data": {"bucket": name, "events": ["s3:ObjectCreated:*"], **more}}

    made = sdk("create_function_trigger", function_urn=function, body=obs(prefix="in/"))
    assert (made.trigger_status, made.event_data.bucket, made.event_data.prefix) == ("ACTIVE", name, "in/")
    named = {"function_urn": function, "trigger_type_code": "OBS", "trigger_id": made.trigger_id}
    sdk.refused("update_trigger", "FSS.1318", 400, **named, body={"trigger_status": "DISABLED"})
    for overlapping in (obs(), obs(events=["Put"], prefix="in/a"), obs(suffix=".png")):
        refusal = sdk.refused("create_function_trigger", "FSS.1108", 403, function_urn=function, body=overlapping)
        assert made.trigger_id in refusal.error_msg
    for beside in (obs(prefix="out/"), obs(events=["s3:ObjectRemoved:*"])):
        assert sdk("create_function_trigger", function_urn=function, body=beside).status_code == 201
    sdk.refused("create_function_trigger", "FSS.1106", 400, function_urn=function, body=obs(events=["s3:ObjectCreated:*", "Put"]))


def test_create_function_trigger_refuses_the_eleventh_of_a_version(sdk: Sdk, function: str) -> None:
    for number in range(10):
        sdk("create_function_trigger", function_urn=function, body=timer(f"tick-{number}"))
    sdk.refused("create_function_trigger", "FSS.1306", 400, function_urn=function, body=timer("tick-10"))


def test_list_function_triggers_is_an_array_of_that_qualifier(sdk: Sdk, function: str) -> None:
    assert sdk("list_function_triggers", function_urn=function).raw_content == b"[]"
    made = sdk("create_function_trigger", function_urn=function, body=timer())
    (shown,) = sdk("list_function_triggers", function_urn=function).body
    assert (shown.trigger_id, shown.event_data.schedule) == (made.trigger_id, "10m")
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    assert sdk("list_function_triggers", function_urn=f"{function}:v1").raw_content == b"[]"
    sdk.refused("list_function_triggers", "FSS.1051", 404, function_urn=f"{function}x")


def test_show_function_trigger(sdk: Sdk, function: str) -> None:
    made = sdk("create_function_trigger", function_urn=function, body=kafka(kafka_user="me", kafka_password="secret"))
    named = {"function_urn": function, "trigger_type_code": "OPENSOURCEKAFKA"}
    shown = sdk("show_function_trigger", **named, trigger_id=made.trigger_id)
    assert (shown.event_data.topic_ids, shown.event_data.batch_size) == (["orders"], 10)
    assert shown.event_data.kafka_password == "******"
    sdk.refused("show_function_trigger", "FSS.1131", 404, **named, trigger_id="nobody")
    named["trigger_type_code"] = "TIMER"
    sdk.refused("show_function_trigger", "FSS.1131", 404, **named, trigger_id=made.trigger_id)


def test_update_trigger_pauses_and_resumes(sdk: Sdk, function: str) -> None:
    made = sdk("create_function_trigger", function_urn=function, body=timer())
    named = {"function_urn": function, "trigger_type_code": "TIMER", "trigger_id": made.trigger_id}
    for status in ("DISABLED", "ACTIVE"):
        assert sdk("update_trigger", **named, body={"trigger_status": status}).trigger_status == status
        assert sdk("show_function_trigger", **named).trigger_status == status
    sdk.refused("update_trigger", "FSS.0400", 400, **named, body={"trigger_status": "ASLEEP"})


def test_update_trigger_of_apig_cannot_disable_it(sdk: Sdk, function: str, name: str) -> None:
    made = sdk("create_function_trigger", function_urn=function, body=apig(f"/{name}"))
    named = {"function_urn": function, "trigger_type_code": "APIG", "trigger_id": made.trigger_id}
    sdk.refused("update_trigger", "FSS.1318", 400, **named, body={"trigger_status": "DISABLED"})


def test_delete_function_trigger(sdk: Sdk, function: str) -> None:
    made = sdk("create_function_trigger", function_urn=function, body=timer())
    named = {"function_urn": function, "trigger_type_code": "TIMER", "trigger_id": made.trigger_id}
    assert sdk("delete_function_trigger", **named).status_code == 204
    sdk.refused("delete_function_trigger", "FSS.1131", 404, **named)


def test_batch_delete_function_triggers_is_scoped_by_version_and_alias(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    sdk("create_version_alias", function_urn=function, body={"name": "live", "version": "v1"})
    scopes = (function, f"{function}:v1", f"{function}:!live")

    def left() -> list[int]:
        return [len(sdk("list_function_triggers", function_urn=scope).body or []) for scope in scopes]

    for number, scope in enumerate(scopes):
        sdk("create_function_trigger", function_urn=scope, body=timer(f"tick-{number}"))
    assert left() == [1, 1, 1]
    assert sdk("batch_delete_function_triggers", function_urn=scopes[1]).status_code == 204
    assert left() == [1, 0, 1]
    sdk("create_function_trigger", function_urn=scopes[1], body=timer("again"))
    sdk("batch_delete_function_triggers", function_urn=scopes[2])
    assert left() == [1, 1, 0]
    sdk("batch_delete_function_triggers", function_urn=f"{function}:latest")
    assert left() == [0, 0, 0]
    sdk.refused("batch_delete_function_triggers", "FSS.1051", 404, function_urn=f"{function}x")
