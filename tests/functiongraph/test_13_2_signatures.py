"""The checklist's second item, over a real gateway: what is signed is accepted, and what is changed afterwards is refused."""

import json
from collections.abc import Iterator

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, ListFunctionsRequest

from tests.e2e.driver import Sluice
from tests.functiongraph.client import Refusal, Sdk, forms
from tests.functiongraph.senders import Wire, command, key_of_role, with_key

BODY = json.dumps({"do": "tell", "ü": "ä"}).encode()


@pytest.fixture
def wire(sluice: Sluice) -> Iterator[Wire]:
    opened = Wire(sluice)
    yield opened
    opened.close()


def other(character: str) -> str:
    """Another character that is as good in the same place."""
    return "8" if character == "7" else "7"


def changes(text: str, begin: int = 0) -> Iterator[str]:
    """The text with each of its characters replaced."""
    for at in range(begin, len(text)):
        if text[at] not in "/?&=% ":
            yield text[:at] + other(text[at]) + text[at + 1 :]


def test_13_2_a_request_of_the_sdk_is_accepted(sdk: Sdk, function: str) -> None:
    assert sdk("show_function_config", function_urn=function).func_urn == f"{function}:latest"


def test_13_2_urns_with_raw_and_escaped_colons_are_both_verified(sdk: Sdk, wire: Wire, function: str) -> None:
    for form in forms(f"{function}:latest"):
        assert wire.signed(sdk, "GET", f"/v2/{sdk.credentials['project_id']}/fgs/functions/{form}/config").status == 200


def test_13_2_each_changed_character_of_the_path_is_refused(sdk: Sdk, wire: Wire, function: str) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{function}/invocations"
    signed = wire.signature(sdk, "POST", path, BODY)
    assert wire.ask("POST", path, BODY, signed).status == 200
    for changed in changes(path, len("/v2/")):
        assert wire.ask("POST", changed, BODY, signed).refusal == (401, "FSS.0401"), changed


def test_13_2_each_changed_character_of_the_query_is_refused(sdk: Sdk, wire: Wire) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions"
    query = "func_name=a%20b&marker=0&maxitems=10&package_name=&twice=1&twice=2"
    signed = wire.signature(sdk, "GET", f"{path}?{query}")
    assert wire.ask("GET", f"{path}?{query}", headers=signed).status == 200
    for changed in (*changes(query), query + "&more=1", query.removesuffix("&twice=2"), ""):
        assert wire.ask("GET", f"{path}?{changed}", headers=signed).refusal == (401, "FSS.0401"), changed


def test_13_2_each_changed_byte_of_the_body_is_refused(sdk: Sdk, wire: Wire, function: str) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{function}/invocations"
    signed = wire.signature(sdk, "POST", path, BODY)
    for at in range(len(BODY)):
        changed = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        assert wire.ask("POST", path, changed, signed).refusal == (401, "FSS.0401"), at
    for changed in (BODY[:-1], BODY + b" ", b"{}"):
        assert wire.ask("POST", path, changed, signed).refusal == (401, "FSS.0401")


@pytest.mark.parametrize("name", ["Host", "X-Sdk-Date", "X-Project-Id", "Content-Type", "Authorization"])
def test_13_2_each_changed_character_of_a_signed_header_is_refused(sdk: Sdk, wire: Wire, name: str) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions"
    signed = wire.signature(sdk, "GET", path, headers={"X-Project-Id": sdk.credentials["project_id"]})
    assert wire.ask("GET", path, headers=signed).status == 200
    for changed in changes(signed[name]):
        assert wire.ask("GET", path, headers={**signed, name: changed}).refusal == (401, "FSS.0401"), changed
    without = {key: value for key, value in signed.items() if key != name}
    if name != "Host":
        assert wire.ask("GET", path, headers=without).refusal == (401, "FSS.0401")


def test_13_2_another_method_date_or_secret_is_refused(sdk: Sdk, wire: Wire) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions"
    signed = wire.signature(sdk, "GET", path)
    assert wire.ask("DELETE", path, headers=signed).refusal == (401, "FSS.0401")
    old = wire.signature(sdk, "GET", path, headers={"X-Sdk-Date": "20200101T000000Z"})
    assert wire.ask("GET", path, headers=old).refusal == (401, "FSS.0401")
    secret = sdk.credentials["secret_key"]
    for changed in changes(secret):
        stranger = Sdk({**sdk.credentials, "secret_key": changed})
        assert wire.signed(stranger, "GET", path).refusal == (401, "FSS.0401")


def test_13_2_an_unknown_key_is_refused_like_a_wrong_secret(sdk: Sdk, wire: Wire) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions"
    unknown = wire.signed(Sdk({**sdk.credentials, "access_key": "SL000000000000000000"}), "GET", path)
    wrong = wire.signed(Sdk({**sdk.credentials, "secret_key": "x"}), "GET", path)
    assert (unknown.status, unknown.json) == (wrong.status, wrong.json)


