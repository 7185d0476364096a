"""The gateway's rules, asked without a socket."""

import asyncio
import base64

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sluice.binding import Binding, Mode, Ordering, TriggerStatus
from sluice.catalog import Change
from sluice.event import id_text
from sluice.host.tracing_otlp import OtlpTraces
from sluice.metrics import SPAN_RECEIVE
from sluice.outcome import DONE, Failure, FailureKind, Outcome, Reply, Verdict
from sluice.signature import sign
from sluice_gateway import calls
from sluice_gateway.limits import Limits
from tests.unit.sluice_gateway.door import ACCESS_KEY, SECRET_KEY, URN, Door, envelope, replied

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_synchronous_trigger_answers_what_the_function_says() -> None:
    door = Door()
    door.trigger("/orders", func_info={"timeout": 1500})
    door.dispatch.outcome = replied(envelope(201, "made"))
    answered = await door.ask("POST", "/orders?a=1", b"new")
    assert (answered.status, answered.body, answered.headers["content-type"]) == (201, b"made", "text/plain")
    (handed,) = door.dispatch.handed
    assert (handed.how, handed.to, handed.timeout_s) == ("call", "t1", 1.5)
    assert base64.b64decode(handed.json["body"]) == b"new"
    assert handed.json["queryStringParameters"] == {"a": "1"}
    assert handed.json["requestContext"]["sourceIp"] == "198.51.100.7"


async def test_the_request_id_is_the_events_id_everywhere() -> None:
    door = Door()
    door.trigger("/orders")
    answered = await door.ask("GET", "/orders")
    (handed,) = door.dispatch.handed
    assert answered.headers["x-cff-request-id"] == id_text(handed.event.id) == handed.json["requestContext"]["requestId"]


async def test_an_asynchronous_trigger_answers_202_once_it_is_accepted() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC)
    door.dispatch.outcome = DONE
    answered = await door.ask("POST", "/orders", b"new")
    (handed,) = door.dispatch.handed
    assert (answered.status, handed.how) == (202, "push")
    assert answered.json == {"request_id": id_text(handed.event.id)}
    assert answered.headers["x-cff-request-id"] == answered.json["request_id"]


async def test_a_sender_whom_there_is_no_room_for_is_told_so_soon() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC)
    door.dispatch.outcome = Outcome(Verdict.RETRY, "no room now", 1.0, full=True)
    answered = await door.ask("POST", "/orders", b"new")
    assert (answered.status, answered.code, answered.headers["retry-after"]) == (429, "FSS.0429", "1")
    assert door.dispatch.handed[0].wait_s < 5


async def test_what_the_filter_of_an_asynchronous_trigger_drops_is_answered_and_counted() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC, filter_text='{"action": "opened"}')
    door.dispatch.outcome = DONE
    for body in (b'{"action": "closed"}', b"no JSON"):
        answered = await door.ask("POST", "/orders", body)
        assert (answered.status, list(answered.json)) == (202, ["request_id"])
    assert (door.dispatch.dropped, door.dispatch.handed) == (2, [])
    assert (await door.ask("POST", "/orders", b'{"action": "opened"}')).status == 202
    assert (door.dispatch.dropped, len(door.dispatch.handed)) == (2, 1)


async def test_the_events_of_an_ordered_trigger_share_a_lane() -> None:
    door = Door()
    door.trigger("/ordered", name="t1", mode=Mode.ASYNC, ordering=Ordering.SOURCE)
    door.trigger("/other", name="t2", mode=Mode.ASYNC)
    door.dispatch.outcome = DONE
    for path in ("/ordered", "/ordered", "/other"):
        await door.ask("POST", path, b"new")
    assert [handed.event.lane for handed in door.dispatch.handed] == ["t1/request", "t1/request", ""]


async def test_an_idempotency_key_names_the_event() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC)
    door.dispatch.outcome = DONE
    first, again, other = [await door.ask("POST", "/orders", b"x", {"Idempotency-Key": key}) for key in ("k1", "k1", "k2")]
    assert first.json == again.json != other.json
    assert [handed.dedupe for handed in door.dispatch.handed] == ["k1", "k1", "k2"]


