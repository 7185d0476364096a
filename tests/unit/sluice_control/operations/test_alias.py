"""Aliases through the API."""

from typing import Any

import pytest

from sluice.catalog import Snapshot
from sluice.function import Alias, HeaderRule
from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
HELLO = f"{FUNCTIONS}/hello"

GREY = {"rule_type": "Header", "param": "X-Grey", "op": "=", "value": "yes"}


def split(additional: str, **strategy: Any) -> dict[str, Any]:
    """An alias of v2 whose rules send some requests elsewhere."""
    return {"name": "a", "version": "v2", "additional_version_strategy": {additional: {"combine_type": "or", "rules": [GREY], **strategy}}}


@pytest.fixture
async def hello(api: Client) -> Client:
    """A function with the versions v1, v2 and v3."""
    await api("POST", FUNCTIONS, function_body())
    for number in (1, 2, 3):
        change = {"func_name": "hello", "runtime": "Custom Image", "timeout": 30 + number, "handler": "-", "memory_size": 128}
        await api("PUT", f"{HELLO}/config", change)
        assert (await api("POST", f"{HELLO}/versions", {"version": f"v{number}"})).status == 200
    return api


async def test_an_alias_is_made_shown_changed_listed_and_deleted(hello: Client) -> None:
    made = await hello("POST", f"{HELLO}/aliases", {"name": "live", "version": "v1", "description": "d"})
    assert made.status == 200
    assert made.json == {
        "name": "live",
        "version": "v1",
        "description": "d",
        "last_modified": "2023-11-14T22:13:20Z",
        "alias_urn": f"urn:fss:local-1:{hello.project}:function:default:hello:!live",
        "additional_version_weights": None,
        "additional_version_strategy": None,
    }
    assert (await hello("GET", f"{HELLO}/aliases/live")).json == made.json
    changed = await hello("PUT", f"{HELLO}/aliases/live", {"version": "v2", "additional_version_weights": {"v1": 10}})
    assert changed.json["additional_version_weights"] == {"v1": 10}
    assert (await hello("GET", f"{HELLO}/aliases")).json == [changed.json]
    shown = await hello("GET", f"{FUNCTIONS}/urn:fss:local-1:{hello.project}:function:default:hello:!live/config")
    assert shown.json["version"] == "v2"
    assert (await hello("DELETE", f"{HELLO}/aliases/live")).status == 204
    assert (await hello("GET", f"{HELLO}/aliases/live")).error == (404, "FSS.1053")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "1x", "version": "v1"}, (400, "FSS.1014")),
        ({"name": "x" * 65, "version": "v1"}, (400, "FSS.1014")),
        ({"version": "v1"}, (400, "FSS.1014")),
        ({"name": "a"}, (400, "FSS.1015")),
        ({"name": "a", "version": "v9"}, (404, "FSS.1052")),
        ({"name": "live", "version": "v2"}, (409, "FSS.1063")),
        ({"name": "a", "version": "v1"}, (409, "FSS.1066")),
        ({"name": "a", "version": "v2", "additional_version_weights": {"v9": 1}}, (400, "FSS.1091")),
        ({"name": "a", "version": "v2", "additional_version_weights": {"latest": 1}}, (400, "FSS.1091")),
        ({"name": "a", "version": "v2", "additional_version_weights": {"v1": 1, "v3": 1}}, (400, "FSS.1091")),
        ({"name": "a", "version": "v2", "additional_version_weights": {"v1": 101}}, (400, "FSS.1092")),
        ({"name": "a", "version": "v2", "additional_version_weights": {"v2": 1}}, (400, "FSS.1093")),
        ({"name": "a", "version": "v2", "additional_version_strategy": {"v1": {}}}, (400, "FSS.1091")),
        (split("v1", rules=[]), (400, "FSS.1091")),
        (split("v1", combine_type="xor"), (400, "FSS.1091")),
        (split("v1", rules=[GREY | {"op": "like"}]), (400, "FSS.1091")),
        (split("v1", rules=[GREY | {"param": "x grey"}]), (400, "FSS.1091")),
        (split("v1", rules=[GREY | {"rule_type": "Cookie"}]), (400, "FSS.1091")),
        (split("v1", rules=[GREY | {"value": ""}]), (400, "FSS.1091")),
        (split("v1", rules=[GREY | {"colour": "red"}]), (400, "FSS.1091")),
        (split("v9"), (400, "FSS.1091")),
        (split("latest"), (400, "FSS.1091")),
        (split("v2"), (400, "FSS.1093")),
        (split("v1") | {"additional_version_weights": {"v1": 5}}, (400, "FSS.1091")),
        ({"name": "a", "version": "v2", "description": "d" * 513}, (400, "FSS.1019")),
    ],
)
async def test_what_breaks_an_aliass_rule_is_refused(hello: Client, body: dict[str, Any], error: tuple[int, str]) -> None:
    await hello("POST", f"{HELLO}/aliases", {"name": "live", "version": "v1"})
    assert (await hello("POST", f"{HELLO}/aliases", body)).error == error