def test_13_2_the_same_signature_within_a_second_is_accepted(sdk: Sdk, wire: Wire) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions"
    signed = wire.signature(sdk, "GET", path)
    assert [wire.ask("GET", path, headers=signed).status for _ in range(3)] == [200, 200, 200]


def test_13_2_a_json_body_cannot_be_left_unsigned(sdk: Sdk, wire: Wire, function: str) -> None:
    path = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{function}/invocations"
    unsigned = {"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD"}
    assert wire.signed(sdk, "POST", path, BODY, unsigned).refusal == (401, "FSS.0401")
    # The SDK leaves what is no JSON unsigned by itself.
    assert wire.signed(sdk, "POST", path, b"\x00\xff", {"Content-Type": "application/octet-stream"}).refusal == (406, "FSS.0406")


def test_13_2_the_sdk_with_a_temporary_key_is_accepted_until_the_key_is_revoked(sluice: Sluice) -> None:
    made = command(sluice, "keys", "create", "--role", "reader", "--ttl", "1h")
    temporary = with_key(sluice, made)
    with pytest.raises(Refusal) as refused:
        temporary("list_functions")
    assert (refused.value.status_code, refused.value.error_code) == (401, "FSS.0401")
    keys = BasicCredentials(made["access_key"], made["secret_key"], made["project_id"]).with_security_token(made["security_token"])
    client = FunctionGraphClient.new_builder().with_credentials(keys).with_endpoint(sluice.credentials["endpoint"]).build()
    assert client.list_functions(ListFunctionsRequest()).functions is not None
    status, _ = sluice.send("DELETE", f"/sluice/v1/{sluice.project}/keys/{made['access_key']}")
    assert status == 204
    with pytest.raises(Refusal):
        client.list_functions(ListFunctionsRequest())


def test_13_2_the_sdk_finds_its_project_by_itself(sluice: Sluice, sdk: Sdk) -> None:
    endpoint = sluice.credentials["endpoint"]
    invoker = key_of_role(sluice, "reader")
    keys = BasicCredentials(invoker.credentials["access_key"], invoker.credentials["secret_key"]).with_iam_endpoint(endpoint)
    client = FunctionGraphClient.new_builder().with_credentials(keys).with_region(Region("local-1", endpoint)).build()
    assert client.list_functions(ListFunctionsRequest()).count >= 0
    assert keys.project_id == sluice.project


def test_13_2_a_token_is_as_good_as_a_signature_and_ends_with_its_key(sluice: Sluice, wire: Wire) -> None:
    made = command(sluice, "keys", "create", "--role", "reader")
    user = {"name": made["access_key"], "password": made["secret_key"], "domain": {"name": "d"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = json.dumps({"auth": {"identity": identity, "scope": {"project": {"name": "local-1"}}}}).encode()
    answer = wire.ask("POST", "/v3/auth/tokens", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.json["token"]["project"]["id"]) == (201, sluice.project)
    shown = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
    path = f"/v2/{sluice.project}/fgs/functions"
    assert wire.ask("GET", path, headers=shown).status == 200
    assert wire.ask("DELETE", f"{path}/nothing", headers=shown).refusal == (403, "FSS.0403")
    for changed in changes(shown["X-Auth-Token"]):
        assert wire.ask("GET", path, headers={"X-Auth-Token": changed}).refusal == (401, "FSS.0401")
    sluice.send("DELETE", f"/sluice/v1/{sluice.project}/keys/{made['access_key']}")
    assert wire.ask("GET", path, headers=shown).refusal == (401, "FSS.0401")


def test_13_2_refusals_are_counted_by_reason_and_nothing_secret_is_logged(sluice: Sluice, wire: Wire, sdk: Sdk) -> None:
    path = f"/v2/{sluice.project}/fgs/functions"
    wire.ask("GET", path, headers={"X-Auth-Token": "a-token-that-nobody-issued"})
    wire.ask("GET", path, headers={"X-Apig-AppCode": "a-code-that-nobody-made"})
    wire.signed(Sdk({**sdk.credentials, "secret_key": "x"}), "GET", path)
    pair = {"access": {"key": "nobody"}, "secret": {"key": "a-secret-that-is-wrong"}}
    wrong = json.dumps({"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}).encode()
    assert wire.ask("POST", "/v3/auth/tokens", wrong).refusal == (401, "FSS.0401")
    metrics = wire.ask("GET", "/metrics").body.decode()
    for reason in ("token", "not_signed", "signature", "login"):
        assert f'sluice_senders_refused_total{{reason="{reason}"}}' in metrics
    made = command(sluice, "keys", "create", "--role", "app")
    logged = sluice.log.read_text()
    for secret in (sdk.credentials["secret_key"], made["secret_key"], made["app_code"], "a-token-that", "a-code-that", "a-secret-that"):
        assert secret not in logged