async def test_a_duplicate_is_told_the_first_ones_id() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC)
    door.dispatch.outcome = Outcome(Verdict.DONE, event_id=b"\x01" * 16)
    answered = await door.ask("POST", "/orders", b"x", {"Idempotency-Key": "k1"})
    assert answered.json == {"request_id": id_text(b"\x01" * 16)}
    assert answered.headers["x-cff-request-id"] == id_text(b"\x01" * 16)


async def test_an_idempotency_key_over_255_characters_is_refused() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC)
    assert (await door.ask("POST", "/orders", b"x", {"Idempotency-Key": "k" * 256})).status == 400


async def test_pressure_on_a_synchronous_trigger_is_429_with_retry_after() -> None:
    door = Door()
    door.trigger("/orders")
    door.dispatch.outcome = Outcome(Verdict.RETRY, "full", 2.5)
    answered = await door.ask("GET", "/orders")
    assert (answered.status, answered.code, answered.headers["retry-after"]) == (429, "FSS.0429", "3")


async def test_what_cannot_be_accepted_now_is_503_with_retry_after_and_the_reason() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC)
    door.dispatch.outcome = Outcome(Verdict.RETRY, "the disk is full")
    answered = await door.ask("POST", "/orders")
    assert (answered.status, answered.code, answered.headers["retry-after"]) == (503, "FSS.0503", "1")
    assert "the disk is full" in answered.json["error_msg"]


@pytest.mark.parametrize("mode", [Mode.SYNC, Mode.ASYNC])
async def test_what_is_refused_is_400_with_the_reason(mode: Mode) -> None:
    door = Door()
    door.trigger("/orders", mode=mode)
    door.dispatch.outcome = Outcome(Verdict.REFUSED, "over the limit")
    answered = await door.ask("POST", "/orders")
    assert (answered.status, answered.code) == (400, "FSS.0400")
    assert "over the limit" in answered.json["error_msg"]


async def test_a_function_that_is_too_slow_is_504() -> None:
    door = Door()
    door.trigger("/orders")
    door.dispatch.outcome = Outcome(Verdict.DONE, reply=Reply(0, failure=Failure(FailureKind.TIMEOUT)))
    answered = await door.ask("GET", "/orders")
    assert (answered.status, answered.code) == (504, "FSS.0504")


async def test_a_dispatcher_that_never_answers_is_504_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "GRACE_S", 0.0)
    door = Door()
    door.trigger("/orders", func_info={"timeout": 1})
    door.dispatch.go.clear()
    answered = await door.ask("GET", "/orders")
    assert (answered.status, answered.code) == (504, "FSS.0504")


async def test_an_answer_that_is_no_envelope_is_500() -> None:
    door = Door()
    door.trigger("/orders")
    door.dispatch.outcome = replied(b'{"hello": "world"}')
    answered = await door.ask("GET", "/orders")
    assert (answered.status, answered.code) == (500, "FSS.1202")


async def test_an_http_functions_answer_is_plain() -> None:
    door = Door()
    door.function("web", runtime="http")
    door.trigger("/web", function="web", match_mode="SWA")
    door.dispatch.outcome = replied(b"<p>", 418, headers=(("Content-Type", "text/html"),))
    answered = await door.ask("GET", "/web/page")
    assert (answered.status, answered.body, answered.headers["content-type"]) == (418, b"<p>", "text/html")


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_content_has_no_body_and_no_length(status: int) -> None:
    door = Door()
    door.trigger("/orders")
    door.dispatch.outcome = replied(envelope(status, "ignored"))
    answered = await door.ask("GET", "/orders")
    assert (answered.status, answered.body) == (status, b"")
    assert "content-length" not in answered.headers


