"""Access keys through the API."""

from typing import Any

import pytest

from sluice.catalog import Change
from sluice.clock import SteppedClock
from sluice_control.control import Control
from sluice_control.operations.key import LONGEST_TTL_S
from tests.unit.sluice_control.client import Client, function_body

KEYS = "/sluice/v1/{p}/keys"


async def test_a_keys_secret_is_shown_once(api: Client) -> None:
    made = await api("POST", KEYS, {"role": "invoker", "description": "shop"})
    assert made.status == 201
    assert len(made.json["secret_key"]) == 40
    listed = (await api("GET", KEYS)).json["keys"]
    lasting = {"created_at": 1_700_000_000.0, "expires_at": 0.0, "triggers": []}
    assert listed == [{"access_key": made.json["access_key"], "role": "invoker", "description": "shop", **lasting}]


async def test_a_revoked_key_is_gone_and_the_last_admin_key_stays(api: Client, control: Control) -> None:
    first = await control.bootstrap_credentials()
    await api("POST", KEYS, {"role": "admin", "ttl": 3600})
    assert (await api("DELETE", f"{KEYS}/{first.access_key}")).error == (403, "FSS.0403")
    second = (await api("POST", KEYS, {"role": "admin"})).json["access_key"]
    assert (await api("DELETE", f"{KEYS}/{first.access_key}")).status == 204
    assert second in [key["access_key"] for key in (await api("GET", KEYS)).json["keys"]]
    assert (await api("DELETE", f"{KEYS}/{first.access_key}")).error == (404, "FSS.0404")
    assert (await control.bootstrap_credentials()).access_key == second


@pytest.mark.parametrize(
    "body",
    [
        {"role": "king"},
        {"ttl": 59},
        {"ttl": -1},
        {"ttl": LONGEST_TTL_S + 1},
        {"description": "x" * 513},
        {"role": "invoker", "triggers": ["t"]},
    ],
)
async def test_what_is_no_key_is_refused(api: Client, body: dict[str, Any]) -> None:
    assert (await api("POST", KEYS, body)).error == (400, "FSS.0400")


async def test_a_temporary_key_has_a_security_token_and_goes_when_it_has_ended(api: Client, control: Control, clock: SteppedClock) -> None:
    made = (await api("POST", KEYS, {"role": "reader", "ttl": 60})).json
    assert made["expires_at"] == 1_700_000_060.0
    assert len(made["security_token"]) == 64
    told = await _told(control, made["access_key"])
    assert (told.expires, told.security_token, told.project_name) == (1_700_000_060.0, made["security_token"], "default")
    assert "security_token" not in str((await api("GET", KEYS)).json)
    clock.advance(60)
    assert (await api("GET", KEYS)).json["keys"] == []
    assert control.view.key(made["access_key"]) is not None
    await api("POST", KEYS, {"role": "reader"})
    assert control.view.key(made["access_key"]) is None


async def test_an_app_is_bound_to_triggers_whose_auth_is_app(api: Client, control: Control) -> None:
    await api("POST", "/v2/{p}/fgs/functions", function_body())
    made = {auth: await _trigger(api, auth) for auth in ("APP", "IAM")}
    refused = await api("POST", KEYS, {"role": "app", "triggers": [made["APP"], made["IAM"], "none"]})
    assert refused.error == (400, "FSS.0400")
    assert (made["IAM"] in refused.message, "'none'" in refused.message, made["APP"] in refused.message) == (True, True, False)
    app = (await api("POST", KEYS, {"role": "app", "triggers": [made["APP"]]})).json
    assert app["app_code"].startswith(f"{app['access_key']}_")
    assert "security_token" not in app
    told = await _told(control, app["access_key"])
    assert (told.role, told.app_code, told.triggers) == ("app", app["app_code"], (made["APP"],))


async def test_a_project_has_so_many_keys(api: Client) -> None:
    made = await api("POST", "/sluice/v1/{p}/projects", {"name": "shop", "quotas": {"keys": 2}})
    shop = api.of_project(made.json["project"]["id"])
    assert (await shop("POST", KEYS, {"role": "reader"})).status == 201
    assert (await shop("POST", KEYS, {"role": "reader"})).error == (403, "FSS.0403")


async def test_the_first_projects_admins_make_list_and_revoke_keys_of_every_project_and_no_others_do(api: Client) -> None:
    made = await api("POST", "/sluice/v1/{p}/projects", {"name": "shop"})
    shop = api.of_project(made.json["project"]["id"])
    key = await api("POST", KEYS, {"role": "reader", "project": "shop"})
    assert (key.status, key.json["project_id"]) == (201, shop.project)
    names = {one["access_key"] for one in (await api("GET", KEYS + "?project=shop")).json["keys"]}
    assert names == {key.json["access_key"], made.json["key"]["access_key"]}
    assert names == {one["access_key"] for one in (await shop("GET", KEYS)).json["keys"]}
    assert (await api("DELETE", f"{KEYS}/{key.json['access_key']}")).error == (404, "FSS.0404")
    for named in ("default", api.project, "nowhere"):
        assert (await shop("POST", KEYS, {"project": named})).error == (404, "FSS.0404")
        assert (await shop("GET", f"{KEYS}?project={named}")).error == (404, "FSS.0404")
        assert (await shop("DELETE", f"{KEYS}/x?project={named}")).error == (404, "FSS.0404")
    assert (await shop("GET", f"{KEYS}?project=shop")).status == 200
    assert (await api("DELETE", f"{KEYS}/{key.json['access_key']}?project=shop")).status == 204


async def _trigger(api: Client, auth: str) -> str:
    data = {"group_id": "g", "path": f"/{auth}", "req_method": "GET", "func_info": {"timeout": 5000}, "auth": auth}
    made = await api("POST", "/v2/{p}/fgs/triggers/hello", {"trigger_type_code": "APIG", "event_data": data})
    assert made.status == 201, made.body
    return str(made.json["trigger_id"])


async def _told(control: Control, access_key: str) -> Any:
    """The key as the gateway is told."""
    async for change in control.watch("gateway", frozenset({"gateway"})):
        if change.key and change.key.access_key == access_key:
            return change.key
        assert not change.synced
    return Change(0).key
