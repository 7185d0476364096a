"""Asynchronous settings and invocations through the API."""

import json
from typing import Any

import msgspec
import pytest

from sluice.binding import Mode
from sluice.event import id_text, random_id
from sluice.ledger import Route, Step, Story, StoryFilter
from sluice_control.async_answers import error_code
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, function_body
from tests.unit.sluice_control.fakes import FakeRecords

FUNCTIONS = "/v2/{p}/fgs/functions"
HELLO = f"{FUNCTIONS}/hello"
CONFIG = f"{HELLO}/async-invoke-config"


@pytest.fixture(autouse=True)
async def functions(api: Client) -> None:
    for name in ("hello", "second", "third"):
        await api("POST", FUNCTIONS, function_body(name))


def to(function: str) -> dict[str, Any]:
    return {"destination": "FunctionGraph", "param": json.dumps({"func_urn": function})}


def story(api: Client, state: str, *steps: Step, function: str = "hello") -> Story:
    urn = f"urn:fss:local-1:{api.project}:function:default:{function}:latest"
    return Story(random_id(), Route(api.project, "t", urn, Mode.ASYNC), state, steps)


async def test_settings_are_put_shown_listed_and_deleted(api: Client, control: Control) -> None:
    assert (await api("GET", CONFIG)).error == (404, "FSS.0404")
    put = await api("PUT", CONFIG, {"max_async_retry_attempts": 2, "destination_config": {"on_failure": to("second")}})
    assert put.status == 200
    assert (put.json["max_async_retry_attempts"], put.json["max_async_event_age_in_seconds"]) == (2, 3600)
    assert put.json["func_urn"] == f"urn:fss:local-1:{api.project}:function:default:hello:latest"
    assert (await api("GET", CONFIG)).json == put.json
    listed = (await api("GET", f"{HELLO}/async-invoke-configs")).json
    assert (listed["async_invoke_configs"], listed["count"]) == ([put.json], 1)
    assert listed["page_info"] == {"next_marker": 1, "previous_marker": 0, "current_count": 1}
    assert (await api("DELETE", CONFIG)).status == 204
    assert (await api("GET", CONFIG)).status == 404
    assert (await api("DELETE", CONFIG)).status == 404


async def test_a_function_has_no_retries_until_settings_are_put_and_one_by_default_then(api: Client, control: Control) -> None:
    def policy() -> tuple[int, int, str]:
        function = control.view.function(api.project, "default", "hello")
        assert function
        row = control.view.version(function, "latest")
        assert row
        noun = control.teller.function(row, with_secrets=False)
        return noun.max_retries, noun.max_age_s, noun.on_failure

    assert policy() == (0, 86_400, "")
    await api("PUT", CONFIG, {"destination_config": {"on_failure": to("second")}})
    assert policy() == (1, 3600, f"urn:fss:local-1:{api.project}:function:default:second:latest")
    await api("DELETE", CONFIG)
    assert policy() == (0, 86_400, "")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_async_retry_attempts": 4}, "max_async_retry_attempts"),
        ({"max_async_event_age_in_seconds": 0}, "max_async_event_age_in_seconds"),
        ({"max_async_event_age_in_seconds": 86_401}, "max_async_event_age_in_seconds"),
        ({"colour": 1}, "colour"),
        ({"destination_config": {"on_success": {"destination": "OBS", "param": "{}"}}}, "destination_config.on_success.param.bucket"),
        ({"destination_config": {"on_success": {"destination": "RocketMQ", "param": "{}"}}}, "destination_config.on_success.destination"),
        ({"destination_config": {"on_success": {"destination": "MAGIC", "param": "{}"}}}, "destination_config.on_success.destination"),
        ({"destination_config": {"on_success": {"destination": "FunctionGraph", "param": "x"}}}, "destination_config.on_success.param"),
        ({"destination_config": {"on_success": to("a:b:c:d:e:f")}}, "destination_config.on_success.param"),
        ({"destination_config": {"on_success": {"destination": "FunctionGraph"}}}, "destination_config"),
    ],
)
async def test_settings_out_of_range_are_refused_by_field(api: Client, body: dict[str, Any], field: str) -> None:
    answer = await api("PUT", CONFIG, body)
    assert answer.error == (400, "FSS.0400")
    assert field in answer.message
    assert (await api("GET", CONFIG)).status == 404


@pytest.mark.parametrize(
    ("kind", "param"),
    [("OBS", {"bucket": "b", "prefix": "p/", "expires": 30}), ("SMN", {"topic_urn": "t"}), ("DIS", {"stream_name": "s"}), ("RocketMQ", {})],
)
async def test_a_destination_is_kept_as_it_was_written_and_told_to_the_services(
    api: Client, control: Control, kind: str, param: dict[str, Any]
) -> None:
    ends = {"on_failure": {"destination": kind, "param": json.dumps(param)}}
    put = await api("PUT", CONFIG, {"destination_config": ends})
    assert (put.status, put.json["destination_config"]) == (200, {"on_success": {}} | ends)
    function = control.view.function(api.project, "default", "hello")
    assert function
    row = control.view.version(function, "latest")
    assert row
    assert control.teller.function(row, with_secrets=False).on_failure == f"{kind}:{json.dumps(param)}"