async def test_path_parameters_reach_the_function() -> None:
    door = Door()
    door.trigger("/orders/{id}")
    await door.ask("GET", "/orders/a%2Fb")
    (handed,) = door.dispatch.handed
    assert handed.json["pathParameters"] == {"id": "a/b"}
    assert handed.json["path"] == "/orders/a%2Fb"


@pytest.mark.parametrize("target", ["/", "/nothing", "/orders/1", "/console", "/%2fv2/p1/fgs/functions", "*"])
async def test_an_unknown_path_is_404_in_functiongraphs_words(target: str) -> None:
    door = Door()
    door.trigger("/orders")
    answered = await door.ask("GET", target)
    assert (answered.status, answered.code) == (404, "FSS.0404")
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-cff-request-id"] == answered.headers["x-request-id"]


async def test_a_prefix_trigger_of_the_root_does_not_take_the_gateways_paths() -> None:
    door = Door()
    door.trigger("/", match_mode="SWA")
    assert (await door.ask("GET", "/livez")).body == b"ok\n"
    assert (await door.ask("GET", "/v2/p1/fgs/functions")).status == 401
    assert (await door.ask("GET", "/v2")).status == 404
    assert (await door.ask("GET", "/v2x")).status == 200


async def test_a_removed_or_disabled_trigger_is_404() -> None:
    door = Door()
    door.trigger("/a", name="t1")
    door.trigger("/b", name="t2")
    door.snapshot.apply(Change(5, removed="binding:t1"))
    disabled = Binding("t2", "p1", "APIG", "gateway", URN, b'{"path":"/b"}', status=TriggerStatus.DISABLED)
    door.snapshot.apply(Change(6, binding=disabled))
    assert [(await door.ask("GET", path)).status for path in ("/a", "/b")] == [404, 404]


async def test_a_changed_trigger_leaves_its_old_path() -> None:
    door = Door()
    door.trigger("/old")
    assert (await door.ask("GET", "/old")).status == 200
    door.trigger("/new")
    assert (await door.ask("GET", "/old")).status == 404
    assert (await door.ask("GET", "/new")).status == 200


async def test_an_unreadable_binding_stops_only_itself() -> None:
    door = Door()
    door.trigger("/orders", name="good")
    door.trigger("/v2/mine", name="bad")
    assert (await door.ask("GET", "/orders")).status == 200
    assert list(door.gateway.triggers.faults) == ["bad"]
    door.trigger("/mine", name="bad")
    assert door.gateway.triggers.faults == {}


async def test_other_kinds_bindings_are_not_ours() -> None:
    door = Door()
    door.snapshot.apply(Change(5, binding=Binding("k", "p1", "KAFKA", "kafka", URN, b'{"path":"/a"}')))
    assert (await door.ask("GET", "/a")).status == 404


async def test_a_function_that_is_gone_is_404_and_a_disabled_one_429() -> None:
    door = Door()
    door.trigger("/gone", name="t1", function="gone")
    door.function("off", max_instances=0)
    door.trigger("/off", name="t2", function="off")
    gone, off = await door.ask("GET", "/gone"), await door.ask("GET", "/off")
    assert (gone.status, gone.code) == (404, "FSS.1051")
    assert (off.status, off.code, off.json["error_msg"]) == (429, "FSS.0429", "Function Disabled")


async def test_a_bug_is_500_and_the_next_request_is_served() -> None:
    door = Door()
    door.trigger("/orders")
    door.dispatch.failure = RuntimeError("a bug")
    answered = await door.ask("GET", "/orders")
    assert (answered.status, answered.code) == (500, "FSS.0500")
    assert "a bug" not in answered.json["error_msg"]
    door.dispatch.failure = None
    assert (await door.ask("GET", "/orders")).status == 200


