"""Projects through the API."""

from typing import Any

import pytest

from sluice_control.control import Control
from tests.unit.sluice_control.client import Client, function_body, package

PROJECTS = "/sluice/v1/{p}/projects"
FUNCTIONS = "/v2/{p}/fgs/functions"


async def make(api: Client, **fields: Any) -> Client:
    made = await api("POST", PROJECTS, {"name": "shop", **fields})
    assert made.status == 201, made.body
    return api.of_project(made.json["project"]["id"])


async def test_a_project_comes_with_its_first_admin_key(api: Client, control: Control) -> None:
    made = (await api("POST", PROJECTS, {"name": "shop", "description": "of the shop", "quotas": {"functions": 3}})).json
    told = made["project"]
    assert (told["name"], told["quotas"], len(told["id"])) == ("shop", {"functions": 3}, 32)
    assert (made["key"]["role"], made["key"]["project_id"], len(made["key"]["secret_key"])) == ("admin", told["id"], 40)
    assert [project["name"] for project in (await api("GET", PROJECTS)).json["projects"]] == ["default", "shop"]
    row = control.view.key(made["key"]["access_key"])
    assert row is not None
    assert control.teller.key(row).project_name == "shop"


async def test_a_name_is_taken_once(api: Client) -> None:
    await make(api)
    assert (await api("POST", PROJECTS, {"name": "shop"})).error == (409, "FSS.0409")
    assert (await api("POST", PROJECTS, {"name": "default"})).error == (409, "FSS.0409")
    assert (await api("POST", PROJECTS, {"name": api.project})).status in (400, 409)


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "1st"}, {"name": "a b"}, {"name": "x", "quotas": {"keys": -1}}, {"name": "x", "q": 1}]
)
async def test_what_is_no_project_is_refused(api: Client, body: dict[str, Any]) -> None:
    assert (await api("POST", PROJECTS, body)).error == (400, "FSS.0400")


async def test_only_admins_of_the_first_project_have_to_do_with_projects(api: Client) -> None:
    shop = await make(api)
    for asked in (shop, api.as_role("deployer")):
        assert (await asked("GET", PROJECTS)).error == (403, "FSS.0403")
        assert (await asked("POST", PROJECTS, {"name": "other"})).error == (403, "FSS.0403")


async def test_only_the_first_project_is_told_how_the_mesh_is(api: Client) -> None:
    shop = await make(api)
    assert (await shop("GET", "/sluice/v1/{p}/doctor")).error == (403, "FSS.0403")
    assert (await api.as_role("reader")("GET", "/sluice/v1/{p}/doctor")).status == 200


@pytest.mark.parametrize("name", ["", "shop", "local-1", "{p}"])
async def test_the_own_project_is_found_by_its_name_its_id_and_the_region(api: Client, name: str) -> None:
    shop = await make(api)
    for role in ("admin", "invoker", "reader"):
        found = (await shop.as_role(role)("GET", f"/v3/projects?name={name}")).json["projects"]
        assert [project["id"] for project in found] == [shop.project]
        assert found[0]["enabled"] is True
    assert (await shop("GET", f"/v3/projects?name={name}")).json["projects"][0]["name"] == ("shop" if name != "local-1" else name)


@pytest.mark.parametrize("name", ["default", "elsewhere"])
async def test_another_project_is_not_found_whether_it_exists_or_not(api: Client, name: str) -> None:
    shop = await make(api)
    assert (await shop("GET", f"/v3/projects?name={name}")).json["projects"] == []
    assert (await shop("GET", f"/v3/projects?name={api.project}")).json["projects"] == []


async def test_quotas_bound_functions_and_code_and_triggers(api: Client) -> None:
    shop = await make(api, quotas={"functions": 1, "triggers": 1, "code_mb": 0})
    assert (await shop("POST", FUNCTIONS, function_body())).error == (403, "FSS.1042")
    shop = await make(api, name="more", quotas={"functions": 1, "triggers": 1, "code_mb": 1})
    assert (await shop("POST", FUNCTIONS, function_body(func_code={"file": package(text="x" * 100)}))).status == 200
    assert (await shop("POST", FUNCTIONS, function_body("second"))).error == (403, "FSS.1041")
    quotas = {one["type"]: one["quota"] for one in (await shop("GET", "/v2/{p}/fgs/quotas")).json["quotas"]["resources"]}
    assert (quotas["fgs_func_num"], quotas["fgs_func_code_size"]) == (1, 1)
    timer = {"trigger_type_code": "TIMER", "event_data": {"name": "a", "schedule_type": "Rate", "schedule": "1m"}}
    assert (await shop("POST", "/v2/{p}/fgs/triggers/hello", timer)).status == 201
    timer["event_data"] = {"name": "b", "schedule_type": "Rate", "schedule": "1m"}
    assert (await shop("POST", "/v2/{p}/fgs/triggers/hello", timer)).error == (400, "FSS.1306")
    assert (await api("POST", FUNCTIONS, function_body())).status == 200
