"""`/sluice/v1` through the API."""

import base64
import json
from typing import Any

import pytest

from sluice.binding import Mode
from sluice.catalog import Health
from sluice.clock import SteppedClock
from sluice.event import Event, id_text, random_id
from sluice.ledger import Counts, Dead, DeadFilter, End, Route, Step, Story
from sluice.runner import LogLine
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, encoded, function_body
from tests.unit.sluice_control.fakes import FakeLogs, FakeRecords

OURS = "/sluice/v1/{p}"
TIMER: dict[str, Any] = {"name": "tick", "schedule_type": "Rate", "schedule": "3m"}


@pytest.fixture
async def trigger(api: Client) -> str:
    await api("POST", "/v2/{p}/fgs/functions", function_body())
    made = await api("POST", "/v2/{p}/fgs/triggers/hello", {"trigger_type_code": "TIMER", "event_data": TIMER})
    return str(made.json["trigger_id"])


def route(api: Client) -> Route:
    return Route(api.project, "t", f"urn:fss:local-1:{api.project}:function:default:hello:latest", Mode.ASYNC)


def letter(api: Client, sequence: int) -> Dead:
    event = Event(random_id(), b'{"a":1}')
    return Dead(sequence, event, route(api), End.FAIL, "function_error", "boom", 500, 1.0, 2.0, 2, 2)


async def test_a_triggers_line_holds_its_state_and_counts(
    api: Client, control: Control, records: FakeRecords, clock: SteppedClock, trigger: str
) -> None:
    one = (await api("GET", f"{OURS}/triggers")).json["triggers"][0]
    assert (one["state"], one["received"]) == ("unknown", 0)
    records.totals = {trigger: Counts(received=5, success=2, failed=1, discarded=1, filtered=7)}
    await control.report("timer", 1, [Health(trigger, "timer", "running", lag=3)])
    await control.report("dispatcher", 1, [Health(trigger, "dispatcher", "waiting", "the ledger is full", held_by="ledger")])
    assert (await api("GET", f"{OURS}/triggers?function=hello")).json["triggers"] == [
        {
            "trigger_id": trigger,
            "type": "TIMER",
            "name": "tick",
            "function_urn": route(api).function,
            "status": "ACTIVE",
            "state": "waiting",
            "reason": "the ledger is full",
            "lag": 3,
            "held_by": "ledger",
            "received": 5,
            "success": 2,
            "failed": 1,
            "discarded": 1,
            "filtered": 7,
            "open": 1,
        }
    ]
    clock.advance(120)
    assert (await api("GET", f"{OURS}/triggers")).json["triggers"][0]["state"] == "unknown"
    await api("PUT", f"/v2/{{p}}/fgs/triggers/hello/TIMER/{trigger}", {"trigger_status": "DISABLED"})
    assert (await api("GET", f"{OURS}/triggers")).json["triggers"][0]["state"] == "paused"


async def test_triggers_come_in_pages(api: Client, trigger: str) -> None:
    await api("POST", "/v2/{p}/fgs/triggers/hello", {"trigger_type_code": "TIMER", "event_data": TIMER | {"name": "b"}})
    first = (await api("GET", f"{OURS}/triggers?limit=1")).json
    second = (await api("GET", f"{OURS}/triggers?limit=1&after={first['next']}")).json
    last = (await api("GET", f"{OURS}/triggers?limit=1&after={second['next']}")).json
    assert {one["triggers"][0]["name"] for one in (first, second)} == {"tick", "b"}
    assert last == {"triggers": [], "next": ""}


async def test_the_story_of_an_event_is_told(api: Client, records: FakeRecords) -> None:
    known = Story(random_id(), route(api), "SUCCESS", (Step(1.5, "accepted"), Step(2.5, "ended", "SUCCESS")))
    records.stories = [known]
    answer = await api("GET", f"{OURS}/events/{id_text(known.id)}")
    assert answer.json == {
        "id": id_text(known.id),
        "state": "SUCCESS",
        "trigger_id": "t",
        "function_urn": route(api).function,
        "steps": [{"at": 1.5, "what": "accepted", "detail": ""}, {"at": 2.5, "what": "ended", "detail": "SUCCESS"}],
    }
    assert (await api("GET", f"{OURS}/events/{id_text(random_id())}")).error == (404, "FSS.0404")
    assert (await api("GET", f"{OURS}/events/nonsense")).error == (400, "FSS.0400")


