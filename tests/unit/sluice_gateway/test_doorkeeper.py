"""Signatures, tokens and app codes at the door."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sluice.auth_token import issue
from sluice.catalog import Change, Key
from sluice_gateway.doorkeeper import REASONS, Doorkeeping
from tests.unit.sluice_gateway.door import ACCESS_KEY, PROJECT, SECRET_KEY, Answered, Door

TEMPORARY = Key("TEMPORARY", SECRET_KEY, PROJECT, "invoker", expires=1_700_000_600.0, security_token="its token")
APP = Key("APPKEY", SECRET_KEY, PROJECT, "app", app_code="APPKEY_code")


def door_with(*keys: Key, doorkeeping: Doorkeeping | None = None) -> Door:
    door = Door(doorkeeping=doorkeeping)
    for key in keys:
        door.snapshot.apply(Change(2, key=key))
    return door


async def as_temporary(door: Door, headers: Mapping[str, str] | None = None) -> Answered:
    return await door.ask_signed("GET", f"/v2/{PROJECT}/x", headers=headers, access_key="TEMPORARY")


def refused(door: Door) -> dict[str, float]:
    return {labels[0]: value for _, labels, value in door.gateway.samples()}


# -- temporary keys ---------------------------------------------------------------------------------------------------------------------


async def test_a_temporary_key_opens_with_its_security_token_until_it_ends() -> None:
    door = door_with(TEMPORARY)
    assert (await as_temporary(door, {"X-Security-Token": "its token"})).status == 200
    assert door.api_saw[0]["state"]["identity"].role == "invoker"
    door.clock.advance(599)
    assert (await as_temporary(door, {"X-Security-Token": "its token"})).status == 200
    door.clock.advance(1)
    assert (await as_temporary(door, {"X-Security-Token": "its token"})).code == "FSS.0401"
    assert refused(door) == {"expired": 1}


@pytest.mark.parametrize("headers", [{}, {"X-Security-Token": "another"}, {"X-Security-Token": ""}])
async def test_a_temporary_key_without_its_security_token_opens_nothing(headers: dict[str, str]) -> None:
    door = door_with(TEMPORARY)
    assert (await as_temporary(door, headers)).code == "FSS.0401"
    assert refused(door) == {"security_token": 1}


async def test_the_security_token_must_be_signed() -> None:
    door = door_with(TEMPORARY)
    from sluice.signature import sign

    added = sign("TEMPORARY", SECRET_KEY, "GET", "/v2/p1/x", {"Host": "127.0.0.1:8090"}, now=door.clock.time())
    assert (await door.ask("GET", "/v2/p1/x", headers={**added, "X-Security-Token": "its token"})).code == "FSS.0401"


async def test_a_lasting_key_has_no_security_token() -> None:
    door = Door()
    assert (await door.ask_signed("GET", "/v2/p1/x", headers={"X-Security-Token": "any"})).code == "FSS.0401"


async def test_the_secret_of_a_temporary_key_makes_no_auth_token() -> None:
    door = door_with(TEMPORARY)
    forged, _ = issue(TEMPORARY, door.clock.time())
    assert (await door.ask("GET", "/v2/p1/x", headers={"X-Auth-Token": forged})).code == "FSS.0401"


# -- tokens -----------------------------------------------------------------------------------------------------------------------------


async def test_a_token_that_is_none_is_refused_before_the_body_is_read() -> None:
    door = Door()
    assert (await door.ask("POST", "/v2/p1/x", b"x", {"X-Auth-Token": "nonsense"})).code == "FSS.0401"
    assert refused(door) == {"token": 1}
    assert not door.api_saw


async def test_a_signature_wins_over_a_token_beside_it() -> None:
    door = Door()
    token, _ = issue(Key(ACCESS_KEY, SECRET_KEY, PROJECT), door.clock.time())
    assert (await door.ask_signed("GET", "/v2/p1/x", headers={"X-Auth-Token": token}, secret_key="wrong")).code == "FSS.0401"
    assert (await door.ask_signed("GET", "/v2/p1/x", headers={"X-Auth-Token": "nonsense"})).status == 200


async def test_the_same_signature_is_taken_again_within_the_second() -> None:
    door = Door()
    for _ in range(3):
        assert (await door.ask_signed("GET", "/v2/p1/x")).status == 200


# -- nonces -----------------------------------------------------------------------------------------------------------------------------


async def test_where_nonces_are_required_a_request_is_taken_once() -> None:
    door = door_with(doorkeeping=Doorkeeping(require_nonce=True))
    nonce = {"X-Sluice-Nonce": "0123456789abcdef"}
    assert (await door.ask_signed("GET", "/v2/p1/x")).code == "FSS.0401"
    assert (await door.ask_signed("GET", "/v2/p1/x", headers=nonce)).status == 200
    assert (await door.ask_signed("GET", "/v2/p1/x", headers=nonce)).code == "FSS.0401"
    assert (await door.ask_signed("GET", "/v2/p1/x", headers={"X-Sluice-Nonce": "0123456789abcdeg"})).status == 200
    assert refused(door) == {"nonce": 2}


async def test_the_window_is_a_setting() -> None:
    door = door_with(doorkeeping=Doorkeeping(signature_window_s=60))
    from sluice.signature import sign

    added = sign(ACCESS_KEY, SECRET_KEY, "GET", "/v2/p1/x", {"Host": "127.0.0.1:8090"}, now=door.clock.time())
    door.clock.advance(60)
    assert (await door.ask("GET", "/v2/p1/x", headers=added)).status == 200
    door.clock.advance(1)
    assert (await door.ask("GET", "/v2/p1/x", headers=added)).code == "FSS.0401"


# -- triggers ---------------------------------------------------------------------------------------------------------------------------


async def test_an_iam_trigger_takes_keys_and_tokens_that_may_invoke() -> None:
    door = door_with(TEMPORARY, APP, Key("READER", SECRET_KEY, PROJECT, "reader"), Key("OTHER", SECRET_KEY, "p2"))
    door.trigger("/orders", auth="IAM")
    token, _ = issue(Key(ACCESS_KEY, SECRET_KEY, PROJECT), door.clock.time())
    assert (await door.ask("POST", "/orders", b"x", {"X-Auth-Token": token})).status == 200
    assert (await door.ask_signed("POST", "/orders", b"x")).status == 200
    signed = await door.ask_signed("POST", "/orders", b"x", {"X-Security-Token": "its token"}, access_key="TEMPORARY")
    assert signed.status == 200
    assert (await door.ask_signed("POST", "/orders", b"x", access_key="READER")).code == "FSS.0403"
    for access_key in ("OTHER", "APPKEY", "nobody"):
        assert (await door.ask_signed("POST", "/orders", b"x", access_key=access_key)).code == "FSS.0401"
    assert (await door.ask("POST", "/orders", b"x", {"X-Apig-AppCode": "APPKEY_code"})).code == "FSS.0401"
    assert len(door.dispatch.handed) == 3


async def test_an_app_trigger_takes_apps_of_its_project_by_signature_or_by_code() -> None:
    door = door_with(APP, Key("FOREIGN", SECRET_KEY, "p2", "app", app_code="FOREIGN_code"))
    door.trigger("/orders", auth="APP")
    assert (await door.ask_signed("POST", "/orders", b"x", access_key="APPKEY")).status == 200
    assert (await door.ask("POST", "/orders", b"x", {"X-Apig-AppCode": "APPKEY_code"})).status == 200
    handed = len(door.dispatch.handed)
    for code in ("APPKEY_codf", "APPKEY_", "APPKEY", "FOREIGN_code", f"{ACCESS_KEY}_", "nobody_code", "\u00e9_x"):
        assert (await door.ask("POST", "/orders", b"x", {"X-Apig-AppCode": code})).code == "FSS.0401", code
    assert (await door.ask_signed("POST", "/orders", b"x")).code == "FSS.0401"
    assert (await door.ask_signed("POST", "/orders", b"x", access_key="FOREIGN")).code == "FSS.0401"
    assert (await door.ask("POST", "/orders", b"x")).code == "FSS.0401"
    assert len(door.dispatch.handed) == handed


async def test_a_bound_app_calls_its_triggers_and_no_other() -> None:
    door = door_with(Key("APPKEY", SECRET_KEY, PROJECT, "app", app_code="APPKEY_code", triggers=("t1",)))
    door.trigger("/orders", name="t1", auth="APP")
    door.trigger("/others", name="t2", auth="APP")
    shown = {"X-Apig-AppCode": "APPKEY_code"}
    assert (await door.ask("POST", "/orders", b"x", shown)).status == 200
    assert (await door.ask("POST", "/others", b"x", shown)).code == "FSS.0403"


async def test_an_app_that_has_ended_calls_nothing() -> None:
    door = door_with(Key("APPKEY", SECRET_KEY, PROJECT, "app", expires=1_700_000_010.0, app_code="APPKEY_code"))
    door.trigger("/orders", auth="APP")
    door.clock.advance(10)
    assert (await door.ask("POST", "/orders", b"x", {"X-Apig-AppCode": "APPKEY_code"})).code == "FSS.0401"
    assert (await door.ask_signed("POST", "/orders", b"x", access_key="APPKEY")).code == "FSS.0401"


async def test_an_app_has_no_business_at_the_api() -> None:
    door = door_with(APP)
    assert (await door.ask_signed("GET", "/v2/p1/fgs/functions", access_key="APPKEY")).code == "FSS.0401"
    assert refused(door) == {"not_here": 1}


@pytest.mark.parametrize("auth", ["IAM", "APP", "NONE"])
async def test_what_proves_the_sender_to_the_door_goes_no_further(auth: str) -> None:
    door = door_with(APP)
    door.trigger("/orders", auth=auth)
    also = {"X-Auth-Token": "for whom?", "X-Security-Token": "", "Authorization": "Bearer of the function", "X-Custom": "kept"}
    if auth == "NONE":
        await door.ask("POST", "/orders", b"x", also)
        headers = door.dispatch.handed[0].json["headers"]
        assert {"authorization", "x-auth-token", "x-custom"} <= set(headers)
        assert headers["authorization"] == "Bearer of the function"
        return
    access_key = ACCESS_KEY if auth == "IAM" else "APPKEY"
    sent = {"X-Auth-Token": "for whom?", "X-Custom": "kept"}
    assert (await door.ask_signed("POST", "/orders", b"x", sent, access_key=access_key)).status == 200
    headers = door.dispatch.handed[0].json["headers"]
    assert headers["x-custom"] == "kept"
    assert not {"authorization", "x-auth-token", "x-security-token", "x-apig-appcode"} & set(headers)


# -- what is counted, and what is never said ----------------------------------------------------------------------------------------------


def test_every_reason_is_in_the_page() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/security.md").read_text()
    section = page.split("## Who was refused")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {*REASONS.values(), "login"}


async def test_no_answer_repeats_a_secret() -> None:
    door = door_with(TEMPORARY, APP)
    door.trigger("/orders", auth="APP")
    token, _ = issue(Key(ACCESS_KEY, SECRET_KEY, PROJECT), door.clock.time())
    said = [
        await door.ask("POST", "/orders", b"x", {"X-Apig-AppCode": "APPKEY_wrong-code"}),
        await door.ask("GET", "/v2/p1/x", headers={"X-Auth-Token": token[:-4]}),
        await as_temporary(door, {"X-Security-Token": "a wrong token"}),
        await door.ask("GET", "/v2/p1/x", headers={"Authorization": "Bearer something-secret"}),
    ]
    for answered in said:
        text = json.dumps(answered.headers) + answered.body.decode()
        assert answered.status == 401
        for secret in ("wrong-code", token[:40], "a wrong token", "something-secret", SECRET_KEY, "its token"):
            assert secret not in text
