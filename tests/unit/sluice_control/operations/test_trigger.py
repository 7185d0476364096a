"""Triggers through the API."""

from typing import Any

import msgspec
import pytest

from sluice.binding import Mode
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, encoded, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
TRIGGERS = "/v2/{p}/fgs/triggers/hello"
TIMER: dict[str, Any] = {"name": "tick", "schedule_type": "Rate", "schedule": "3m"}
KAFKA: dict[str, Any] = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "batch_size": 10}
APIG: dict[str, Any] = {"group_id": "g", "path": "/orders", "req_method": "GET", "func_info": {"timeout": 5000}}


@pytest.fixture(autouse=True)
async def hello(api: Client) -> None:
    await api("POST", FUNCTIONS, function_body())


def body(code: str, data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"trigger_type_code": code, "event_data": data} | fields


async def test_a_trigger_is_made_shown_changed_listed_and_deleted(api: Client) -> None:
    made = await api("POST", TRIGGERS, body("TIMER", TIMER, event_type_code="MessageCreated"))
    assert made.status == 201
    trigger = made.json["trigger_id"]
    assert made.json == {
        "trigger_id": trigger,
        "trigger_type_code": "TIMER",
        "trigger_status": "ACTIVE",
        "event_data": TIMER,
        "last_updated_time": "2023-11-14T22:13:20Z",
        "created_time": "2023-11-14T22:13:20Z",
    }
    one = f"{TRIGGERS}/TIMER/{trigger}"
    assert (await api("GET", one)).json == made.json
    assert (await api("GET", TRIGGERS)).json == [made.json]
    paused = await api("PUT", one, {"trigger_status": "DISABLED"})
    assert (paused.status, paused.json["trigger_status"]) == (200, "DISABLED")
    assert (await api("PUT", one, {"trigger_status": "ACTIVE"})).json["trigger_status"] == "ACTIVE"
    changed = await api("PUT", one, {"event_data": {**TIMER, "schedule": "5m"}})
    assert changed.json["event_data"]["schedule"] == "5m"
    gone = await api("DELETE", one)
    assert (gone.status, gone.body) == (204, b"")
    assert (await api("GET", one)).error == (404, "FSS.1131")


async def test_kafka_triggers_begin_disabled_and_others_active(api: Client) -> None:
    assert (await api("POST", TRIGGERS, body("KAFKA", KAFKA))).json["trigger_status"] == "DISABLED"
    assert (await api("POST", TRIGGERS, body("KAFKA", KAFKA, trigger_status="ACTIVE"))).json["trigger_status"] == "ACTIVE"
    assert (await api("POST", TRIGGERS, body("TIMER", TIMER))).json["trigger_status"] == "ACTIVE"
    assert (await api("POST", TRIGGERS, body("TIMER", {**TIMER, "name": "b"}, trigger_status="DISABLE"))).json[
        "trigger_status"
    ] == "DISABLED"
    assert (await api("POST", TRIGGERS, body("TIMER", TIMER, trigger_status="ON"))).error == (400, "FSS.0400")


async def test_a_gateway_trigger_cannot_be_disabled(api: Client) -> None:
    made = await api("POST", TRIGGERS, body("APIG", APIG))
    assert made.json["event_data"]["invoke_url"] == "http://127.0.0.1:8090/orders"
    one = f"{TRIGGERS}/APIG/{made.json['trigger_id']}"
    assert (await api("PUT", one, {"trigger_status": "DISABLED"})).error == (400, "FSS.1318")
    assert (await api("POST", TRIGGERS, body("APIG", {**APIG, "path": "/b"}, trigger_status="DISABLED"))).error == (400, "FSS.1318")
    assert (await api("PUT", one, {"event_data": made.json["event_data"]})).status == 200


async def test_a_path_is_taken_once_for_a_method(api: Client) -> None:
    assert (await api("POST", TRIGGERS, body("APIG", {**APIG, "path": "/a/{id}"}))).status == 201
    assert (await api("POST", TRIGGERS, body("APIG", {**APIG, "path": "/a/{name}"}))).error == (409, "FSS.1147")
    assert (await api("POST", TRIGGERS, body("APIG", {**APIG, "path": "/a/{id}", "req_method": "POST"}))).status == 201
    other = await api("POST", TRIGGERS, body("APIG", {**APIG, "path": "/b"}))
    one = f"{TRIGGERS}/APIG/{other.json['trigger_id']}"
    assert (await api("PUT", one, {"event_data": {**APIG, "path": "/a/{x}"}})).error == (409, "FSS.1147")


