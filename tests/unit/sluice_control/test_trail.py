"""The audit trail: what is kept of a request, and how triggers are told."""

import asyncio
import json
from typing import Any

import pytest

from sluice.clock import SteppedClock
from sluice.errors import Unavailable
from sluice.push import Answer, Request
from sluice_control.control import Control
from sluice_control.trail import KEPT_S, resource_type
from tests.unit.sluice_control.client import Client, encoded, function_body
from tests.waiting import until

TRACES = "/sluice/v1/{p}/traces"


class Triggers:
    """The CTS triggers of all projects; each request is answered with the next of `answers`, and then with 202."""

    def __init__(self, *answers: Answer | Unavailable) -> None:
        self.got: list[tuple[str, str, str, list[dict[str, Any]]]] = []
        self._answers = list(answers)

    async def send(self, kind: str, trigger: str, request: Request) -> Answer:
        raise AssertionError

    async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
        answer = self._answers.pop(0) if self._answers else Answer(202)
        if isinstance(answer, Unavailable):
            raise answer
        if answer.status == 202:
            self.got.append((kind, project, topic, json.loads(request.body)))
        return answer

    @property
    def names(self) -> list[str]:
        return [trace["trace_name"] for *_, traces in self.got for trace in traces]


async def traces(api: Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api("GET", TRACES + query)).json["traces"]
    return found


async def test_what_changes_something_leaves_a_trace_and_what_reads_does_not(api: Client, clock: SteppedClock) -> None:
    made = await api("POST", "/v2/{p}/fgs/functions", function_body(user_data='{"secret": "hidden word"}'))
    await api("GET", "/v2/{p}/fgs/functions")
    (trace,) = await traces(api)
    assert trace == {
        "time": int(clock.time()),
        "user": {"name": "SLTEST", "id": "SLTEST", "domain": {"name": "", "id": api.project}},
        "request": {"method": "POST", "path": f"/v2/{api.project}/fgs/functions", "role": "admin"},
        "response": {},
        "code": 200,
        "service_type": "FunctionGraph",
        "resource_type": "functions",
        "resource_name": "hello",
        "resource_id": made.json["func_urn"],
        "trace_name": "create_function",
        "trace_type": "ApiCall",
        "record_time": int(clock.time()),
        "trace_id": made.headers["x-request-id"],
        "trace_status": "normal",
    }


async def test_what_is_refused_leaves_a_trace_too(api: Client) -> None:
    urn = f"urn:fss:local-1:{api.project}:function:default:gone"
    await api("DELETE", f"/v2/{{p}}/fgs/functions/{encoded(urn)}")
    await api.as_role("reader")("POST", "/v2/{p}/fgs/functions", function_body())
    refused, gone = await traces(api)
    assert (gone["code"], gone["response"], gone["trace_status"]) == (404, {"error_code": "FSS.1051"}, "warning")
    assert (gone["resource_name"], gone["resource_id"]) == ("gone", urn)
    assert (refused["code"], refused["request"]["role"]) == (403, "reader")


async def test_a_secret_that_is_made_is_not_in_the_trail(api: Client) -> None:
    key = (await api("POST", "/sluice/v1/{p}/keys", {"role": "reader", "description": "x"})).json
    (trace,) = await traces(api)
    assert trace["resource_id"] == key["access_key"]
    assert key["secret_key"] not in json.dumps(trace)


async def test_pages_go_back_in_time(api: Client) -> None:
    for number in range(5):
        await api("POST", "/v2/{p}/fgs/functions", function_body(f"f{number}"))
    first = (await api("GET", TRACES + "?limit=3")).json
    second = (await api("GET", f"{TRACES}?limit=3&before={first['next']}")).json
    assert [trace["resource_name"] for page in (first, second) for trace in page["traces"]] == ["f4", "f3", "f2", "f1", "f0"]
    assert second["next"] == 0


async def test_only_admins_read_it_and_only_their_own(api: Client) -> None:
    await api("POST", "/v2/{p}/fgs/functions", function_body())
    assert (await api.as_role("deployer")("GET", TRACES)).status == 403
    assert await traces(api.of_project("another")) == []


async def test_triggers_are_told_in_order_until_they_have_it(api: Client, control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice_control.trail._AGAIN_S", 0.01)
    await api("POST", "/v2/{p}/fgs/functions", function_body())
    triggers = Triggers(Answer(503), Unavailable("away"), Answer(429))
    telling = asyncio.create_task(control.trail.run(triggers))
    await until(lambda: triggers.names == ["create_function"])
    await api("DELETE", "/v2/{p}/fgs/functions/hello")
    await until(lambda: triggers.names == ["create_function", "delete_function"])
    await until(lambda: not control.view.projects_with_untold())
    assert {(kind, project, topic) for kind, project, topic, _ in triggers.got} == {("cts", api.project, "system")}
    telling.cancel()
    await asyncio.wait({telling})


@pytest.mark.parametrize("status", [404, 400])
async def test_where_no_trigger_wants_it_nothing_waits(api: Client, control: Control, status: int) -> None:
    await api("POST", "/v2/{p}/fgs/functions", function_body())
    telling = asyncio.create_task(control.trail.run(Triggers(Answer(status))))
    await until(lambda: not control.view.projects_with_untold())
    telling.cancel()
    await asyncio.wait({telling})
    assert len(await traces(api)) == 1


async def test_a_project_that_has_to_wait_holds_up_no_other(api: Client, control: Control) -> None:
    for client in (api, api.of_project("another")):
        await client("POST", "/v2/{p}/fgs/functions", function_body())

    class OneWaits(Triggers):
        async def publish(self, kind: str, project: str, topic: str, request: Request) -> Answer:
            return Answer(503) if project == api.project else await super().publish(kind, project, topic, request)

    triggers = OneWaits()
    telling = asyncio.create_task(control.trail.run(triggers))
    await until(lambda: control.view.projects_with_untold() == [api.project])
    telling.cancel()
    await asyncio.wait({telling})
    assert [project for _, project, *_ in triggers.got] == ["another"]


async def test_old_traces_go(api: Client, control: Control, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice_control.trail._PRUNE_EACH", 2)
    await api("POST", "/v2/{p}/fgs/functions", function_body())
    clock.advance(KEPT_S + 1)
    await api("DELETE", "/v2/{p}/fgs/functions/hello")
    assert [trace["trace_name"] for trace in await traces(api)] == ["delete_function"]


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/v2/{project_id}/fgs/functions/{function_urn}/config", "functions"),
        ("/v2/{project_id}/fgs/triggers/{function_urn}", "triggers"),
        ("/sluice/v1/{project_id}/dead/redrive", "dead"),
        ("/sluice/v1/projects", "projects"),
        ("/v3/auth/tokens", "api"),
    ],
)
def test_what_a_request_is_about_stands_in_its_path(path: str, resource: str) -> None:
    assert resource_type(path) == resource
