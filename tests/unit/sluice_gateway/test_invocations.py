"""The invocation API, to the letter."""

import base64
import json
from typing import Any

import pytest

from sluice.catalog import Change
from sluice.event import MAX_ASYNC_BODY_BYTES, MAX_EVENT_BYTES, id_text
from sluice.function import Alias
from sluice.outcome import DONE, Failure, FailureKind, Outcome, Reply, Verdict
from tests.unit.sluice_gateway.door import BASE, URN, Answered, Door, replied

V1 = {"X-CFF-Request-Version": "v1"}


async def invoke(door: Door, body: bytes = b'{"k": "v"}', headers: dict[str, str] | None = None, **more: Any) -> Answered:
    function = more.pop("function", URN)
    operation = more.pop("operation", "invocations")
    return await door.ask_signed("POST", f"/v2/p1/fgs/functions/{function}/{operation}", body, headers, **more)


async def invoke_async(door: Door, body: bytes = b"{}", headers: dict[str, str] | None = None, **more: Any) -> Answered:
    return await invoke(door, body, headers, operation="invocations-async", **more)


async def test_v1_is_an_envelope_whose_result_is_a_string() -> None:
    door = Door()
    door.dispatch.outcome = replied(b'{"a": 1}', duration_ms=12.3456, memory_mb=41.51)
    answered = await invoke(door, headers=V1)
    (handed,) = door.dispatch.handed
    assert answered.status == 200
    assert answered.json == {"request_id": id_text(handed.event.id), "result": '{"a": 1}', "log": "", "status": 200}
    assert answered.headers["x-cff-request-id"] == id_text(handed.event.id)
    assert answered.headers["x-cff-response-version"] == "v1"
    assert (answered.headers["x-func-err-code"], answered.headers["x-is-func-err"]) == ("0", "false")
    summary = json.loads(answered.headers["x-cff-invoke-summary"])
    assert summary == {"duration": 12.346, "billingDuration": 13, "memorySize": 128, "memoryUsed": 41.51}
    assert answered.headers["x-cff-billing-duration"] == "13"


async def test_v0_is_the_default_and_the_bare_result() -> None:
    door = Door()
    door.dispatch.outcome = replied(b"plain", headers=(("Content-Type", "text/plain"),))
    answered = await invoke(door)
    assert (answered.body, answered.headers["content-type"]) == (b"plain", "text/plain")
    assert answered.headers["x-cff-response-version"] == "v0"


SDK = "huaweicloud-usdk-python/3.0; huaweicloudsdkcore/3.1.219"


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({"User-Agent": SDK}, "v1"),
        ({"User-Agent": "huaweicloud-usdk-go/3.0"}, "v1"),
        ({"User-Agent": SDK, "X-CFF-Request-Version": "v0"}, "v0"),
        ({"User-Agent": "curl/8.5"}, "v0"),
        ({"User-Agent": "curl/8.5", "X-CFF-Request-Version": "V1"}, "v1"),
        ({"X-CFF-Request-Version": ""}, "v0"),
    ],
)
async def test_an_sdk_that_does_not_say_gets_the_only_answer_it_understands(headers: dict[str, str], version: str) -> None:
    door = Door()
    door.dispatch.outcome = replied(b'{"a": 1}')
    assert (await invoke(door, headers=headers)).headers["x-cff-response-version"] == version


async def test_the_event_is_the_body_byte_for_byte() -> None:
    door = Door()
    await invoke(door, b' {"k" :\t"v"} ')
    assert door.dispatch.handed[0].event.body == b' {"k" :\t"v"} '
    assert door.dispatch.handed[0].to == URN


async def test_the_tail_of_the_log_comes_only_when_asked_for() -> None:
    door = Door()
    log = "ä" * 3000 + "end"
    door.dispatch.outcome = replied(b"{}", log=log)
    assert (await invoke(door, headers=V1)).json["log"] == ""
    answered = await invoke(door, headers={**V1, "X-Cff-Log-Type": "tail"})
    assert [handed.log for handed in door.dispatch.handed] == [False, True]
    assert len(answered.json["log"].encode()) <= 4096 + 2
    assert answered.json["log"].endswith("end")
    tail = base64.b64decode(answered.headers["x-cff-function-log"])
    assert (len(tail), tail[-3:]) == (2000, b"end")


