"""Test events through the unmodified SDK; one test an operation."""

import base64

import pytest

from tests.functiongraph.client import Sdk

CONTENT = base64.b64encode(b'{"n": 1}').decode()
OTHER = base64.b64encode(b'{"n": 2}').decode()


@pytest.fixture
def event(sdk: Sdk, function: str) -> str:
    """The id of a test event of the function."""
    made: str = sdk("create_event", function_urn=function, body={"name": "one", "content": CONTENT}).id
    return made


def test_create_event(sdk: Sdk, function: str) -> None:
    made = sdk("create_event", function_urn=function, body={"name": "one", "content": CONTENT})
    assert made.id
    assert made.name == "one"


def test_create_event_refuses_what_is_wrong(sdk: Sdk, function: str, event: str) -> None:
    large = base64.b64encode(b'"' + b"x" * 4095 + b'"').decode()
    for body, code, status in [
        ({"name": "one", "content": CONTENT}, "FSS.1073", 403),
        ({"name": "1", "content": CONTENT}, "FSS.1074", 400),
        ({"name": "x" * 26, "content": CONTENT}, "FSS.1074", 400),
        ({"name": "two", "content": "e30"}, "FSS.1074", 400),
        ({"name": "two", "content": large}, "FSS.1069", 403),
    ]:
        sdk.refused("create_event", code, status, function_urn=function, body=body)
    for number in range(9):
        sdk("create_event", function_urn=function, body={"name": f"e{number}", "content": CONTENT})
    sdk.refused("create_event", "FSS.1068", 403, function_urn=function, body={"name": "more", "content": CONTENT})


def test_list_events(sdk: Sdk, function: str, event: str) -> None:
    listed = sdk("list_events", function_urn=function)
    assert (listed.count, listed.events[0].id, listed.events[0].name) == (1, event, "one")
    assert listed.events[0].last_modified > 0
    sdk.refused("list_events", "FSS.1051", 404, function_urn=f"{function}x")


def test_show_event(sdk: Sdk, function: str, event: str) -> None:
    shown = sdk("show_event", function_urn=function, event_id=event)
    assert (shown.id, shown.name, shown.content) == (event, "one", CONTENT)
    sdk.refused("show_event", "FSS.1070", 404, function_urn=function, event_id="nothing")


def test_update_event(sdk: Sdk, function: str, event: str) -> None:
    assert sdk("update_event", function_urn=function, event_id=event, body={"content": OTHER}).id == event
    assert sdk("show_event", function_urn=function, event_id=event).content == OTHER
    sdk.refused("update_event", "FSS.1074", 400, function_urn=function, event_id=event, body={"content": "?"})


def test_delete_event(sdk: Sdk, function: str, event: str) -> None:
    assert sdk("delete_event", function_urn=function, event_id=event).status_code == 204
    sdk.refused("delete_event", "FSS.1070", 404, function_urn=function, event_id=event)