async def test_dead_events_are_listed_in_pages_with_their_bodies_on_request(api: Client, records: FakeRecords) -> None:
    records.letters = [letter(api, 1), letter(api, 2)]
    page = (await api("GET", f"{OURS}/dead?limit=1")).json
    assert (page["dead"][0]["sequence"], page["next"], "body" in page["dead"][0]) == (1, 1, False)
    rest = (await api("GET", f"{OURS}/dead?limit=5&after=1&body=true")).json
    assert (rest["dead"][0]["sequence"], rest["next"]) == (2, 0)
    assert base64.b64decode(rest["dead"][0]["body"]) == b'{"a":1}'


async def test_a_filter_of_dead_events_always_names_the_project(api: Client, records: FakeRecords) -> None:
    function = f"urn:fss:local-1:{api.project}:function:default:hello"
    await api("GET", f"{OURS}/dead?trigger=t&function=hello&failure=timeout&since=5&until=1970-01-01T00:00:09")
    assert records.asked[-1] == DeadFilter(api.project, "t", function, "timeout", since=5.0, until=9.0)
    identifier = random_id()
    await api("POST", f"{OURS}/dead/purge", {"ids": [id_text(identifier)], "function": f"{function}:v1"})
    assert records.asked[-1] == DeadFilter(api.project, function=f"{function}:v1", ids=(identifier,))
    assert (await api("GET", f"{OURS}/dead?failure=bad_luck")).error == (400, "FSS.0400")
    assert (await api("POST", f"{OURS}/dead/purge", {"colour": 1})).error == (400, "FSS.0400")


async def test_dead_events_are_redriven_and_purged(api: Client, records: FakeRecords) -> None:
    records.letters = [letter(api, 1)]
    answer = await api("POST", f"{OURS}/dead/redrive", {"trigger": "t", "limit": 5, "dry_run": True})
    assert answer.json == {"events": [id_text(records.letters[0].event.id)], "count": 1}
    assert records.asked[-1] == (DeadFilter(api.project, "t"), 5, True)
    assert (await api("POST", f"{OURS}/dead/purge", {})).json == {"count": 1}
    assert (await api("POST", f"{OURS}/dead/redrive", {"limit": 0})).error == (400, "FSS.0400")


async def test_logs_come_line_by_line(api: Client, logs: FakeLogs) -> None:
    urn = f"urn:fss:local-1:{api.project}:function:default:hello"
    logs.lines = [LogLine(1.5, f"{urn}:latest", "i1", "stdout", text) for text in ("one", "two")]
    answer = await api("GET", f"{OURS}/functions/{encoded(urn)}/logs?since=1&limit=10&follow=true")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["text"] for line in answer.body.splitlines()] == ["one", "two"]
    assert json.loads(answer.body.splitlines()[0]) == {
        "at": 1.5,
        "urn": f"{urn}:latest",
        "instance": "i1",
        "stream": "stdout",
        "text": "one",
        "event": "",
    }
    assert logs.asked == [(urn, 1.0, 10, True)]
    other = "urn:fss:local-1:other:function:default:hello"
    assert (await api("GET", f"{OURS}/functions/{other}/logs")).error == (404, "FSS.1051")


async def test_the_tail_tells_ends_as_lines(api: Client, records: FakeRecords) -> None:
    records.stories = [Story(random_id(), route(api), "SUCCESS", ())]
    answer = await api("GET", f"{OURS}/tail")
    assert [json.loads(line)["state"] for line in answer.body.splitlines()] == ["SUCCESS"]


async def test_the_doctor_puts_all_checks_together(api: Client) -> None:
    checks = (await api("GET", f"{OURS}/doctor")).json["checks"]
    assert checks[0] == {"name": "engine", "ok": True, "detail": "namespaces"}
    assert [check["name"] for check in checks] == ["engine", "registry", "watchers"]


async def test_instances_are_listed(api: Client) -> None:
    assert (await api("GET", f"{OURS}/instances")).json == {"instances": []}


async def test_following_ends_when_the_reader_goes(api: Client, logs: FakeLogs) -> None:
    logs.lines, logs.hangs = [LogLine(1.5, "urn", "i1", "stdout", "one")], True
    answer = await api("GET", f"{OURS}/functions/hello/logs?follow=true", until=1)
    assert len(answer.body.splitlines()) == 1
    assert logs.closed


@pytest.mark.parametrize("limit", [0, -1, 1_000_001, 2**64, 10**400])
async def test_a_redrive_is_of_1_to_a_million(api: Client, limit: int) -> None:
    assert (await api("POST", f"{OURS}/dead/redrive", {"limit": limit})).error == (400, "FSS.0400")