async def test_a_closed_trigger_wants_a_signature_of_its_project() -> None:
    door = Door()
    door.trigger("/orders", auth="IAM")
    door.key("OTHER", "p2")
    door.key("READER", role="reader")
    unsigned = await door.ask("POST", "/orders", b"x")
    assert (unsigned.status, unsigned.code) == (401, "FSS.0401")
    assert (await door.ask_signed("POST", "/orders", b"x", secret_key="wrong")).status == 401
    assert (await door.ask_signed("POST", "/orders", b"x", access_key="nobody")).status == 401
    assert (await door.ask_signed("POST", "/orders", b"x", access_key="OTHER")).status == 401
    assert (await door.ask_signed("POST", "/orders", b"x", access_key="READER")).status == 403
    assert not door.dispatch.handed
    assert (await door.ask_signed("POST", "/orders?b=2&a=1", b"x")).status == 200


async def test_a_revoked_key_opens_nothing() -> None:
    door = Door()
    door.trigger("/orders", auth="IAM")
    assert (await door.ask_signed("GET", "/orders")).status == 200
    door.snapshot.apply(Change(9, removed=f"key:{ACCESS_KEY}"))
    assert (await door.ask_signed("GET", "/orders")).status == 401


async def test_a_replay_after_15_minutes_is_refused() -> None:
    door = Door()
    door.trigger("/orders", auth="IAM")
    added = sign(ACCESS_KEY, SECRET_KEY, "GET", "/orders", {"Host": "127.0.0.1:8090"}, now=door.clock.time())
    assert (await door.ask("GET", "/orders", headers=added)).status == 200
    door.clock.advance(901)
    assert (await door.ask("GET", "/orders", headers=added)).status == 401


async def test_the_senders_trace_is_passed_on_and_garbage_is_not() -> None:
    door = Door()
    door.trigger("/orders")
    for given in (PARENT, "garbage", PARENT.upper(), f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff{PARENT[2:]}"):
        await door.ask("GET", "/orders", headers={"traceparent": given})
    await door.ask("GET", "/orders")
    assert [handed.event.trace for handed in door.dispatch.handed] == [PARENT, "", "", "", "", ""]


async def test_a_sampled_request_is_handed_over_inside_a_span() -> None:
    spans = InMemorySpanExporter()
    traces = OtlpTraces("test", spans, 1.0)
    door = Door(traces=traces)
    door.trigger("/orders")
    door.trigger("/later", name="t2", mode=Mode.ASYNC)
    await door.ask("GET", "/orders")
    door.dispatch.outcome = Outcome(Verdict.RETRY, "full")
    await door.ask("POST", "/later", headers={"traceparent": PARENT})
    traces.close()
    one, two = spans.get_finished_spans()
    assert {one.name, two.name} == {SPAN_RECEIVE}
    assert f"{one.context.span_id:016x}" == door.dispatch.handed[0].event.trace[36:52]
    assert f"{two.context.trace_id:032x}" == PARENT[3:35]
    assert (one.status.is_ok, two.status.description) == (True, "full")


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(("size", "status"), [(0, 200), (99, 200), (100, 200), (101, 413), (10_000, 413)])
async def test_a_body_may_have_its_limit_and_not_one_byte_more(chunked: bool, size: int, status: int) -> None:
    door = Door(Limits(trigger_body=100))
    door.trigger("/orders")
    body = b"x" * size
    pieces = [body[at : at + 30] for at in range(0, size, 30)] or [b""]
    answered = await door.ask("POST", "/orders", body, chunks=pieces if chunked else None)
    assert answered.status == status
    if status == 413:
        assert answered.code == "FSS.0413"
        assert not door.dispatch.handed


async def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read() -> None:
    door = Door(Limits(trigger_body=100))
    door.trigger("/orders")
    answered = await door.ask("POST", "/orders", headers={"Content-Length": "101"}, chunks=[])
    assert (answered.status, answered.headers["connection"]) == (413, "close")


async def test_all_bodies_together_are_bounded_and_given_back() -> None:
    door = Door(Limits(held=150))
    door.trigger("/orders")
    door.dispatch.go.clear()
    waiting = asyncio.create_task(door.ask("POST", "/orders", b"x" * 100))
    await door.dispatch.arrived.wait()
    refused = await door.ask("POST", "/orders", b"x" * 100)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "FSS.0429", "1")
    door.dispatch.go.set()
    assert (await waiting).status == 200
    assert (await door.ask("POST", "/orders", b"x" * 150)).status == 200


