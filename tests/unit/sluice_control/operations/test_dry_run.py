"""What a trigger would make of a record, through the API."""

import base64
import importlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sluice.clock import SteppedClock
from sluice.host.kinds import by_type, installed
from sluice.trigger import TriggerKind
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, function_body
from tools.conformance import kind_of

CONFIG = {"func_name", "runtime", "timeout", "handler", "memory_size"}
KAFKA: dict[str, Any] = {"kafka_connect_address": "127.0.0.1:9092", "topic_ids": ["orders"], "batch_size": 10}


@pytest.fixture
async def control(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[Control]:
    """With the kinds that are installed: the event is theirs."""
    async with Control(tmp_path, by_type(installed()), clock) as entered:
        yield entered


async def trigger(api: Client, type_code: str, event_data: dict[str, Any], function: str = "hello") -> str:
    if (await api("GET", "/v2/{p}/fgs/functions/hello/config")).status != 200:
        await api("POST", "/v2/{p}/fgs/functions", function_body())
    made = await api("POST", f"/v2/{{p}}/fgs/triggers/{function}", {"trigger_type_code": type_code, "event_data": event_data})
    assert made.status == 201, made.json
    return str(made.json["trigger_id"])


async def dry_run(api: Client, trigger: str, **body: Any) -> Any:
    return await api("POST", f"/sluice/v1/{{p}}/triggers/{trigger}/dry-run", body)


async def test_a_record_is_shown_as_the_event_that_the_function_would_get(api: Client) -> None:
    told = (await dry_run(api, await trigger(api, "OPENSOURCEKAFKA", KAFKA), value='{"a":1}')).json
    assert (told["matches"], told["mode"], told["status"], told["versions"]) == (True, "async", "DISABLED", {"latest": 100})
    assert told["function_urn"].endswith(":hello:latest")
    (record,) = told["event"]["records"]
    assert (record["messages"], record["topic_id"]) == (['{"a":1}'], "orders")


async def test_without_a_value_a_record_of_the_kind_is_made_up(api: Client) -> None:
    told = (await dry_run(api, await trigger(api, "TIMER", {"name": "t", "schedule_type": "Rate", "schedule": "3m"}))).json
    assert (told["event"]["trigger_type"], told["event"]["trigger_name"]) == ("TIMER", "t")


@pytest.mark.parametrize("kind", installed(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("value", [None, b'{"a":1}', b"[]", b"", b"\xff\xfe"], ids=repr)
async def test_every_kind_tells_what_it_would_make_of_anything(api: Client, kind: TriggerKind, value: bytes | None) -> None:
    """With the settings that the kind's conformance tests have. What it makes no event of, it says why."""
    given = {} if value is None else {"value": base64.b64encode(value).decode(), "is_base64": True}
    for type_code in kind.types:
        answered = await dry_run(api, await trigger(api, type_code, example(kind.name)), **given)
        assert answered.status == 200, answered.json
        assert bool(answered.json["unmatched"]) != bool(answered.json["event"]), answered.json
        assert value is not None or answered.json["event"], "its own sample is one that it takes"
        for one in (await api("GET", "/v2/{p}/fgs/triggers/" + answered.json["function_urn"])).json:
            place = f"{answered.json['function_urn']}/{type_code}/{one['trigger_id']}"
            assert (await api("DELETE", f"/v2/{{p}}/fgs/triggers/{place}")).status == 204


def example(kind: str) -> dict[str, Any]:
    (gear, *_) = kind_of(kind).gears
    module = importlib.import_module(f"tests.conformance.test_{kind}")
    made: dict[str, Any] = json.loads(vars(module)[gear.bench].example)
    return made


async def test_a_request_is_shown_at_the_path_of_its_trigger(api: Client) -> None:
    one = await trigger(api, "APIG", {"path": "/orders/{id}/größe", "req_method": "PUT", "auth": "NONE"})
    event = (await dry_run(api, one, value="{}")).json["event"]
    assert (event["httpMethod"], event["path"], event["pathParameters"]) == ("PUT", "/orders/id/gr%C3%B6%C3%9Fe", {"id": "id"})
    assert base64.b64decode(event["body"]) == b"{}"


async def test_what_the_filter_holds_back_is_said_with_the_clause(api: Client) -> None:
    one = await trigger(api, "OPENSOURCEKAFKA", KAFKA | {"filter": {"type": "order", "amount": {"numeric": [">", 10]}}})
    told = (await dry_run(api, one, value='{"type":"order","amount":3}')).json
    assert (told["matches"], told["unmatched"], told["event"]) == (False, "amount", None)
    assert (await dry_run(api, one, value='{"type":"order","amount":30}')).json["matches"]


async def test_a_value_that_the_kind_passes_on_as_it_is_may_be_no_json(api: Client) -> None:
    one = await trigger(api, "OPENSOURCEKAFKA", KAFKA | {"cloudevents": True, "batch_size": 1})
    assert (await dry_run(api, one, value="[1]")).json["event"] == [1]
    assert (await dry_run(api, one, value="no JSON")).json["event"] == "no JSON"
    assert (await dry_run(api, one)).json["event"]["type"] == "sample"


async def test_what_eventgrids_own_settings_do_not_choose_is_said_with_the_clause(api: Client) -> None:
    one = await trigger(api, "EVENTGRID", {"event_types": ["order"], "filter": {"data.a": 1}})
    event = '{"specversion":"1.0","id":"1","source":"s","type":"%s","data":{"a":%d}}'
    assert [(await dry_run(api, one, value=event % each)).json["unmatched"] for each in (("order", 1), ("x", 1), ("order", 2))] == [
        "",
        "type",
        "data.a",
    ]
    assert (await dry_run(api, one, value="no JSON")).json["unmatched"] == "the value is not JSON"


async def test_an_alias_says_how_its_versions_share(api: Client) -> None:
    await api("POST", "/v2/{p}/fgs/functions", function_body())
    for version in ("1", "2"):
        assert (await api("POST", "/v2/{p}/fgs/functions/hello/versions", {"version": version})).status == 200
        settings = {name: value for name, value in function_body(memory_size=256).items() if name in CONFIG}
        assert (await api("PUT", "/v2/{p}/fgs/functions/hello/config", settings)).status == 200
    alias = {"name": "live", "version": "1", "additional_version_weights": {"2": 30}}
    assert (await api("POST", "/v2/{p}/fgs/functions/hello/aliases", alias)).status == 200
    urn = f"urn:fss:local-1:{api.project}:function:default:hello:!live"
    told = (await dry_run(api, await trigger(api, "OPENSOURCEKAFKA", KAFKA, urn))).json
    assert told["versions"] == {"1": 70, "2": 30}


async def test_bytes_come_in_base64(api: Client) -> None:
    one = await trigger(api, "OPENSOURCEKAFKA", KAFKA)
    told = (await dry_run(api, one, value=base64.b64encode(b"\xff\xfe").decode(), is_base64=True)).json
    assert told["event"]["records"][0]["messages"] == ["data:application/octet-stream;base64,//4="]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"value": "%", "is_base64": True}, "value: is not Base64"),
        ({"value": "x" * 6_291_457}, "value: has 6291457 bytes"),
        ({"v": 1}, "v"),
    ],
)
async def test_a_record_that_could_not_be_is_refused(api: Client, body: dict[str, Any], said: str) -> None:
    refused = await dry_run(api, await trigger(api, "OPENSOURCEKAFKA", KAFKA), **body)
    assert refused.status == 400
    assert said in refused.json["error_msg"]


async def test_a_trigger_that_is_not_there_is_not_found(api: Client) -> None:
    assert (await dry_run(api, "nowhere")).json["error_code"] == "FSS.1131"