async def test_an_alias_with_triggers_and_an_additional_version_cannot_be_deleted(hello: Client) -> None:
    await hello("POST", f"{HELLO}/aliases", {"name": "live", "version": "v1", "additional_version_weights": {"v2": 50}})
    urn = f"urn:fss:local-1:{hello.project}:function:default:hello"
    timer = {"trigger_type_code": "TIMER", "event_data": {"name": "tick", "schedule_type": "Rate", "schedule": "3m"}}
    assert (await hello("POST", f"/v2/{{p}}/fgs/triggers/{urn}:!live", timer)).status == 201
    assert (await hello("DELETE", f"{HELLO}/aliases/live")).error == (403, "FSS.1154")
    assert (await hello("DELETE", f"{FUNCTIONS}/{urn}:v2")).error == (403, "FSS.1094")


async def test_a_function_has_at_most_10_aliases(hello: Client) -> None:
    for number in range(10):
        change = {"func_name": "hello", "runtime": "Custom Image", "timeout": 100 + number, "handler": "-", "memory_size": 128}
        await hello("PUT", f"{HELLO}/config", change)
        await hello("POST", f"{HELLO}/versions", {"version": f"w{number}"})
        assert (await hello("POST", f"{HELLO}/aliases", {"name": f"a{number}", "version": f"w{number}"})).status == 200
    assert (await hello("POST", f"{HELLO}/aliases", {"name": "more", "version": "v1"})).error == (403, "FSS.1043")


async def test_every_fault_of_an_alias_is_named_in_one_message(hello: Client) -> None:
    bad = split("v2", combine_type="xor", rules=[{"param": "", "op": "~", "value": ""}]) | {"name": "-", "description": "d" * 513}
    answer = await hello("POST", f"{HELLO}/aliases", bad)
    assert answer.error == (400, "FSS.1014")
    rules = "additional_version_strategy.v2.rules.0"
    for field in ("name", "description", "combine_type", f"{rules}.param", f"{rules}.op", f"{rules}.value", "'v2'"):
        assert field in answer.message


async def test_header_rules_are_kept_shown_and_told(hello: Client, control: Control) -> None:
    body = split("v1", rules=[GREY, {"param": "region", "op": "in", "value": "north, south"}])
    made = await hello("POST", f"{HELLO}/aliases", body)
    assert made.json["additional_version_weights"] is None
    rules = [GREY, {"rule_type": "Header", "param": "region", "op": "in", "value": "north, south"}]
    assert made.json["additional_version_strategy"] == {"v1": {"combine_type": "or", "rules": rules}}
    assert (await hello("GET", f"{HELLO}/aliases/a")).json == made.json
    alias = await told(control, made.json["alias_urn"])
    assert (alias.version, alias.additional, alias.weight, alias.combine) == ("v2", "v1", 0, "or")
    assert alias.rules == (HeaderRule("X-Grey", "=", "yes"), HeaderRule("region", "in", "north, south"))
    assert (await hello("PUT", f"{HELLO}/aliases/a", {"version": "v2"})).status == 200
    assert (await hello("GET", f"{HELLO}/aliases/a")).json["additional_version_strategy"] is None
    assert (await told(control, made.json["alias_urn"])).rules == ()


async def told(control: Control, urn: str) -> Alias:
    """The alias as the services hear of it."""
    snapshot = Snapshot()
    async for change in control.watch("dispatcher", frozenset()):
        snapshot.apply(change)
        if change.synced:
            break
    return snapshot.aliases[urn]