async def test_a_destination_must_exist(api: Client) -> None:
    assert (await api("PUT", CONFIG, {"destination_config": {"on_success": to("none")}})).error == (404, "FSS.1051")
    elsewhere = to("urn:fss:local-1:other:function:default:second:latest")
    assert (await api("PUT", CONFIG, {"destination_config": {"on_success": elsewhere}})).error == (404, "FSS.1051")


async def test_destinations_that_lead_back_are_refused(api: Client) -> None:
    assert (await api("PUT", CONFIG, {"destination_config": {"on_success": to("hello")}})).status == 400
    assert (await api("PUT", CONFIG, {"destination_config": {"on_success": to("second")}})).status == 200
    second = f"{FUNCTIONS}/second/async-invoke-config"
    assert (await api("PUT", second, {"destination_config": {"on_failure": to("third")}})).status == 200
    third = await api("PUT", f"{FUNCTIONS}/third/async-invoke-config", {"destination_config": {"on_failure": to("hello")}})
    assert third.error == (400, "FSS.0400")
    assert "leads back" in third.message


async def test_a_way_back_through_an_alias_is_seen_too(api: Client) -> None:
    await api("POST", f"{FUNCTIONS}/second/versions", {"version": "v1"})
    await api("POST", f"{FUNCTIONS}/second/aliases", {"name": "live", "version": "latest", "additional_version_weights": {"v1": 5}})
    v1 = f"{FUNCTIONS}/{api.project}:default:second:v1"
    assert (await api("PUT", f"{v1}/async-invoke-config", {"destination_config": {"on_success": to("hello")}})).status == 200
    alias = to(f"{api.project}:default:second:!live")
    assert (await api("PUT", CONFIG, {"destination_config": {"on_success": alias}})).error == (400, "FSS.0400")


async def test_an_alias_may_have_settings_of_its_own(api: Client, control: Control) -> None:
    await api("POST", f"{HELLO}/aliases", {"name": "live", "version": "latest"})
    live = f"{FUNCTIONS}/{api.project}:default:hello:!live/async-invoke-config"
    assert (await api("GET", live)).error == (404, "FSS.0404")
    put = await api("PUT", live, {"max_async_retry_attempts": 3, "max_async_event_age_in_seconds": 60})
    assert (put.status, put.json["func_urn"].rpartition(":")[2]) == (200, "!live")
    assert (await api("GET", live)).json == put.json
    assert (await api("GET", CONFIG)).error == (404, "FSS.0404")
    await api("PUT", CONFIG, {})
    listed = (await api("GET", f"{HELLO}/async-invoke-configs")).json
    assert [one["func_urn"].rpartition(":")[2] for one in listed["async_invoke_configs"]] == ["!live", "latest"]
    function = control.view.function(api.project, "default", "hello")
    assert function
    alias = control.view.alias(function, "live")
    assert alias
    assert alias.asynchronous
    assert alias.asynchronous.max_async_retry_attempts == 3
    await api("PUT", f"{HELLO}/aliases/live", {"version": "latest", "description": "kept"})
    assert (await api("GET", live)).json["max_async_retry_attempts"] == 3
    assert (await api("DELETE", live)).status == 204
    assert (await api("GET", live)).error == (404, "FSS.0404")


async def test_settings_of_an_alias_go_with_it(api: Client, control: Control) -> None:
    live = f"{FUNCTIONS}/{api.project}:default:hello:!live/async-invoke-config"
    assert (await api("PUT", live, {})).error == (404, "FSS.1053")
    await api("POST", f"{HELLO}/aliases", {"name": "live", "version": "latest"})
    await api("PUT", live, {})
    await api("DELETE", f"{HELLO}/aliases/live")
    await api("POST", f"{HELLO}/aliases", {"name": "live", "version": "latest"})
    assert (await api("GET", live)).error == (404, "FSS.0404")


async def test_a_destination_that_leads_back_through_an_aliass_own_settings_is_refused(api: Client) -> None:
    await api("POST", f"{HELLO}/aliases", {"name": "live", "version": "latest"})
    live = f"{api.project}:default:hello:!live"
    assert (await api("PUT", f"{FUNCTIONS}/second/async-invoke-config", {"destination_config": {"on_failure": to(live)}})).status == 200
    refused = await api("PUT", f"{FUNCTIONS}/{live}/async-invoke-config", {"destination_config": {"on_failure": to("second")}})
    assert (refused.error, "leads back" in refused.message) == ((400, "FSS.0400"), True)