async def test_triggers_that_take_the_same_part_of_a_bucket_do_not_stand_beside_each_other(api: Client) -> None:
    data = {"bucket": "photos", "prefix": "in/", "secret_key": "secret"}
    one = await api("POST", TRIGGERS, body("OBS", data))
    assert one.status == 201
    refused = await api("POST", TRIGGERS, body("OBS", {**data, "prefix": ""}))
    assert refused.error == (403, "FSS.1108")
    assert one.json["trigger_id"] in refused.json["error_msg"]
    assert (await api("POST", TRIGGERS, body("OBS", {**data, "bucket": "other"}))).status == 201
    beside = await api("POST", TRIGGERS, body("OBS", {**data, "prefix": "out/"}))
    assert beside.status == 201
    place = f"{TRIGGERS}/OBS/{beside.json['trigger_id']}"
    assert (await api("PUT", place, {"event_data": {**data, "prefix": "in/a"}})).error == (403, "FSS.1108")
    assert (await api("PUT", place, {"event_data": {**data, "prefix": "out/a"}})).status == 200
    assert (await api("DELETE", f"{TRIGGERS}/OBS/{one.json['trigger_id']}")).status == 204
    assert (await api("PUT", place, {"event_data": {**data, "prefix": "in/a"}})).status == 200


async def test_what_a_trigger_keeps_as_long_as_it_lives_is_not_changed(api: Client) -> None:
    made = await api("POST", TRIGGERS, body("OBS", {"bucket": "photos"}))
    one = f"{TRIGGERS}/OBS/{made.json['trigger_id']}"
    refused = await api("PUT", one, {"event_data": {"bucket": "other"}})
    assert refused.error == (400, "FSS.1106")
    assert "event_data.bucket: stays 'photos'" in refused.json["error_msg"]
    assert (await api("PUT", one, {"event_data": [{"bucket": "other"}]})).error == (400, "FSS.1106")
    assert (await api("PUT", one, {"event_data": {"bucket": "photos", "prefix": "a"}})).status == 200


async def test_a_timers_name_is_taken_once_in_its_version(api: Client) -> None:
    assert (await api("POST", TRIGGERS, body("TIMER", TIMER))).status == 201
    assert (await api("POST", TRIGGERS, body("TIMER", TIMER))).error == (409, "FSS.1148")


@pytest.mark.parametrize(
    ("code", "data", "error", "field"),
    [
        ("TIMER", {**TIMER, "schedule_type": "Never"}, (400, "FSS.1109"), "event_data.schedule_type"),
        ("TIMER", {"name": "x"}, (400, "FSS.1109"), "event_data.schedule"),
        ("TIMER", {**TIMER, "batch_size": 2}, (400, "FSS.1109"), "event_data.batch_size"),
        ("KAFKA", {**KAFKA, "topic_ids": []}, (400, "FSS.1112"), "event_data.topic_ids"),
        ("KAFKA", {**KAFKA, "topic_ids": "orders"}, (400, "FSS.1112"), "event_data.topic_ids"),
        ("KAFKA", {**KAFKA, "batch_size": 1001}, (400, "FSS.1112"), "event_data.batch_size"),
        ("KAFKA", {**KAFKA, "ordering": "sometimes"}, (400, "FSS.1112"), "event_data.ordering"),
        ("KAFKA", {**KAFKA, "linger": -1}, (400, "FSS.1112"), "event_data.linger"),
        ("KAFKA", {**KAFKA, "max_pending": 0}, (400, "FSS.1112"), "event_data.max_pending"),
        ("KAFKA", {**KAFKA, "filter": {"a": {"like": 1}}}, (400, "FSS.1112"), "event_data.filter.a"),
        ("KAFKA", {**KAFKA, "filter": '{"a": ' * 5_000}, (400, "FSS.1112"), "event_data.filter"),
        ("KAFKA", {**KAFKA, "filter": {f"a{number}": 1 for number in range(10_000)}}, (400, "FSS.1112"), "event_data: has "),
        ("KAFKA", {**KAFKA, "filter": "{"}, (400, "FSS.1112"), "event_data.filter"),
        ("KAFKA", {**KAFKA, "colour": "red"}, (400, "FSS.1112"), "event_data.colour"),
        ("APIG", {**APIG, "func_info": {"timeout": 60_001}}, (400, "FSS.1107"), "event_data.func_info.timeout"),
        ("MAGIC", {}, (400, "FSS.1101"), "trigger_type_code"),
        ("DDS", {}, (400, "FSS.1101"), 'pip install "sluice[mongo]"'),
    ],
)
async def test_what_the_kind_would_refuse_is_refused_by_field(
    api: Client, code: str, data: dict[str, Any], error: tuple[int, str], field: str
) -> None:
    answer = await api("POST", TRIGGERS, body(code, data))
    assert answer.error == error
    assert field in answer.message
    assert (await api("GET", TRIGGERS)).json == []


