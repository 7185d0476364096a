"""Aliases through the unmodified SDK; one test an operation."""

from typing import Any

import pytest

from tests.functiongraph.client import Sdk
from tests.functiongraph.conftest import reconfigure


@pytest.fixture
def versioned(sdk: Sdk, function: str) -> str:
    """A function with the versions v1 and v2 beside latest."""
    sdk("create_function_version", function_urn=function, body={"version": "v1"})
    reconfigure(sdk, function)
    sdk("create_function_version", function_urn=function, body={"version": "v2"})
    return function


def alias(name: str = "live", version: str = "v1", **more: Any) -> dict[str, Any]:
    return {"name": name, "version": version, **more}


def test_create_version_alias_with_a_weight(sdk: Sdk, versioned: str) -> None:
    body = alias(description="production", additional_version_weights={"v2": 10})
    made = sdk("create_version_alias", function_urn=versioned, body=body)
    assert (made.name, made.version, made.description) == ("live", "v1", "production")
    assert (made.alias_urn, made.additional_version_weights) == (f"{versioned}:!live", {"v2": 10})
    assert sdk("show_function_config", function_urn=made.alias_urn).version == "v1"


def test_create_version_alias_refuses_what_is_wrong(sdk: Sdk, versioned: str) -> None:
    sdk("create_version_alias", function_urn=versioned, body=alias())
    for body, code, status in [
        (alias(version="v2"), "FSS.1063", 409),
        (alias("other"), "FSS.1066", 409),
        (alias("other", "v9"), "FSS.1052", 404),
        (alias("9 lives", "v2"), "FSS.1014", 400),
        (alias("other", "v2", additional_version_weights={"v1": 101}), "FSS.1092", 400),
        (alias("other", "v2", additional_version_weights={"v2": 1}), "FSS.1093", 400),
    ]:
        sdk.refused("create_version_alias", code, status, function_urn=versioned, body=body)


def test_show_version_alias(sdk: Sdk, versioned: str) -> None:
    sdk("create_version_alias", function_urn=versioned, body=alias())
    shown = sdk("show_version_alias", function_urn=versioned, alias_name="live")
    assert (shown.name, shown.version, shown.alias_urn) == ("live", "v1", f"{versioned}:!live")
    sdk.refused("show_version_alias", "FSS.1053", 404, function_urn=versioned, alias_name="nobody")


def test_list_version_aliases_is_an_array(sdk: Sdk, versioned: str) -> None:
    assert sdk("list_version_aliases", function_urn=versioned).raw_content == b"[]"
    for version in ("v1", "v2"):
        sdk("create_version_alias", function_urn=versioned, body=alias(f"to-{version}", version))
    assert [shown.name for shown in sdk("list_version_aliases", function_urn=versioned).body] == ["to-v1", "to-v2"]
    sdk.refused("list_version_aliases", "FSS.1051", 404, function_urn=f"{versioned}x")


def test_update_version_alias_points_elsewhere(sdk: Sdk, versioned: str) -> None:
    sdk("create_version_alias", function_urn=versioned, body=alias())
    moved = sdk("update_version_alias", function_urn=versioned, alias_name="live", body={"version": "v2", "description": "moved"})
    assert (moved.version, moved.description) == ("v2", "moved")
    assert sdk("show_function_config", function_urn=f"{versioned}:!live").version == "v2"
    sdk.refused("update_version_alias", "FSS.1053", 404, function_urn=versioned, alias_name="nobody", body={"version": "v1"})
    sdk.refused("update_version_alias", "FSS.1052", 404, function_urn=versioned, alias_name="live", body={"version": "v9"})


def test_delete_version_alias(sdk: Sdk, versioned: str) -> None:
    sdk("create_version_alias", function_urn=versioned, body=alias())
    assert sdk("delete_version_alias", function_urn=versioned, alias_name="live").status_code == 204
    sdk.refused("delete_version_alias", "FSS.1053", 404, function_urn=versioned, alias_name="live")


def test_delete_version_alias_with_triggers_is_refused(sdk: Sdk, versioned: str) -> None:
    sdk("create_version_alias", function_urn=versioned, body=alias())
    timer = {"trigger_type_code": "TIMER", "event_data": {"name": "tick", "schedule_type": "Rate", "schedule": "10m"}}
    sdk("create_function_trigger", function_urn=f"{versioned}:!live", body=timer)
    sdk.refused("delete_version_alias", "FSS.1154", 403, function_urn=versioned, alias_name="live")
