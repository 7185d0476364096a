"""Tags through the API."""

from typing import Any

import pytest

from tests.unit.sluice_control.client import Client, encoded, function_body

FUNCTIONS = "/v2/{p}/fgs/functions"
TAGS = "/v2/{p}/functions"
HELLO = f"{TAGS}/hello/tags"


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"key": key, "value": value}


@pytest.fixture
async def hello(api: Client) -> Client:
    for name in ("hello", "other", "bare"):
        await api("POST", FUNCTIONS, function_body(name))
    return api


async def test_tags_are_added_changed_listed_and_taken_away(hello: Client) -> None:
    added = {"action": "create", "tags": [tag("team", "shop"), tag("stage", "test")], "sys_tags": [tag("_sys_owner", "me")]}
    assert (await hello("POST", f"{HELLO}/create", added)).status == 204
    assert (await hello("POST", f"{HELLO}/create", {"action": "create", "tags": [tag("stage", "live")]})).status == 204
    shown = {"tags": [tag("stage", "live"), tag("team", "shop")], "sys_tags": [tag("_sys_owner", "me")]}
    assert (await hello("GET", HELLO)).json == shown
    assert (await hello("DELETE", f"{HELLO}/delete", {"action": "delete", "tags": [tag("team"), tag("nothing")]})).status == 204
    assert (await hello("GET", HELLO)).json["tags"] == [tag("stage", "live")]


async def test_a_function_is_named_by_urn_or_by_the_ids_of_its_configuration(hello: Client) -> None:
    await hello("POST", f"{HELLO}/create", {"tags": [tag("a")]})
    shown = (await hello("GET", f"{FUNCTIONS}/hello/config")).json
    for name in (encoded(shown["func_urn"]), shown["resource_id"], shown["func_id"], "default:hello"):
        assert (await hello("GET", f"{TAGS}/{name}/tags")).json["tags"] == [tag("a")]
    assert (await hello("GET", f"{TAGS}/999:latest/tags")).error == (404, "FSS.1051")
    assert (await hello.of_project("f" * 32)("GET", f"{TAGS}/{shown['func_id']}/tags")).error == (404, "FSS.1051")


async def test_a_projects_tags_are_each_key_with_all_its_values(hello: Client) -> None:
    await hello("POST", f"{HELLO}/create", {"tags": [tag("team", "shop"), tag("x")], "sys_tags": [tag("_sys_a", "1")]})
    await hello("POST", f"{TAGS}/other/tags/create", {"tags": [tag("team", "bank")]})
    shown = (await hello("GET", f"{TAGS}/tags")).json
    assert shown["tags"] == [{"key": "team", "values": ["bank", "shop"]}, {"key": "x", "values": [""]}]
    assert shown["sys_tags"] == [{"key": "_sys_a", "values": ["1"]}]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ({}, ["bare", "hello", "other"]),
        ({"without_any_tag": True}, ["bare"]),
        ({"matches": [tag("resource_name", "HELL")]}, ["hello"]),
        ({"matches": [tag("team", "bank")]}, ["other"]),
        ({"tags": [{"key": "team", "values": ["shop", "bank"]}]}, ["hello", "other"]),
        ({"tags": [{"key": "team"}, {"key": "x", "values": [""]}]}, ["hello"]),
        ({"sys_tags": [{"key": "_sys_a", "values": ["1"]}]}, ["hello"]),
        ({"limit": "1", "offset": "1"}, ["hello"]),
    ],
)
async def test_functions_are_found_and_counted_by_their_tags(hello: Client, selection: dict[str, Any], names: list[str]) -> None:
    await hello("POST", f"{HELLO}/create", {"tags": [tag("team", "shop"), tag("x")], "sys_tags": [tag("_sys_a", "1")]})
    await hello("POST", f"{TAGS}/other/tags/create", {"tags": [tag("team", "bank")]})
    found = (await hello("POST", f"{TAGS}/resource-instances/filter", selection)).json
    assert [one["resource_name"] for one in found["resources"]] == names
    assert found["total_count"] == (3 if "limit" in selection else len(names))
    counted = (await hello("POST", f"{TAGS}/resource-instances/count", selection)).json
    assert counted == {"total_count": found["total_count"]}


async def test_a_found_function_is_shown_with_its_urn_and_tags(hello: Client) -> None:
    await hello("POST", f"{HELLO}/create", {"tags": [tag("team", "shop")]})
    found = (await hello("POST", f"{TAGS}/resource-instances/filter", {"matches": [tag("team", "shop")]})).json
    shown = (await hello("GET", f"{FUNCTIONS}/hello/config")).json
    assert found["resources"] == [
        {
            "resource_id": shown["resource_id"],
            "resource_detail": {"detailId": shown["func_urn"]},
            "resource_name": "hello",
            "tags": [tag("team", "shop")],
            "sys_tags": [],
        }
    ]


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        (f"{HELLO}/create", {"action": "delete", "tags": [tag("a")]}, (400, "FSS.0400")),
        (f"{HELLO}/create", {"action": "create"}, (400, "FSS.0400")),
        (f"{HELLO}/create", {"tags": [tag("a b")]}, (400, "FSS.0400")),
        (f"{HELLO}/create", {"tags": [tag("x" * 37)]}, (400, "FSS.0400")),
        (f"{HELLO}/create", {"tags": [tag("a", "x" * 44)]}, (400, "FSS.0400")),
        (f"{HELLO}/create", {"sys_tags": [tag("a")]}, (400, "FSS.0400")),
        (f"{HELLO}/create", {"tags": [tag(f"t{number}") for number in range(21)]}, (403, "FSS.0403")),
        ("/v2/{p}/workflows/hello/tags/create", {"tags": [tag("a")]}, (400, "FSS.0400")),
        (f"{TAGS}/nobody/tags/create", {"tags": [tag("a")]}, (404, "FSS.1051")),
        (f"{TAGS}/resource-instances/sum", {}, (400, "FSS.0400")),
        (f"{TAGS}/resource-instances/filter", {"limit": "-1"}, (400, "FSS.0400")),
    ],
)
async def test_what_breaks_a_tags_rule_is_refused(hello: Client, path: str, body: dict[str, Any], error: tuple[int, str]) -> None:
    assert (await hello("POST", path, body)).error == error
    assert (await hello("GET", HELLO)).json == {"tags": [], "sys_tags": []}
