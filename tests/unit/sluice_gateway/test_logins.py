"""Tokens for keys, as clients of the IAM service ask for them."""

import json
from typing import Any

import pytest

from sluice.catalog import Change, Key
from tests.unit.sluice_gateway.door import ACCESS_KEY, HOST, PROJECT, SECRET_KEY, Answered, Door

LOGIN = "/v3/auth/tokens"


def by_password(name: str = ACCESS_KEY, password: str = SECRET_KEY, scope: Any = None) -> bytes:
    user = {"name": name, "password": password, "domain": {"name": "somebody"}}
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return json.dumps({"auth": auth | ({"scope": scope} if scope else {})}).encode()


def by_key(access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> bytes:
    pair = {"access": {"key": access_key}, "secret": {"key": secret_key}}
    return json.dumps({"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}).encode()


async def log_in(door: Door, body: bytes | None = None, target: str = LOGIN) -> Answered:
    return await door.ask("POST", target, by_password() if body is None else body, {"Content-Type": "application/json"})


@pytest.mark.parametrize(("body", "method"), [(by_password(), "password"), (by_key(), "hw_ak_sk")])
async def test_a_key_and_its_secret_are_worth_a_token_of_24_hours(body: bytes, method: str) -> None:
    door = Door()
    made = await log_in(door, body)
    assert made.status == 201
    token = made.json["token"]
    assert set(token) == {"expires_at", "issued_at", "methods", "project", "user", "roles", "catalog"}
    assert (token["issued_at"], token["expires_at"]) == ("2023-11-14T22:13:20.000000Z", "2023-11-15T22:13:20.000000Z")
    assert (token["methods"], token["project"]["id"], token["user"]["name"]) == ([method], PROJECT, ACCESS_KEY)
    assert [role["name"] for role in token["roles"]] == ["admin"]
    assert token["catalog"][0]["endpoints"][0]["url"] == f"http://{HOST}/v2/{PROJECT}"
    assert SECRET_KEY not in made.body.decode() + str(made.headers)
    shown = {"X-Auth-Token": made.headers["x-subject-token"]}
    assert (await door.ask("GET", f"/v2/{PROJECT}/fgs/functions", headers=shown)).status == 200
    assert door.api_saw[0]["state"]["identity"].access_key == ACCESS_KEY


async def test_a_token_ends_with_its_time_and_with_its_key() -> None:
    door = Door()
    shown = {"X-Auth-Token": (await log_in(door)).headers["x-subject-token"]}
    door.clock.advance(24 * 3600 - 1)
    assert (await door.ask("GET", "/v2/p1/x", headers=shown)).status == 200
    door.clock.advance(1)
    assert (await door.ask("GET", "/v2/p1/x", headers=shown)).code == "FSS.0401"
    shown = {"X-Auth-Token": (await log_in(door)).headers["x-subject-token"]}
    door.snapshot.apply(Change(9, removed=f"key:{ACCESS_KEY}"))
    assert (await door.ask("GET", "/v2/p1/x", headers=shown)).code == "FSS.0401"


@pytest.mark.parametrize(
    "body",
    [by_password(password="wrong"), by_password(name="nobody"), by_password(password=""), by_key(secret_key="wrong"), by_key("nobody")],
)
async def test_a_wrong_secret_and_an_unknown_key_are_refused_in_the_same_words(body: bytes) -> None:
    door = Door()
    refused = await log_in(door, body)
    assert (refused.status, refused.json) == (
        401,
        {
            "error_code": "FSS.0401",
            "error_msg": "The user name or the password is wrong.",
            "error": {"code": 401, "message": "The user name or the password is wrong.", "title": "Unauthorized"},
        },
    )
    assert "x-subject-token" not in refused.headers
    assert [(labels, value) for _, labels, value in door.gateway.samples()] == [(("login",), 1.0)]


@pytest.mark.parametrize(
    "key",
    [
        Key("TEMPORARY", SECRET_KEY, PROJECT, expires=2e9, security_token="t"),
        Key("APP", SECRET_KEY, PROJECT, role="app", app_code="APP_x"),
        Key("GONE", SECRET_KEY, PROJECT, expires=1.0),
    ],
)
async def test_temporary_and_expired_keys_and_apps_get_no_token(key: Key) -> None:
    door = Door()
    door.snapshot.apply(Change(2, key=key))
    assert (await log_in(door, by_key(key.access_key))).status == 401


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({"project": {"id": PROJECT}}, 201),
        ({"project": {"name": "local-1"}}, 201),
        ({"domain": {"name": "somebody"}}, 201),
        ({"project": {"id": "p2"}}, 401),
        ({"project": {"name": "elsewhere"}}, 401),
    ],
)
async def test_a_token_is_for_the_keys_own_project(scope: Any, status: int) -> None:
    assert (await log_in(Door(), by_password(scope=scope))).status == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"auth": {"identity": {"methods": ["token"], "token": {"id": "x"}}}}',
        b'{"auth": {"identity": {"methods": ["password"]}}}',
        b'{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": 1}}}}}',
        b"[" * 10_000,
    ],
)
async def test_a_body_that_says_nothing_known_is_refused(body: bytes) -> None:
    assert (await log_in(Door(), body)).code == "FSS.0400"


async def test_who_guesses_is_slowed_down_and_the_right_secret_waits_too() -> None:
    door = Door()
    for _ in range(10):
        assert (await log_in(door, by_password(password="guess"))).status == 401
    slowed = await log_in(door)
    assert (slowed.status, slowed.code) == (429, "FSS.0429")
    assert int(slowed.headers["retry-after"]) >= 6
    door.clock.advance(7)
    assert (await log_in(door)).status == 201


async def test_the_catalog_may_be_left_out() -> None:
    assert (await log_in(Door(), target=LOGIN + "?nocatalog=true")).json["token"]["catalog"] == []


async def test_a_body_of_megabytes_is_not_read() -> None:
    assert (await log_in(Door(), b"x" * 20_000)).status == 413


async def test_only_post_asks_for_a_token_and_every_answer_names_the_request() -> None:
    door = Door()
    refused = await door.ask("GET", LOGIN, b"", {})
    assert (refused.status, refused.headers["allow"]) == (405, "POST")
    for answer in (refused, await log_in(door), await log_in(door, b"{}")):
        assert answer.headers["x-request-id"]