@pytest.mark.parametrize("headers", [{}, V1])
async def test_a_functions_error_is_http_200_and_said_in_headers(headers: dict[str, str]) -> None:
    door = Door()
    door.dispatch.outcome = replied(b'{"errorMessage": "no"}', 500, failure=Failure(FailureKind.FUNCTION_ERROR))
    answered = await invoke(door, headers=headers)
    assert answered.status == 200
    assert (answered.headers["x-is-func-err"], answered.headers["x-func-err-code"]) == ("true", "500")
    if headers:
        assert (answered.json["result"], answered.json["status"]) == ('{"errorMessage": "no"}', 500)
    else:
        assert answered.json == {"errorMessage": "no"}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FailureKind.TIMEOUT, 408),
        (FailureKind.CRASHED, 500),
        (FailureKind.OUT_OF_MEMORY, 500),
        (FailureKind.ANSWER_TOO_LARGE, 507),
        (FailureKind.BAD_ANSWER, 502),
        (FailureKind.CANCELLED, 4208),
    ],
)
async def test_an_execution_that_broke_is_the_functions_error(kind: FailureKind, code: int) -> None:
    door = Door()
    door.dispatch.outcome = Outcome(Verdict.DONE, reply=Reply(0, failure=Failure(kind, "it broke")))
    answered = await invoke(door, headers=V1)
    assert (answered.status, answered.headers["x-is-func-err"]) == (200, "true")
    assert (answered.headers["x-func-err-code"], answered.json["status"]) == (str(code), code)
    assert json.loads(answered.json["result"])["errorMessage"] == "it broke"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FailureKind.NO_CAPACITY, 429, "FSS.0429"),
        (FailureKind.THROTTLED, 429, "FSS.0429"),
        (FailureKind.DISABLED, 429, "FSS.0429"),
        (FailureKind.FUNCTION_GONE, 404, "FSS.1051"),
        (FailureKind.START_FAILED, 503, "FSS.0503"),
        (FailureKind.INIT_FAILED, 503, "FSS.0503"),
        (FailureKind.CRASH_LOOP, 503, "FSS.0503"),
        (FailureKind.LOST, 503, "FSS.0503"),
        (FailureKind.CONNECTION_RESET, 502, "FSS.0502"),
    ],
)
async def test_what_never_ran_is_the_platforms_error(kind: FailureKind, status: int, code: str) -> None:
    door = Door()
    door.dispatch.outcome = Outcome(Verdict.DONE, reply=Reply(0, failure=Failure(kind, "why")))
    answered = await invoke(door)
    assert (answered.status, answered.code) == (status, code)


async def test_too_many_waiting_calls_are_429() -> None:
    door = Door()
    door.dispatch.outcome = Outcome(Verdict.RETRY, "full", 1.0)
    answered = await invoke(door)
    assert (answered.status, answered.code) == (429, "FSS.0429")
    assert answered.json["error_msg"].startswith("Your request has been controlled by overload sdk")


@pytest.mark.parametrize("call", [invoke, invoke_async])
async def test_a_disabled_function_is_429(call: Any) -> None:
    door = Door()
    door.function("hello", max_instances=0)
    answered = await call(door)
    assert (answered.status, answered.json) == (429, {"error_code": "FSS.0429", "error_msg": "Function Disabled"})
    assert not door.dispatch.handed


@pytest.mark.parametrize("call", [invoke, invoke_async])
@pytest.mark.parametrize("body", [b"", b"hello", b"{", b"\xff", b"{}{}", b"[" * 100_000])
async def test_what_is_not_json_is_406(call: Any, body: bytes) -> None:
    door = Door()
    answered = await call(door, body)
    assert (answered.status, answered.code) == (406, "FSS.0406")
    assert not door.dispatch.handed


@pytest.mark.parametrize(("call", "limit"), [(invoke, MAX_EVENT_BYTES), (invoke_async, MAX_ASYNC_BODY_BYTES)])
async def test_an_event_may_have_its_limit_and_not_one_byte_more(call: Any, limit: int) -> None:
    door = Door()
    assert (await call(door, b'"' + b"x" * (limit - 2) + b'"')).status in (200, 202)
    answered = await call(door, b'"' + b"x" * (limit - 1) + b'"')
    assert (answered.status, answered.code) == (413, "FSS.0413")


SHORT = ["hello", "default:hello", "p1:default:hello", "p1:default:hello:latest", URN.removesuffix(":latest"), URN]