async def test_a_client_that_goes_away_while_sending_is_not_answered_and_nothing_is_handed_over() -> None:
    door = Door()
    door.trigger("/orders")
    assert (await door.ask("POST", "/orders", chunks=[])).status == 0
    assert not door.dispatch.handed


async def test_a_request_that_is_cancelled_is_told_to_come_back() -> None:
    door = Door()
    door.trigger("/orders", mode=Mode.ASYNC)
    door.dispatch.go.clear()
    waiting = asyncio.create_task(door.ask("POST", "/orders", b"x"))
    await door.dispatch.arrived.wait()
    waiting.cancel()
    answered = await waiting
    assert (answered.status, answered.headers["retry-after"]) == (503, "1")


async def test_the_api_gets_the_sender_and_the_whole_body() -> None:
    door = Door()
    door.key("DEPLOYER", role="deployer")
    answered = await door.ask_signed("PUT", "/v2/p1/fgs/functions/x/config?a=%20b", b'{"k": "v"}', access_key="DEPLOYER")
    assert answered.json == {"from": "control"}
    (scope,) = door.api_saw
    identity = scope["state"]["identity"]
    assert (identity.project, identity.access_key, identity.role) == ("p1", "DEPLOYER", "deployer")
    assert door.api_body == b'{"k": "v"}'
    assert answered.headers["x-cff-request-id"] == "named-by-control"


@pytest.mark.parametrize("target", ["/v2/p1/fgs/functions", "/v3/projects?name=x", "/sluice/v1/dead"])
async def test_the_api_is_closed_to_whoever_has_not_signed(target: str) -> None:
    door = Door()
    answered = await door.ask("GET", target)
    assert (answered.status, answered.code) == (401, "FSS.0401")
    assert (await door.ask_signed("GET", target, secret_key="wrong")).status == 401
    assert not door.api_saw
    assert (await door.ask_signed("GET", target)).status == 200


async def test_the_api_takes_more_than_a_trigger_but_not_everything() -> None:
    door = Door(Limits(trigger_body=10, api_body=1000))
    assert (await door.ask_signed("POST", "/v2/p1/fgs/functions", b"x" * 1000)).status == 200
    refused = await door.ask_signed("POST", "/v2/p1/fgs/functions", b"x" * 1001)
    assert (refused.status, refused.code) == (413, "FSS.0413")


async def test_the_api_learns_that_its_client_has_gone() -> None:
    door = Door()
    await door.ask_signed("GET", "/v2/p1/fgs/functions")
    assert door.api_heard == ["http.request", "http.disconnect"]


async def test_a_bug_of_the_api_is_500_before_its_answer_and_breaks_it_off_after() -> None:
    door = Door()
    door.api_failure = RuntimeError("a bug")
    assert (await door.ask_signed("GET", "/v2/p1/fgs/functions")).code == "FSS.0500"
    door.api_fails_late = True
    answered = await door.ask_signed("GET", "/v2/p1/fgs/functions")
    assert (answered.status, answered.body) == (200, b"")


async def test_the_description_of_the_api_is_open() -> None:
    door = Door()
    assert (await door.ask("GET", "/openapi.json")).status == 200
    assert door.api_saw[0]["state"]["identity"] is None


async def test_probes_and_metrics_are_on_the_same_port() -> None:
    door = Door()
    assert (await door.ask("GET", "/livez")).status == 200
    assert b"sluice_events_pending 0" in (await door.ask("GET", "/metrics")).body
    assert (await door.ask("GET", "/readyz")).status == 200
    door.waits_for = "the catalog"
    answered = await door.ask("GET", "/readyz")
    assert (answered.status, answered.body) == (503, b"the catalog\n")