async def test_faults_of_the_kind_and_of_every_kind_come_together(api: Client) -> None:
    answer = await api("POST", TRIGGERS, body("KAFKA", {"topic_ids": 1, "batch_size": 0, "linger": "x", "z": 1}))
    for field in ("kafka_connect_address", "topic_ids", "batch_size", "linger", "z"):
        assert answer.message.count(f"event_data.{field}:") == 1, answer.message


async def test_a_wrong_status_is_named_beside_the_faults_of_the_settings(api: Client) -> None:
    answer = await api("POST", TRIGGERS, body("TIMER", {"name": "x"}, trigger_status="ON"))
    assert answer.error == (400, "FSS.1109")
    for field in ("trigger_status:", "event_data.schedule:", "event_data.schedule_type:"):
        assert field in answer.message


async def test_unknown_and_missing_fields_of_the_body_are_refused(api: Client) -> None:
    assert (await api("POST", TRIGGERS, {"event_data": {}})).error == (400, "FSS.0400")
    assert (await api("POST", TRIGGERS, body("TIMER", TIMER, colour=1))).error == (400, "FSS.0400")
    assert (await api("POST", f"{TRIGGERS}x", body("TIMER", TIMER))).error == (404, "FSS.1051")


async def test_an_http_function_has_synchronous_gateway_triggers_only(api: Client) -> None:
    await api("POST", FUNCTIONS, function_body("web", runtime="http"))
    web = "/v2/{p}/fgs/triggers/web"
    assert (await api("POST", web, body("TIMER", TIMER))).error == (400, "FSS.1101")
    asynchronous = {**APIG, "func_info": {"timeout": 1, "invocation_type": "async"}}
    assert (await api("POST", web, body("APIG", asynchronous))).error == (400, "FSS.1107")
    assert (await api("POST", web, body("APIG", APIG))).status == 201


async def test_the_kind_decides_the_mode_and_a_gateway_trigger_may_choose(api: Client, control: Control) -> None:
    asynchronous = {**APIG, "path": "/later", "func_info": {"timeout": 1, "invocation_type": "async"}}
    modes = []
    for code, data in (("TIMER", TIMER), ("KAFKA", KAFKA), ("APIG", APIG), ("APIG", asynchronous)):
        row = control.view.trigger(api.project, (await api("POST", TRIGGERS, body(code, data))).json["trigger_id"])
        assert row
        modes.append(row.mode)
    assert modes == [Mode.RECORDED, Mode.ASYNC, Mode.SYNC, Mode.ASYNC]


async def test_another_source_is_another_incarnation(api: Client, control: Control) -> None:
    trigger = (await api("POST", TRIGGERS, body("KAFKA", KAFKA))).json["trigger_id"]

    async def incarnation(**change: Any) -> str:
        assert (await api("PUT", f"{TRIGGERS}/KAFKA/{trigger}", {"event_data": KAFKA | change})).status == 200
        row = control.view.trigger(api.project, trigger)
        assert row
        return row.incarnation

    first = await incarnation()
    assert await incarnation(batch_size=20) == first
    assert await incarnation(kafka_connect_address="127.0.0.2:9092") != first


async def test_functiongraphs_list_changes_single_fields(api: Client) -> None:
    trigger = (await api("POST", TRIGGERS, body("KAFKA", KAFKA))).json["trigger_id"]
    changed = await api("PUT", f"{TRIGGERS}/KAFKA/{trigger}", {"event_data": [{"batch_size": 20}]})
    assert changed.json["event_data"] == KAFKA | {"batch_size": 20}


async def test_a_password_is_masked_and_kept_when_the_mask_comes_back(api: Client, control: Control) -> None:
    login = {"kafka_user": "u", "kafka_password": "pa55word-plain"}
    made = await api("POST", TRIGGERS, body("KAFKA", KAFKA | login))
    assert made.json["event_data"]["kafka_password"] == "******"
    changed = await api("PUT", f"{TRIGGERS}/KAFKA/{made.json['trigger_id']}", {"event_data": {**made.json["event_data"], "batch_size": 7}})
    assert changed.json["event_data"]["kafka_password"] == "******"
    row = control.view.trigger(api.project, made.json["trigger_id"])
    assert row
    clear = msgspec.json.decode(control.teller.binding(row, with_secrets=True).settings)
    assert (clear["kafka_password"], clear["batch_size"]) == ("pa55word-plain", 7)
    hidden = msgspec.json.decode(control.teller.binding(row, with_secrets=False).settings)
    assert "kafka_password" not in hidden


