"""Invocations, their records and settings through the unmodified SDK; one test an operation."""

import json
import time
from typing import Any

import pytest

from tests.functiongraph.client import Sdk

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def tell(sdk: Sdk, urn: str, event: dict[str, Any], **headers: str) -> Any:
    return sdk("invoke_function", function_urn=urn, body=event, **headers)


def begin(sdk: Sdk, urn: str, event: dict[str, Any]) -> str:
    """The id of an asynchronous invocation."""
    accepted = sdk("async_invoke_function", function_urn=urn, body=event)
    assert accepted.status_code == 202
    identity: str = accepted.request_id
    return identity


def until_state(sdk: Sdk, urn: str, request: str, state: str) -> Any:
    deadline = time.monotonic() + 20
    while True:
        found = sdk("list_async_invocations", function_urn=urn, request_id=request).invocations
        if found and found[0].status == state:
            return found[0]
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_invoke_function_answers_what_the_function_said(sdk: Sdk, function: str) -> None:
    answer = tell(sdk, function, {"do": "tell", "key": "ключ"}, x_cff_request_version="v1")
    told = json.loads(answer.result)
    assert (answer.status_code, answer.status, told["event"]["key"]) == (200, 200, "ключ")
    assert answer.request_id == told["headers"]["x-cff-request-id"]
    assert answer.x_cff_request_id == answer.request_id


def test_invoke_function_with_the_tail_of_its_log(sdk: Sdk, function: str) -> None:
    answer = tell(sdk, function, {"do": "print", "text": "the quick brown fox"}, x_cff_request_version="v1", x_cff_log_type="tail")
    assert "the quick brown fox" in answer.log


def test_invoke_function_of_version_0_is_the_bare_body(sdk: Sdk, function: str) -> None:
    body = json.dumps({"do": "tell"}).encode()
    status, headers, answer = sdk.raw("POST", path(sdk, function, "invocations"), body, headers={"X-CFF-Request-Version": "v0"})
    assert (status, json.loads(answer)["event"]) == (200, {"do": "tell"})
    assert headers["X-Cff-Request-Id"]


def test_invoke_function_that_fails_is_told_in_the_answer(sdk: Sdk, function: str) -> None:
    for event in ({"do": "status", "status": 503}, {"do": "exit", "code": 3}):
        answer = tell(sdk, function, event, x_cff_request_version="v1")
        assert (answer.status_code, answer.status >= 400) == (200, True)
    _, headers, _ = sdk.raw("POST", path(sdk, function, "invocations"), json.dumps(event).encode())
    assert headers["X-Is-Func-Err"] == "true"


def test_invoke_function_that_is_disabled_is_refused(sdk: Sdk, function: str) -> None:
    sdk("update_function_max_instance_config", function_urn=function, body={"max_instance_num": 0})
    refused = sdk.refused("invoke_function", "FSS.0429", 429, function_urn=function, body={})
    assert "Function Disabled" in refused.error_msg


def test_invoke_function_of_nothing_is_refused(sdk: Sdk, function: str, name: str) -> None:
    sdk.refused("invoke_function", "FSS.1051", 404, function_urn=name, body={})
    sdk.refused("invoke_function", "FSS.1052", 404, function_urn=f"{function}:v9", body={})
    sdk.refused("invoke_function", "FSS.1053", 404, function_urn=f"{function}:!nobody", body={})


def test_async_invoke_function_answers_202_and_runs(sdk: Sdk, function: str) -> None:
    request = begin(sdk, function, {"do": "tell"})
    ended = until_state(sdk, function, request, "SUCCESS")
    assert (ended.error_message, ended.error_code) == ("", 0)


def test_async_invoke_function_refuses_a_large_event_and_an_unknown_function(sdk: Sdk, function: str, name: str) -> None:
    sdk.refused("async_invoke_function", "FSS.0413", 413, function_urn=function, body={"x": "y" * 262144})
    sdk.refused("async_invoke_function", "FSS.1051", 404, function_urn=name, body={})


def test_list_async_invocations_by_state_and_time(sdk: Sdk, function: str) -> None:
    good, bad = begin(sdk, function, {"do": "tell"}), begin(sdk, function, {"do": "status", "status": 500})
    until_state(sdk, function, good, "SUCCESS")
    failed = until_state(sdk, function, bad, "FAIL")
    assert failed.error_message
    assert failed.error_code == 500
    every = sdk("list_async_invocations", function_urn=function)
    assert {shown.request_id for shown in every.invocations} == {good, bad}
    (only,) = sdk("list_async_invocations", function_urn=function, status="FAIL").invocations
    assert only.request_id == bad
    past = sdk(
        "list_async_invocations", function_urn=function,
        query_begin_time="2020-01-01T00:00:00", query_end_time="2020-01-02T00:00:00",
    )  # fmt: skip
    assert past.invocations == []
    sdk.refused("list_async_invocations", "FSS.1051", 404, function_urn=f"{function}x")


