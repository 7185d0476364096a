"""Test events through the API."""

import base64
import json
from typing import Any

import pytest

from sluice.clock import SteppedClock
from tests.unit.sluice_control.client import Client, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
EVENTS = f"{FUNCTIONS}/hello/events"


def content(event: Any) -> str:
    return base64.b64encode(json.dumps(event).encode()).decode()


@pytest.fixture
async def hello(api: Client) -> Client:
    await api("POST", FUNCTIONS, function_body())
    return api


async def test_a_test_event_is_made_listed_shown_changed_and_deleted(hello: Client, clock: SteppedClock) -> None:
    made = await hello("POST", EVENTS, {"name": "one", "content": content({"n": 1})})
    assert made.status == 200
    assert made.json == {"id": made.json["id"], "name": "one"}
    event = f"{EVENTS}/{made.json['id']}"
    clock.advance(5)
    assert (await hello("PUT", event, {"content": content({"n": 2})})).json == made.json
    shown = (await hello("GET", event)).json
    assert shown == made.json | {"content": content({"n": 2}), "last_modified": clock.time()}
    listed = (await hello("GET", EVENTS)).json
    assert listed == {"count": 1, "events": [made.json | {"last_modified": clock.time()}], "next_marker": 1}
    assert (await hello("DELETE", event)).status == 204
    assert (await hello("GET", event)).error == (404, "FSS.1070")
    assert (await hello("PUT", event, {"content": content(1)})).error == (404, "FSS.1070")
    assert (await hello("DELETE", event)).error == (404, "FSS.1070")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "", "content": content(1)}, (400, "FSS.1074")),
        ({"name": "1x", "content": content(1)}, (400, "FSS.1074")),
        ({"name": "x-", "content": content(1)}, (400, "FSS.1074")),
        ({"name": "x" * 26, "content": content(1)}, (400, "FSS.1074")),
        ({"content": content(1)}, (400, "FSS.1074")),
        ({"name": "x"}, (400, "FSS.1074")),
        ({"name": "x", "content": "{}"}, (400, "FSS.1074")),
        ({"name": "x", "content": base64.b64encode(b"not json").decode()}, (400, "FSS.1074")),
        ({"name": "x", "content": content("x" * 4096)}, (403, "FSS.1069")),
    ],
)
async def test_what_breaks_a_test_events_rule_is_refused(hello: Client, body: dict[str, Any], error: tuple[int, str]) -> None:
    assert (await hello("POST", EVENTS, body)).error == error
    assert (await hello("GET", EVENTS)).json["count"] == 0


async def test_the_longest_name_and_the_largest_content_are_taken(hello: Client) -> None:
    assert (await hello("POST", EVENTS, {"name": "x" * 25, "content": content("x" * 4094)})).status == 200


async def test_a_function_has_at_most_10_test_events_each_with_its_own_name(hello: Client) -> None:
    for number in range(10):
        assert (await hello("POST", EVENTS, {"name": f"e{number}", "content": content(number)})).status == 200
    assert (await hello("POST", EVENTS, {"name": "e3", "content": content(1)})).error == (403, "FSS.1073")
    assert (await hello("POST", EVENTS, {"name": "e10", "content": content(1)})).error == (403, "FSS.1068")


async def test_test_events_go_with_their_function(hello: Client) -> None:
    made = await hello("POST", EVENTS, {"name": "one", "content": content(1)})
    await hello("DELETE", f"{FUNCTIONS}/hello")
    await hello("POST", FUNCTIONS, function_body())
    assert (await hello("GET", EVENTS)).json["count"] == 0
    assert (await hello("GET", f"{EVENTS}/{made.json['id']}")).error == (404, "FSS.1070")
    assert (await hello("GET", f"{FUNCTIONS}/nobody/events")).error == (404, "FSS.1051")
