"""The checklist's fifteenth item: which version an alias sends a call to, by weight and by the headers of the request."""

import base64
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.driver import FUNCTIONS, Sluice, zipped
from tests.functiongraph.client import Sdk
from tests.functiongraph.senders import Wire
from tests.functiongraph.test_triggers import apig

CALLS = 1000
GREY = {"rule_type": "Header", "param": "X-Grey", "op": "=", "value": "yes"}
REGION = {"rule_type": "Header", "param": "x-region", "op": "in", "value": "north, south"}


@pytest.fixture(scope="module")
def versioned(sdk: Sdk) -> Iterator[str]:
    """A function with the versions v1 and v2, which says in an envelope which of them it is."""
    code = base64.b64encode(zipped(FUNCTIONS / "version")).decode()
    body: dict[str, Any] = {
        "func_name": f"fn-{secrets.token_hex(5)}", "package": "default", "runtime": "Custom Image", "handler": "-", "timeout": 30,
        "memory_size": 128, "code_type": "zip", "code_filename": "code.zip", "func_code": {"file": code},
    }  # fmt: skip
    urn: str = sdk("create_function", body=body).func_urn.removesuffix(":latest")
    for number in (1, 2):
        sdk("create_function_version", function_urn=urn, body={"version": f"v{number}"})
        kept = {name: body[name] for name in ("func_name", "runtime", "handler", "memory_size")}
        sdk("update_function_config", function_urn=urn, body=kept | {"timeout": 30 + number})
    sdk("create_version_alias", function_urn=urn, body={"name": "live", "version": "v1"})
    yield urn
    sdk("delete_function", function_urn=urn)


@pytest.fixture
def wire(sluice: Sluice) -> Iterator[Wire]:
    opened = Wire(sluice)
    yield opened
    opened.close()


def point(sdk: Sdk, urn: str, **settings: Any) -> None:
    sdk("update_version_alias", function_urn=urn, alias_name="live", body={"version": "v1", **settings})


def answered_by(sdk: Sdk, wire: Wire, urn: str, headers: dict[str, str] | None = None) -> str:
    """The version that ran a call."""
    target = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{urn}:!live/invocations"
    answer = wire.signed(sdk, "POST", target, b"{}", headers)
    assert answer.status == 200, answer.body
    version: str = json.loads(answer.json["body"])["version"]
    return version


@pytest.mark.parametrize(("weight", "least", "most"), [(0, 0, 0), (50, 430, 570), (100, CALLS, CALLS)])
def test_13_15_the_additional_version_gets_its_percentage(sdk: Sdk, wire: Wire, versioned: str, weight: int, least: int, most: int) -> None:
    """Of 1000 fair throws 430 to 570 are heads but for one run in 100,000."""
    point(sdk, versioned, additional_version_weights={"v2": weight})
    ran = Counter(answered_by(sdk, wire, versioned) for _ in range(CALLS))
    assert least <= ran["v2"] <= most, ran
    assert ran.total() == ran["v1"] + ran["v2"] == CALLS


@pytest.mark.parametrize(
    ("combine", "headers", "version"),
    [
        ("and", {"X-Grey": "yes", "X-Region": "north"}, "v2"),
        ("and", {"x-gREY": "yes", "x-REGION": "south"}, "v2"),
        ("and", {"X-Grey": "yes", "X-Region": "east"}, "v1"),
        ("and", {"X-Grey": "yes"}, "v1"),
        ("or", {"X-GREY": "yes"}, "v2"),
        ("or", {"x-region": "south"}, "v2"),
        ("or", {"X-Grey": "no", "X-Region": "nor"}, "v1"),
        ("or", {}, "v1"),
    ],
)
def test_13_15_header_rules_choose_the_version(
    sdk: Sdk, wire: Wire, versioned: str, combine: str, headers: dict[str, str], version: str
) -> None:
    point(sdk, versioned, additional_version_strategy={"v2": {"combine_type": combine, "rules": [GREY, REGION]}})
    shown = sdk("show_version_alias", function_urn=versioned, alias_name="live").additional_version_strategy["v2"]
    assert (shown.combine_type, [rule.op for rule in shown.rules]) == (combine, ["=", "in"])
    assert {answered_by(sdk, wire, versioned, headers) for _ in range(5)} == {version}


@pytest.mark.parametrize(("headers", "version"), [({"X-Grey": "yes"}, "v2"), ({}, "v1")])
def test_13_15_header_rules_hold_for_asynchronous_invocations(
    sdk: Sdk, wire: Wire, versioned: str, headers: dict[str, str], version: str
) -> None:
    point(sdk, versioned, additional_version_strategy={"v2": {"combine_type": "or", "rules": [GREY]}})
    target = f"/v2/{sdk.credentials['project_id']}/fgs/functions/{versioned}:!live/invocations-async"
    accepted = wire.signed(sdk, "POST", target, b"{}", headers)
    assert accepted.status == 202
    assert printed_by(sdk, wire, versioned, accepted.json["request_id"]) == version


def printed_by(sdk: Sdk, wire: Wire, urn: str, request: str) -> str:
    """The version whose log has lines of the request, once there are any."""
    deadline = time.monotonic() + 20
    while True:
        answer = wire.signed(sdk, "GET", f"/sluice/v1/{sdk.credentials['project_id']}/functions/{urn}/logs")
        for line in map(json.loads, answer.body.splitlines()):
            if line["event"] == request:
                return str(line["urn"]).rpartition(":")[2]
        assert time.monotonic() < deadline, answer.body[-500:]
        time.sleep(0.02)


@pytest.mark.parametrize("weight", [0, 100])
def test_13_15_a_trigger_of_the_alias_follows_it(sdk: Sdk, wire: Wire, versioned: str, name: str, weight: int) -> None:
    """By weight without rules, and with rules by the headers of the request."""
    made = sdk("create_function_trigger", function_urn=f"{versioned}:!live", body=apig(f"/{name}"))
    named = {"function_urn": f"{versioned}:!live", "trigger_type_code": "APIG", "trigger_id": made.trigger_id}
    try:
        point(sdk, versioned, additional_version_weights={"v2": weight})
        assert version_behind(wire, name) == ("v2" if weight else "v1")
        point(sdk, versioned, additional_version_strategy={"v2": {"combine_type": "or", "rules": [GREY]}})
        assert (version_behind(wire, name, {"x-grey": "yes"}), version_behind(wire, name)) == ("v2", "v1")
    finally:
        sdk("delete_function_trigger", **named)


def version_behind(wire: Wire, name: str, headers: dict[str, str] | None = None) -> str:
    """The version that answers at the trigger's path."""
    answer = wire.ask("GET", f"/{name}", headers=headers)
    assert answer.status == 200, answer.body
    version: str = answer.json["version"]
    return version