def test_list_active_async_invocations_are_those_that_have_not_ended(sdk: Sdk, function: str) -> None:
    request = begin(sdk, function, {"do": "sleep", "seconds": 20})
    until_state(sdk, function, request, "RUNNING")
    for query in ({}, {"requests": f"{request},{UNKNOWN}"}, {"status": "RUNNING"}):
        (shown,) = sdk("list_active_async_invocations", function_urn=function, **query).invocations
        assert (shown.request_id, shown.status) == (request, "RUNNING")
    sdk("cancel_async_invocation", function_urn=function, body={"request_id": request, "type": "force"})


@pytest.mark.parametrize("kind", ["force", "recursive"])
def test_cancel_async_invocation_ends_it(sdk: Sdk, function: str, kind: str) -> None:
    sdk("update_function_max_instance_config", function_urn=function, body={"max_instance_num": 1})
    request = begin(sdk, function, {"do": "sleep", "seconds": 3})
    until_state(sdk, function, request, "RUNNING")
    assert sdk("cancel_async_invocation", function_urn=function, body={"request_id": request, "type": kind}).status_code == 200
    deadline = time.monotonic() + 30
    while sdk("list_active_async_invocations", function_urn=function).invocations:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_cancel_async_invocation_of_nothing_is_refused(sdk: Sdk, function: str) -> None:
    sdk.refused("cancel_async_invocation", "FSS.0400", 400, function_urn=function, body={"request_id": UNKNOWN})
    sdk.refused("cancel_async_invocation", "FSS.0400", 400, function_urn=function, body={"request_id": "not an id"})
    sdk.refused("cancel_async_invocation", "FSS.0400", 400, function_urn=function, body={"request_id": UNKNOWN, "type": "gently"})


def test_update_function_async_invoke_config(sdk: Sdk, function: str, deploy: Any) -> None:
    target = deploy()
    body = {
        "max_async_event_age_in_seconds": 600,
        "max_async_retry_attempts": 3,
        "destination_config": {"on_failure": {"destination": "FunctionGraph", "param": json.dumps({"func_urn": target})}},
    }
    put = sdk("update_function_async_invoke_config", function_urn=function, body=body)
    assert (put.max_async_event_age_in_seconds, put.max_async_retry_attempts) == (600, 3)
    assert put.destination_config.on_failure.destination == "FunctionGraph"
    for wrong in ({"max_async_event_age_in_seconds": 86401}, {"max_async_retry_attempts": 4}):
        sdk.refused("update_function_async_invoke_config", "FSS.0400", 400, function_urn=function, body=wrong)
    sdk.refused("update_function_async_invoke_config", "FSS.1051", 404, function_urn=f"{function}x", body={})


def test_update_function_async_invoke_config_keeps_every_kind_of_destination(sdk: Sdk, function: str) -> None:
    params = {"OBS": {"bucket": "b", "prefix": "p", "expires": 7}, "SMN": {"topic_urn": "t"}, "DIS": {"stream_name": "s"}}
    for kind, param in params.items():
        end = {"destination": kind, "param": json.dumps(param)}
        sdk("update_function_async_invoke_config", function_urn=function, body={"destination_config": {"on_success": end}})
        kept = sdk("show_function_async_invoke_config", function_urn=function).destination_config.on_success
        assert (kept.destination, json.loads(kept.param)) == (kind, param)
    wrong = {"destination": "OBS", "param": json.dumps({"bucket": "b", "expires": 366})}
    body = {"destination_config": {"on_success": wrong}}
    sdk.refused("update_function_async_invoke_config", "FSS.0400", 400, function_urn=function, body=body)


def test_show_function_async_invoke_config(sdk: Sdk, function: str) -> None:
    sdk.refused("show_function_async_invoke_config", "FSS.0404", 404, function_urn=function)
    sdk("update_function_async_invoke_config", function_urn=function, body={})
    shown = sdk("show_function_async_invoke_config", function_urn=function)
    assert (shown.max_async_event_age_in_seconds, shown.max_async_retry_attempts, shown.func_urn) == (3600, 1, f"{function}:latest")


def test_list_function_async_invoke_config_is_of_all_versions(sdk: Sdk, function: str) -> None:
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    for scope in (function, f"{function}:v1"):
        sdk("update_function_async_invoke_config", function_urn=scope, body={})
    listed = sdk("list_function_async_invoke_config", function_urn=function)
    assert {shown.func_urn for shown in listed.async_invoke_configs} == {f"{function}:latest", f"{function}:v1"}
    assert (listed.count, listed.page_info.current_count) == (2, 2)
    page = sdk("list_function_async_invoke_config", function_urn=function, marker="1", limit="1")
    assert (len(page.async_invoke_configs), page.page_info.next_marker) == (1, 2)


def test_delete_function_async_invoke_config(sdk: Sdk, function: str) -> None:
    sdk("update_function_async_invoke_config", function_urn=function, body={})
    assert sdk("delete_function_async_invoke_config", function_urn=function).status_code == 204
    sdk.refused("delete_function_async_invoke_config", "FSS.0404", 404, function_urn=function)


def path(sdk: Sdk, urn: str, what: str) -> str:
    return f"/v2/{sdk.credentials['project_id']}/fgs/functions/{urn}/{what}"
