"""Access keys through the API."""

from sluice_control.control import Control
from tests.unit.sluice_control.client import Client

KEYS = "/sluice/v1/{p}/keys"


async def test_a_keys_secret_is_shown_once(api: Client) -> None:
    made = await api("POST", KEYS, {"role": "invoker", "description": "shop"})
    assert made.status == 201
    assert len(made.json["secret_key"]) == 40
    listed = (await api("GET", KEYS)).json["keys"]
    assert listed == [{"access_key": made.json["access_key"], "role": "invoker", "description": "shop", "created_at": 1_700_000_000.0}]


async def test_a_revoked_key_is_gone_and_the_last_admin_key_stays(api: Client, control: Control) -> None:
    first = await control.bootstrap_credentials()
    assert (await api("DELETE", f"{KEYS}/{first.access_key}")).error == (403, "FSS.0403")
    second = (await api("POST", KEYS, {"role": "admin"})).json["access_key"]
    assert (await api("DELETE", f"{KEYS}/{first.access_key}")).status == 204
    assert [key["access_key"] for key in (await api("GET", KEYS)).json["keys"]] == [second]
    assert (await api("DELETE", f"{KEYS}/{first.access_key}")).error == (404, "FSS.0404")
    assert (await control.bootstrap_credentials()).access_key == second


async def test_a_role_that_is_none_is_refused(api: Client) -> None:
    assert (await api("POST", KEYS, {"role": "king"})).error == (400, "FSS.0400")