async def test_invocations_are_listed_as_functiongraph_lists_them(api: Client, records: FakeRecords) -> None:
    good = story(api, "SUCCESS", Step(1_700_000_000, "accepted"), Step(1_700_000_001, "ended", "SUCCESS"))
    bad = story(api, "FAIL", Step(1_700_000_000, "accepted"), Step(1_700_000_002, "ended", "function_error: boom"))
    bad = msgspec.structs.replace(bad, failure="function_error", message="boom", status=503)
    open_ = story(api, "WAIT", Step(1_700_000_000, "accepted"))
    records.stories = [good, bad, open_]
    answer = (await api("GET", f"{HELLO}/async-invocations?limit=2")).json
    assert answer["invocations"] == [
        {
            "request_id": id_text(good.id),
            "status": "SUCCESS",
            "error_message": "",
            "error_code": 0,
            "start_time": "2023-11-14T22:13:20",
            "end_time": "2023-11-14T22:13:21",
        },
        {
            "request_id": id_text(bad.id),
            "status": "FAIL",
            "error_message": "boom",
            "error_code": 503,
            "start_time": "2023-11-14T22:13:20",
            "end_time": "2023-11-14T22:13:22",
        },
    ]
    assert (answer["count"], answer["next_marker"]) == (3, 2)
    function = good.route.function.removesuffix(":latest")
    assert records.asked[-1] == (StoryFilter(api.project, function, (), 1_699_996_400.0), 2, 0)
    last = (await api("GET", f"{HELLO}/async-invocations?limit=2&marker=2")).json
    assert [one["end_time"] for one in last["invocations"]] == [None]
    assert (last["count"], last["next_marker"]) == (3, 3)


async def test_invocations_are_found_by_id_state_and_time(api: Client, records: FakeRecords) -> None:
    good, bad, open_ = records.stories = [story(api, state, Step(1_700_000_000, "accepted")) for state in ("SUCCESS", "FAIL", "WAIT")]
    function = good.route.function.removesuffix(":latest")
    assert (await api("GET", f"{HELLO}/async-invocations?request_id={id_text(bad.id)}")).json["count"] == 1
    asked = "status=FAIL&query_begin_time=2023-11-14T00:00:00&query_end_time=2023-11-15T00:00:00&limit=5"
    assert (await api("GET", f"{HELLO}/async-invocations?{asked}")).json["count"] == 1
    assert records.asked[-1] == (StoryFilter(api.project, function, ("FAIL",), 1_699_920_000.0, 1_700_006_400.0), 5, 0)
    assert (await api("GET", f"{HELLO}/async-invocations?status=NOPE")).error == (400, "FSS.1001")
    assert (await api("GET", f"{HELLO}/async-invocations?query_begin_time=never")).error == (400, "FSS.1001")
    active = (await api("GET", f"{HELLO}/active-async-invocations")).json
    assert [one["status"] for one in active["invocations"]] == ["WAIT"]
    assert (await api("GET", f"{HELLO}/active-async-invocations?status=FAIL")).json["count"] == 0
    named = (await api("GET", f"{HELLO}/active-async-invocations?requests={id_text(open_.id)},{id_text(good.id)}")).json
    assert named["count"] == 1


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        ("function_error", 422, 422),
        ("function_error", 302, 500),
        ("timeout", 0, 408),
        ("cancelled", 0, 4208),
        ("answer_too_large", 200, 507),
        ("expired", 0, 408),
        ("function_gone", 0, 404),
        ("init_failed", 0, 503),
        ("of another release", 0, 500),
    ],
)
def test_a_failed_invocation_has_the_code_that_a_waiting_caller_would_have_got(failure: str, status: int, code: int) -> None:
    route = Route("p", "t", "urn:fss:local-1:p:function:default:hello:latest", Mode.ASYNC)
    assert error_code(Story(random_id(), route, "FAIL", (), failure, "", status)) == code


async def test_an_invocation_is_cancelled_by_its_own_function_only(api: Client, records: FakeRecords) -> None:
    waiting = story(api, "WAIT", Step(1.0, "accepted"))
    records.stories = [waiting]
    body = {"request_id": id_text(waiting.id), "type": "force"}
    assert (await api("POST", f"{HELLO}/cancel", body)).status == 200
    assert (await api("POST", f"{HELLO}/cancel", {**body, "type": "recursive"})).status == 200
    assert records.asked == [True, False]
    assert (await api("POST", f"{FUNCTIONS}/second/cancel", body)).error == (400, "FSS.0400")
    assert (await api("POST", f"{HELLO}/cancel", {"request_id": "nonsense"})).error == (400, "FSS.0400")
    assert (await api("POST", f"{HELLO}/cancel", {"request_id": body["request_id"], "type": "softly"})).error == (400, "FSS.0400")