@pytest.mark.parametrize("text", [*SHORT, URN.replace(":", "%3A"), URN.replace(":", "%3a")])
async def test_all_forms_of_a_urn_name_the_same_function(text: str) -> None:
    door = Door()
    assert (await invoke(door, function=text)).status == 200
    assert door.dispatch.handed[0].to == URN


async def test_an_alias_is_handed_on_as_asked() -> None:
    door = Door()
    door.snapshot.apply(Change(5, alias=Alias(f"{BASE}:hello:!prod", "latest")))
    for text in ("p1:default:hello:!prod", f"{BASE}:hello:%21prod"):
        assert (await invoke(door, function=text)).status == 200
    assert {handed.to for handed in door.dispatch.handed} == {f"{BASE}:hello:!prod"}


@pytest.mark.parametrize("text", ["other", f"{BASE}:other:v2", f"{BASE}:other:!prod", URN.replace("local-1", "elsewhere")])
async def test_a_function_that_does_not_exist_is_404(text: str) -> None:
    answered = await invoke(Door(), function=text)
    assert (answered.status, answered.code) == (404, "FSS.1051")


@pytest.mark.parametrize("operation", ["invocations", "invocations-async"])
@pytest.mark.parametrize(("qualifier", "code"), [("v9", "FSS.1052"), ("!nobody", "FSS.1053"), ("!dangling", "FSS.1052")])
async def test_a_version_and_an_alias_that_do_not_exist_are_told_apart(operation: str, qualifier: str, code: str) -> None:
    door = Door()
    door.snapshot.apply(Change(1, alias=Alias(f"{BASE}:hello:!dangling", "v9")))
    answered = await invoke(door, operation=operation, function=f"{BASE}:hello:{qualifier}")
    assert (answered.status, answered.code) == (404, code)


async def test_another_projects_function_is_404_and_not_known_to_exist() -> None:
    door = Door()
    door.key("OTHER", "p2")
    assert (await invoke(door, access_key="OTHER")).status == 404
    assert (await invoke(door, function="p2:default:hello")).status == 404
    assert not door.dispatch.handed


@pytest.mark.parametrize("text", ["1hello", "a:b:c:d:e", "urn:smn:r:p:function:default:f", "hello%20"])
async def test_what_is_no_urn_is_refused(text: str) -> None:
    answered = await invoke(Door(), function=text)
    assert (answered.status, answered.code) == (400, "FSS.1309")


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("deployer", 200), ("invoker", 200), ("reader", 403)])
async def test_a_reader_may_not_invoke(role: str, status: int) -> None:
    door = Door()
    door.key("KEY", role=role)
    assert (await invoke(door, access_key="KEY")).status == status


async def test_async_answers_202_and_the_request_id() -> None:
    door = Door()
    door.dispatch.outcome = DONE
    answered = await invoke_async(door)
    (handed,) = door.dispatch.handed
    assert (answered.status, handed.how, handed.to) == (202, "invoke_async", URN)
    assert answered.json == {"request_id": id_text(handed.event.id)}


async def test_async_with_an_idempotency_key_names_the_event() -> None:
    door = Door()
    door.dispatch.outcome = DONE
    one = await invoke_async(door, headers={"Idempotency-Key": "k"})
    two = await invoke_async(door, headers={"Idempotency-Key": "k"})
    assert one.json == two.json
    assert door.dispatch.handed[0].dedupe == "k"


async def test_async_that_cannot_be_kept_now_is_503() -> None:
    door = Door()
    door.dispatch.outcome = Outcome(Verdict.RETRY, "the disk is full", 5.0)
    answered = await invoke_async(door)
    assert (answered.status, answered.code, answered.headers["retry-after"]) == (503, "FSS.0503", "5")


async def test_an_http_functions_answer_comes_as_an_envelope() -> None:
    door = Door()
    door.function("web", runtime="http")
    door.dispatch.outcome = replied(b"<p>", 404, headers=(("content-type", "text/html"), ("set-cookie", "a"), ("set-cookie", "b")))
    answered = await invoke(door, headers=V1, function="web")
    assert json.loads(answered.json["result"]) == {
        "body": base64.b64encode(b"<p>").decode(),
        "headers": {"Content-Type": ["text/html"], "Set-Cookie": ["a", "b"]},
        "statusCode": 404,
        "isBase64Encoded": True,
    }


async def test_only_post_is_an_invocation() -> None:
    door = Door()
    await door.ask_signed("GET", f"/v2/p1/fgs/functions/{URN}/invocations")
    assert len(door.api_saw) == 1