async def test_a_version_has_at_most_10_triggers(api: Client) -> None:
    for number in range(10):
        assert (await api("POST", TRIGGERS, body("TIMER", {**TIMER, "name": f"t{number}"}))).status == 201
    assert (await api("POST", TRIGGERS, body("TIMER", {**TIMER, "name": "more"}))).error == (400, "FSS.1306")


async def test_a_function_has_at_most_10_triggers_that_pull(api: Client) -> None:
    await api("POST", f"{FUNCTIONS}/hello/versions", {"version": "v1"})
    named = f"/v2/{{p}}/fgs/triggers/urn:fss:local-1:{api.project}:function:default:hello:v1"
    for number in range(10):
        place = TRIGGERS if number % 2 else named
        assert (await api("POST", place, body("KAFKA", KAFKA | {"topic_ids": [f"t{number}"]}))).status == 201
    assert (await api("POST", named, body("KAFKA", KAFKA))).error == (403, "FSS.1123")
    assert (await api("POST", named, body("TIMER", TIMER))).status == 201


async def test_deleting_all_triggers_goes_by_version_alias_or_function(api: Client, control: Control) -> None:
    urn = f"urn:fss:local-1:{api.project}:function:default:hello"
    await api("POST", f"{FUNCTIONS}/hello/versions", {"version": "v1"})
    await api("POST", f"{FUNCTIONS}/hello/aliases", {"name": "live", "version": "v1"})
    for qualifier in ("latest", "v1", "!live"):
        assert (await api("POST", f"/v2/{{p}}/fgs/triggers/{urn}:{qualifier}", body("TIMER", TIMER))).status == 201
    assert (await api("DELETE", f"/v2/{{p}}/fgs/triggers/{encoded(urn + ':!live')}")).status == 204
    assert control.view.count_triggers(api.project) == 2
    assert len((await api("GET", f"/v2/{{p}}/fgs/triggers/{urn}:v1")).json) == 1
    assert (await api("DELETE", f"/v2/{{p}}/fgs/triggers/{urn}:v1")).status == 204
    assert control.view.count_triggers(api.project) == 1
    await api("POST", f"/v2/{{p}}/fgs/triggers/{urn}:v1", body("TIMER", TIMER))
    assert (await api("DELETE", f"/v2/{{p}}/fgs/triggers/{urn}")).status == 204
    assert control.view.count_triggers(api.project) == 0


async def test_a_trigger_is_found_only_by_its_own_function_and_type(api: Client) -> None:
    await api("POST", FUNCTIONS, function_body("other"))
    trigger = (await api("POST", TRIGGERS, body("TIMER", TIMER))).json["trigger_id"]
    assert (await api("GET", f"/v2/{{p}}/fgs/triggers/other/TIMER/{trigger}")).error == (404, "FSS.1131")
    assert (await api("GET", f"{TRIGGERS}/KAFKA/{trigger}")).error == (404, "FSS.1131")
    assert (await api("DELETE", f"{TRIGGERS}/TIMER/none")).error == (404, "FSS.1131")


async def test_the_installed_types_are_listed(api: Client) -> None:
    types = (await api("GET", "/v2/{p}/fgs/triggertypes")).json
    assert [one["trigger_type_code"] for one in types] == ["APIG", "KAFKA", "OBS", "OPENSOURCEKAFKA", "TIMER"]
    assert set(types[0]) == {"trigger_type_code", "display_name", "status", "event_codes", "description"}


async def test_a_change_that_changes_nothing_is_none(api: Client, control: Control) -> None:
    data = KAFKA | {"kafka_user": "u", "kafka_password": "pa55word"}
    made = await api("POST", TRIGGERS, body("KAFKA", data))
    generation = control.view.generation()
    one = f"{TRIGGERS}/KAFKA/{made.json['trigger_id']}"
    unchanged: list[Any] = [data, made.json["event_data"], []]
    for same in unchanged:
        assert (await api("PUT", one, {"event_data": same, "trigger_status": "DISABLED"})).json == made.json
    assert control.view.generation() == generation
    await api("PUT", one, {"event_data": data | {"kafka_password": "another"}})
    assert control.view.generation() == generation + 1
